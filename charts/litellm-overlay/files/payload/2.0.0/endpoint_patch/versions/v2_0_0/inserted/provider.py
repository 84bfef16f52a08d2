"""What the headers of LiteLLM's answer tell of the provider behind it (pure)."""

from collections.abc import Iterable
from dataclasses import dataclass

_OPENAI_HOSTS = (
    ".api.openai.com",
    ".openai.azure.com",
    ".cognitiveservices.azure.com",
    ".services.ai.azure.com",
)
_API_BASE = b"x-litellm-model-api-base"
_PROVIDER = b"llm_provider-"  # before each header of the provider's that LiteLLM passes on


@dataclass(frozen=True)
class Provider:
    """Who answered, as far as a Responses client must know.

    `is_openai`: OpenAI or Azure, which keep reasoning under its id and nowhere else unless it is
    sealed. `has_responses`: it has a Responses API of its own; otherwise LiteLLM asked for a chat
    completion, and knows earlier responses only if it keeps conversations itself.
    """

    is_openai: bool
    has_responses: bool


NOBODY = Provider(is_openai=False, has_responses=True)  # nothing is known, nothing follows


def read_provider(headers: Iterable[tuple[bytes, bytes]]) -> Provider:
    """Return who answered a request, by the answer's headers."""
    api_base, own = None, set()
    for raw, value in headers:  # many, and of each answer
        name = raw.lower()
        if name.startswith(_PROVIDER):
            own.add(name[len(_PROVIDER) :])
        elif name == _API_BASE:
            api_base = value.decode("latin-1")
    host = (api_base or "").partition("://")[2].partition("/")[0].partition(":")[0]
    return Provider(
        is_openai=f".{host}".endswith(_OPENAI_HOSTS)
        or any(name.startswith(b"openai-") for name in own),
        has_responses=bool(own) or api_base is not None,
    )
