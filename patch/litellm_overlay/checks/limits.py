"""Rate a timeout on the way to a proxy, by what it does to a connection. Pure."""

from __future__ import annotations

import re

from litellm_overlay.checks.finding import Finding

PATIENCE = 300  # seconds; how long Codex waits for the next event
HOUR = 3600  # seconds; how long a session lives by default (sessionLifetimeSeconds)
_PINGS = 30  # LiteLLM's server pings every 20 s, so longer idle timeouts never fire
_SHORT = 300  # a shorter maximum lifetime cuts turns, not only long sessions
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "": 1.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|)")


def duration(value: object) -> float | None:
    """Return the seconds of 60, "60", "60s" or "1h30m"; None if the value is no duration."""
    text = str(value).strip()
    if not re.fullmatch(f"(?:{_PART.pattern})+", text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def idle(title: str, topic: str, what: str, seconds: float, fix: str) -> Finding | None:
    """Return the finding for an idle timeout, None for 0 (no limit) or at least an hour.

    `what` names the setting.
    """
    if not 0 < seconds < HOUR:
        return None
    return Finding(
        title,
        "error" if seconds < _PINGS else "warning",
        topic,
        f"a connection that is quiet for {seconds:g} s is cut ({what})",
        "LiteLLM's server pings a WebSocket only every 20 s, so each quiet turn is cut"
        if seconds < _PINGS
        else "the pings of LiteLLM's server, one in 20 s, keep a WebSocket open, if both ends keep "
        "to them; an HTTP answer while the model thinks has no pings and is cut",
        fix,
    )


def life(title: str, topic: str, what: str, seconds: float, fix: str) -> Finding | None:
    """Return the finding for a limit on a connection's lifetime, None for 0 or at least an hour.

    `what` names the setting.
    """
    if not 0 < seconds < HOUR:
        return None
    return Finding(
        title,
        "error" if seconds < _SHORT else "warning",
        topic,
        f"each connection is cut after {seconds:g} s, used or not ({what})",
        "a WebSocket is one request for as long as it lives, so turns are cut in the middle; "
        "Codex makes a new connection and sends everything again",
        fix,
    )
