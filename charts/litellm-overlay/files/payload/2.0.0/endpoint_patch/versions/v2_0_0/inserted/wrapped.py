"""A provider's own error, taken out of the sentence that LiteLLM makes of it (pure).

    litellm.BadRequestError: OpenAIException - {"error": {"message": …, "code": …}}. Received …

LiteLLM tells its own class's status as the code, so without this a client could not tell an unknown
`previous_response_id` from a wrong parameter.
"""

import ast
import json
import re
from typing import Any

_MOST = 16 << 10  # characters to search; machine-readable errors are short
_TRIES = 4  # braces that may open the provider's error, or close it
# `litellm.RateLimitError: AzureException RateLimitError - …`; some releases leave out the first.
_PROVIDER_S = re.compile(r"litellm\.|\w+Exception\b")


def is_provider_error(message: object) -> bool:
    """Tell whether LiteLLM speaks of a call to a provider, not of its own rules."""
    return isinstance(message, str) and _PROVIDER_S.match(message) is not None


def wrapped_error(message: object) -> dict[str, Any]:
    """Return the `error` object that a sentence of LiteLLM's carries; {} if it carries none."""
    if not isinstance(message, str) or not is_provider_error(message):
        return {}
    text = message[:_MOST]
    start = -1
    for _ in range(_TRIES):
        start = text.find("{", start + 1)
        if start < 0:
            break
        parsed = _object_at(text, start)
        error = parsed.get("error", parsed)
        if isinstance(error, dict) and isinstance(error.get("message"), str):
            return error
    return {}


def _object_at(text: str, start: int) -> dict[str, Any]:
    """Return the object that begins there, as JSON or as Python prints one; {} if none does."""
    try:
        value = json.JSONDecoder().raw_decode(text, start)[0]
    except (ValueError, RecursionError):
        value = _python_at(text, start)
    return value if isinstance(value, dict) else {}


def _python_at(text: str, start: int) -> Any:
    end = len(text)
    for _ in range(_TRIES):  # LiteLLM may go on after it, with braces of its own
        end = text.rfind("}", start, end)
        if end < 0:
            break
        try:
            return ast.literal_eval(text[start : end + 1])
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            continue
    return None
