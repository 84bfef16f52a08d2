"""Every published endpoints.py with the route can be patched."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import sys
from pathlib import Path

import pytest

from endpoint_patch import edits, plan, stock_file, syntax, versions
from endpoint_patch.postconditions import verify
from litellm_overlay.catalogue import releases
from litellm_overlay.local.cache import cache_root

SCRIPT = Path(__file__).parents[2] / "scripts" / "map_releases.py"
MODES = ("websocket", "http-fallback")
# For each file the newest release that has it.
CARRIERS = {each.endpoints_sha256: each for each in releases.load().releases if each.handler_sha256}


@pytest.fixture(scope="module")
def read():
    """Return a function that reads a release's file from the index by range, through the cache."""
    spec = importlib.util.spec_from_file_location("map_releases", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script
    spec.loader.exec_module(script)
    index = script.Index(cache_root() / "map")
    published = {each.version: each for each in index.published()}
    return lambda version: index.read(published[version].file, script.ENDPOINTS)


@pytest.mark.parametrize("release", CARRIERS.values(), ids=lambda each: each.version)
def test_it_can_be_patched(read, release):
    """Each file is patched by both versions in both modes, restored, and uses none of our names."""
    stock = read(release.version)
    assert hashlib.sha256(stock).hexdigest() == release.endpoints_sha256
    file = stock_file.identify(stock, release.version)
    assert (file.state, file.basis) == (release.state, "sha256")
    assert file.handler_sha256 == release.handler_sha256
    for name, mode in itertools.product(releases.load().patch_versions, MODES):
        version, settings = versions.load(name), plan.check_settings({"mode": mode})
        patched = edits.patch(stock, version, settings, release.version)
        verify(stock, patched, version)
        assert edits.undo(patched) == stock
    tree = syntax.parse(stock)
    # The bridge looks for this route when it is imported.
    assert (
        b'@router.post(\n    "/v1/responses",\n    dependencies=[Depends(user_api_key_auth)]'
        in stock
    )
    taken = syntax.module_names(tree) | syntax.names_used(tree)
    assert not any("litellm_overlay" in name for name in taken)
