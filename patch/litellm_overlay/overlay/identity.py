"""Read a release from the tag of an image that is named like LiteLLM's. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from litellm_overlay.catalogue import assessment, image_tags
from litellm_overlay.errors import NotInCatalogueError
from litellm_overlay.objects.recognition import last_part, names_litellm

if TYPE_CHECKING:
    from litellm_overlay.catalogue.releases import Catalogue, Release


def release_in_tag(image: str, catalogue: Catalogue) -> Release | None:
    """Return the release in the tag of a LiteLLM image, None for other images and tags."""
    try:
        if not names_litellm(last_part(image)):
            return None
        reading = image_tags.read_release(image_tags.parse_image(image))
        return assessment.assess(image, catalogue).release if reading.release else None
    except (ValueError, NotInCatalogueError):
        return None
