"""The provider behind an answer, from the headers of LiteLLM 1.82.3 and 1.88.6."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.provider import Provider, read_provider

LITELLM = {"x-litellm-call-id": "c", "x-litellm-version": "1.88.6"}


def base(url):
    return {"x-litellm-model-api-base": url, "llm_provider-server": "x"}


@pytest.mark.parametrize(
    ("headers", "is_openai", "has_responses"),
    [
        ({}, False, False),  # a chat completion, which LiteLLM converts to a response
        (base("https://api.openai.com/v1"), True, True),
        (base("https://eu.api.openai.com/v1"), True, True),
        (base("https://mine.openai.azure.com:443/openai/responses"), True, True),
        (base("https://mine.cognitiveservices.azure.com"), True, True),
        ({"llm_provider-openai-version": "2020-10-01"}, True, True),
        (base("http://vllm.default.svc:8000/v1"), False, True),
        (base("https://api.openai.com.example/v1"), False, True),
        (base("https://notapi.openai.com.evil/v1"), False, True),
        (base("https://myapi.openai.com/v1"), False, True),
        ({"x-litellm-model-api-base": "odd"}, False, True),
        ({"LLM_Provider-Date": "x"}, False, True),
    ],
)
def test_the_provider_is_told_by_the_headers(headers, is_openai, has_responses):
    """The headers tell whether the provider is OpenAI and whether it has a Responses API."""
    encoded = [(k.encode(), v.encode()) for k, v in {**LITELLM, **headers}.items()]
    assert read_provider(encoded) == Provider(is_openai=is_openai, has_responses=has_responses)
