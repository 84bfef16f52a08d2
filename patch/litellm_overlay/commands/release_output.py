"""A release, as the verbs that tell of releases print it."""

from __future__ import annotations

import textwrap
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from litellm_overlay.camel_case import camel, plain
from litellm_overlay.catalogue import assessment
from litellm_overlay.catalogue.releases import Release
from litellm_overlay.printed import printable

if TYPE_CHECKING:
    from litellm_overlay.catalogue.assessment import Answer
    from litellm_overlay.catalogue.releases import Catalogue


def row(answer: Answer, catalogue: Catalogue) -> dict[str, Any]:
    """Return an answer as JSON; an image that cannot be told has the same keys, without values."""
    asked = {"asked": answer.asked, "exact": answer.exact, "why": answer.why}
    pinned = {"pin": assessment.pin(answer.state, catalogue)}
    if answer.release:
        places = [place.path for place in catalogue.paths_of(answer.release.version)]
        return {**asked, **plain(answer.release), **pinned, "modulePaths": places}
    nothing = dict.fromkeys(camel(field.name) for field in fields(Release))
    empty: dict[str, Any] = {"advisories": [], "gaps": [], "modulePaths": []}
    return {**asked, **nothing, **empty, "state": answer.state, **pinned}


def paragraph(label: str, text: str, width: int) -> str:
    """Return a labelled text, wrapped beside its label."""
    return textwrap.fill(
        printable(text),
        width,
        initial_indent=f"{label:<14}",
        subsequent_indent=" " * 14,
        break_long_words=False,
        break_on_hyphens=False,
    )
