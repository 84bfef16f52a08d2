"""The malicious releases: this payload's list, and what a plan adds to it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from endpoint_patch import stock_file
from endpoint_patch.errors import CompromisedReleaseError

if TYPE_CHECKING:
    from collections.abc import Iterable


def refuse(releases: Iterable[str], also: Iterable[str] = ()) -> None:
    """Raise CompromisedReleaseError if one of `releases` is malicious.

    `also` are malicious releases that became known after this payload was made.
    """
    malicious = {_final(release) for release in (*stock_file.compromised(), *also)} - {()}
    hits = sorted({release for release in releases if _final(release) in malicious})
    if hits:
        raise CompromisedReleaseError(f"LiteLLM {hits[0]} is one of the malicious releases.")


def _final(release: str) -> tuple[int, ...]:
    """Return the numbers of a final release; () for a pre-release, which is another release.

    A local or post-release label hides nothing: "1.82.7+ours" and "v1.82.7.post1" are 1.82.7.
    """
    match = re.match(r"v?([\d.]*\d)(.*)", release.strip(), re.ASCII | re.IGNORECASE)
    if not match or re.match(r"[-_.]?(a|b|c|rc|dev|pre)", match[2], re.IGNORECASE):
        return ()
    numbers = [int(part) for part in re.findall(r"\d+", match[1])]
    while numbers[-1:] == [0]:  # 1.107 is 1.107.0
        numbers.pop()
    return tuple(numbers)
