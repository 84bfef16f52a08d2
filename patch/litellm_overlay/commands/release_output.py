"""Format a release for the verbs that print releases."""

from __future__ import annotations

import textwrap
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from litellm_overlay.camel_case import to_camel_case, to_camel_case_data
from litellm_overlay.catalogue import assessment
from litellm_overlay.catalogue.releases import Release
from litellm_overlay.printed import sanitize

if TYPE_CHECKING:
    from litellm_overlay.catalogue.assessment import Assessment
    from litellm_overlay.catalogue.releases import Catalogue


def to_json(answer: Assessment, catalogue: Catalogue) -> dict[str, Any]:
    """Return an assessment as JSON data, with the same keys (null or []) without a release."""
    asked = {"asked": answer.asked, "exact": answer.exact, "why": answer.why}
    pinned = {"pin": assessment.patch_to_pin(answer.state, catalogue)}
    if answer.release:
        places = [place.path for place in catalogue.paths_of(answer.release.version)]
        return {**asked, **to_camel_case_data(answer.release), **pinned, "modulePaths": places}
    nothing = dict.fromkeys(to_camel_case(field.name) for field in fields(Release))
    empty: dict[str, Any] = {"advisories": [], "gaps": [], "modulePaths": []}
    return {**asked, **nothing, **empty, "state": answer.state, **pinned}


def paragraph(label: str, text: str, width: int) -> str:
    """Return a text wrapped to `width` columns, with its label to the left."""
    return textwrap.fill(
        sanitize(text),
        width,
        initial_indent=f"{label:<14}",
        subsequent_indent=" " * 14,
        break_long_words=False,
        break_on_hyphens=False,
    )
