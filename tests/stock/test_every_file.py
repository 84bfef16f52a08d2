"""Every endpoints.py that was ever published with the route: it can be patched, whatever else it holds."""

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
# One release for each file, the newest that carries it.
CARRIERS = {each.endpoints_sha256: each for each in releases.load().releases if each.handler_sha256}


@pytest.fixture(scope="module")
def read():
    """Return a reader of a release's file: by range from the index, kept in the cache."""
    spec = importlib.util.spec_from_file_location("map_releases", SCRIPT)
    script = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = script
    spec.loader.exec_module(script)
    index = script.Index(cache_root() / "map")
    published = {each.version: each for each in index.published()}
    return lambda version: index.read(published[version].file, script.ENDPOINTS)


@pytest.mark.parametrize("release", CARRIERS.values(), ids=lambda each: each.version)
def test_it_can_be_patched(read, release):
    """By both versions and in both modes, checked and undone; no name in it begins like ours."""
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
    # What the bridge asks for when it is imported.
    assert (
        b'@router.post(\n    "/v1/responses",\n    dependencies=[Depends(user_api_key_auth)]'
        in stock
    )
    taken = syntax.module_names(tree) | syntax.names_used(tree)
    assert not any("litellm_overlay" in name for name in taken)
