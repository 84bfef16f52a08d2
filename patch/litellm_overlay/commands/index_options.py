"""Ask the package index about a release that is newer than the catalogue, unless --offline."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import click

from litellm_overlay.catalogue.releases import UNREVIEWED
from litellm_overlay.errors import OverlayError
from litellm_overlay.index import lookup, telling
from litellm_overlay.local import environment
from litellm_overlay.local.cache import cache_root
from litellm_overlay.printed import sanitize

if TYPE_CHECKING:
    from litellm_overlay.catalogue.assessment import Assessment
    from litellm_overlay.catalogue.releases import Catalogue
    from litellm_overlay.index.lookup import LookupResult

offline_option = click.option(
    "--offline", is_flag=True, help="Ask no package index about a release that is newer."
)


def look_up(assessed: Assessment, *, offline: bool) -> LookupResult | None:
    """Return the index's answer on a release newer than the catalogue; None if not asked."""
    if offline or not assessed.release or assessed.state != UNREVIEWED:
        return None
    version = assessed.release.version
    try:
        index = environment.index_url()
    except OverlayError as error:
        return lookup.LookupResult(version, None, fault=error.message.splitlines()[-1])
    return lookup.look_up(version, index, cache_root())


def describe_lookup(look: LookupResult | None, catalogue: Catalogue) -> tuple[str, ...]:
    """Return sentences for people: warnings, and the identity of endpoints.py; () for None."""
    if look is None:
        return ()
    today = dt.datetime.now(dt.timezone.utc).date()
    file = telling.describe_stock_file(look, catalogue)
    sentences = [
        *telling.warnings(look, today),
        *([f"LiteLLM {look.version}: {file}"] if file else []),
    ]
    return tuple(map(sanitize, sentences))
