"""Which web pages may open a WebSocket: those that CORS lets call this proxy (pure).

A browser asks no one before it opens a WebSocket, so the server has to look at `Origin` itself.
"""

from collections.abc import Iterable
from typing import Any

from starlette.middleware.cors import CORSMiddleware


def allows(origin: str, middlewares: Iterable[Any], *, by_name: bool) -> bool:
    """Tell whether an application's CORS settings allow an origin.

    `middlewares` are Starlette's records of the application's. `by_name`: "*" does not count, the
    origin must be listed. Without settings no foreign origin is allowed, as with CORS itself.
    """
    return any(
        _rules(vars(each), by_name=by_name).is_allowed_origin(origin)
        for each in middlewares
        if isinstance(each.cls, type) and issubclass(each.cls, CORSMiddleware)
    )


def _rules(record: dict[str, Any], *, by_name: bool) -> CORSMiddleware:
    options = record.get("kwargs") or record.get("options") or {}  # Starlette before 0.35
    rules = {
        name: options[name] for name in ("allow_origins", "allow_origin_regex") if name in options
    }
    if by_name:
        rules["allow_origins"] = [name for name in rules.get("allow_origins", ()) if name != "*"]
    return CORSMiddleware(_no_application, **rules)


async def _no_application(*_: Any) -> None:
    """Stand for the application behind the rules, which are asked alone."""
