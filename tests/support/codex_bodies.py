"""One Codex session with every kind of item, and the request bodies that the provider receives."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from support.codex_app_server import session

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from support.codex_app_server import Turn
    from support.fleet import Live

PROMPTS = (
    "say hi",
    "TRIGGERTOOL",
    "TRIGGERREASON",
    "TRIGGERCUSTOM",
    "TRIGGERREASON TRIGGERTOOL",
    "bye",
)

# What differs between any two sessions: random ids, sealed contents, and parts of texts.
OWN_VALUES = {"id", "call_id", "prompt_cache_key", "encrypted_content"}
OWN_TEXTS = (
    (re.compile(r"/tmp/codex-[^/\s\"<]+"), "<scratch>"),
    (re.compile(r"Chunk ID: \w+"), "Chunk ID: <id>"),
    (re.compile(r"Wall time: [\d.]+ seconds"), "Wall time: <time>"),
)
# (path, newest Codex with the difference, reason). No other difference is permitted.
PERMITTED = (
    (
        r"input/\d+/(id|status)",
        "0.145.0",
        """Older Codex drops an output item's id and status when it sends it again over HTTP; the
        bridge sends it as it came, as OpenAI documents stateless use and newer Codex does.""",
    ),
    (
        r"input/\d+/content/\d+/annotations",
        "0.145.0",
        "Older Codex drops the empty list of annotations; the bridge sends the item as it came.",
    ),
)


def converse(
    live: Live,
    binary: Path,
    key: str,
    *,
    websockets: bool,
    model: str = "gpt-5.4",
    prompts: Sequence[str] = PROMPTS,
    more: str = "",
    after: Callable[[], object] = lambda: None,
) -> tuple[list[Turn], list[dict[str, Any]]]:
    """Run one session; return its turns and the bodies that the provider received by POST.

    `more` is appended to Codex's configuration, in the provider's section. `after` runs after each
    turn.
    """
    since = len(live.provider_log())
    url = f"{live.proxy.url}/v1"
    with session(binary, url, model, key, websockets=websockets, more=more) as server:
        turns = []
        for prompt in prompts:
            turns.append(server.turn(prompt))
            after()
    records = live.provider_log()[since:]
    return turns, [record["body"] for record in records if record["kind"] == "request"]


def comparable(value: Any, numbers: dict[tuple[str, str], int], key: str = "") -> Any:
    """Return a JSON value with each random id replaced by a number and each text normalized.

    `numbers` collects the numbers, in order of first appearance; equal ids get equal numbers.
    """
    if isinstance(value, dict):
        return {name: comparable(item, numbers, name) for name, item in sorted(value.items())}
    if isinstance(value, list):
        return [comparable(item, numbers) for item in value]
    if isinstance(value, str):
        if key in OWN_VALUES:
            return f"<{key} {numbers.setdefault((key, value), len(numbers))}>"
        for pattern, name in OWN_TEXTS:
            value = pattern.sub(name, value)
    return value


def leaves(value: Any, path: str = "") -> dict[str, Any]:
    """Return {path: value} of every scalar and of every empty object or array."""
    pairs = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    below = [leaves(item, f"{path}/{name}".lstrip("/")) for name, item in pairs]
    return {path: value} if not below else {k: v for part in below for k, v in part.items()}


def differences(ours: Any, theirs: Any) -> list[str]:
    """Return the sorted paths at which two bodies differ or that only one of them has."""
    one, other = leaves(ours), leaves(theirs)
    missing = object()
    return sorted(
        path
        for path in one.keys() | other.keys()
        if one.get(path, missing) != other.get(path, missing)
    )


def is_permitted(path: str, version: str) -> bool:
    """Tell whether PERMITTED lists a difference at this path for this Codex version."""
    number = [int(part) for part in version.split(".")]
    return any(
        re.fullmatch(where, path) and number <= [int(part) for part in until.split(".")]
        for where, until, _ in PERMITTED
    )


def without_dropped(body: dict[str, Any], version: str) -> Any:
    """Return a comparable body, without the item ids that this Codex version may drop."""
    cleaned = {**body, "input": [dict(item) for item in body["input"]]}
    for number, item in enumerate(cleaned["input"]):
        if is_permitted(f"input/{number}/id", version):
            item.pop("id", None)
    return comparable(cleaned, {})
