"""Turn a lookup in the package index into warnings for people."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from endpoint_patch import stock_file

if TYPE_CHECKING:
    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.index.lookup import LookupResult

YOUNG = 7  # days; past malware was found sooner
_BASIS = {
    "handler": "is new, its WebSocket handler is not: the guard takes it as {state}",
    "ast": "is new, and has upstream's fix by its shape, in a WebSocket handler nobody has read",
    None: "is new, and the guard refuses it, unless onUnknown says else",
}


def warnings(look: LookupResult, today: dt.date) -> tuple[str, ...]:
    """Return warnings about a release; at least one, since nobody has reviewed it."""
    name = f"LiteLLM {look.version}"
    if look.listed is None:
        return (f"{name} is unreviewed; the package index could not be asked: {look.fault}",)
    if not look.listed:
        return (f"{name} is not on the package index: withdrawn, or never published there",)
    age = "the package index does not say how old"
    sentences = []
    if look.uploaded:
        days = (today - dt.date.fromisoformat(look.uploaded)).days
        age = f"{days} day{'' if days == 1 else 's'} old"
        if days < YOUNG:
            sentences.append(
                f"{name} is younger than {YOUNG} days: wait, malware shows in such a time"
            )
    if look.yanked is not None:
        sentences.append(f"{name} was withdrawn from the package index: {look.yanked}")
    return (f"{name} is unreviewed, {age}", *sentences)


def describe_stock_file(look: LookupResult, catalogue: Catalogue) -> str:
    """Return a sentence that identifies a release's endpoints.py, "" if it was not read."""
    if look.endpoints is None:
        return ""
    stock = stock_file.identify(look.endpoints, look.version)
    same = [release for release in catalogue.releases if release.endpoints_sha256 == stock.sha256]
    if same:
        return f"its endpoints.py is that of {same[-1].version}, which is {same[-1].state}"
    what = _BASIS[stock.basis].format(state=stock.state)
    return f"its endpoints.py {what} (sha256 {stock.sha256})"
