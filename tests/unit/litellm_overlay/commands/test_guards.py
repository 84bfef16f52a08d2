"""A released guard, run by itself, and this package's guard agree while they are equal."""

from __future__ import annotations

import hashlib
import json
from importlib import resources

import pytest

from endpoint_patch import edits, plan, stock_file, versions
from endpoint_patch.errors import GuardError
from fakes.endpoint_module import FIXED, NO_ENDPOINT, REWRITTEN, STOCK
from litellm_overlay.catalogue import patch_files, releases
from litellm_overlay.commands import guards
from litellm_overlay.errors import NotInCatalogueError, OverlayError
from litellm_overlay.overlay import preview

BRIDGE = releases.load().default_patch_version
SETTINGS = {"mode": "http-fallback"}


@pytest.fixture(autouse=True)
def released(tmp_path, monkeypatch):
    """Release the current files, with a table that knows STOCK; return the folder."""
    text = resources.files("endpoint_patch").joinpath("stock_files.json").read_text("utf-8")
    table = json.loads(text)
    run = {"state": "affected", "first": "1.88.6", "last": "1.88.6"}
    table["files"][hashlib.sha256(STOCK).hexdigest()] = [run]
    for version in releases.load().patch_versions:
        for path, content in patch_files.files(version).items():
            target = tmp_path / version / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
        (tmp_path / version / "endpoint_patch" / "stock_files.json").write_text(json.dumps(table))
    monkeypatch.setattr(patch_files, "released_folder", lambda: tmp_path)
    monkeypatch.setattr(stock_file, "_table", lambda: table)
    return tmp_path


@pytest.mark.parametrize("on_fixed", ["passthrough", "patch"])
@pytest.mark.parametrize("litellm", [None, "1.88.6", "1.109.1"])
@pytest.mark.parametrize("content", [STOCK, FIXED], ids=["stock", "fixed"])
def test_the_same_difference(content, litellm, on_fixed):
    """Decision, message, hashes and diff are equal, or the refusals are."""
    asked = (content, BRIDGE, SETTINGS, litellm, on_fixed)
    try:
        expected = preview.preview_patch(*asked)
    except NotInCatalogueError as refusal:
        with pytest.raises(NotInCatalogueError) as refused:
            guards.preview_patch(*asked)
        assert (str(refused.value), refused.value.hint) == (str(refusal), refusal.hint)
    else:
        assert guards.preview_patch(*asked) == expected


def test_a_patched_file_is_undone_first():
    """A patched file is undone first, as with the current guard."""
    stock = preview.preview_patch(STOCK, BRIDGE, {}, "1.88.6")
    patched = edits.patch(STOCK, versions.load(BRIDGE), plan.check_settings({}), "1.88.6")
    assert guards.preview_patch(patched, BRIDGE, {}, "1.88.6", "passthrough") == stock


@pytest.mark.parametrize(
    ("content", "litellm", "exit_code"),
    [(NO_ENDPOINT + b"#", None, 3), (REWRITTEN, "1.109.1", 3), (STOCK, "1.82.7", 1)],
    ids=["no endpoint", "another handler", "malware"],
)
def test_a_refusal(content, litellm, exit_code):
    """A refusal has the guard's message and the verb's exit code."""
    asked = (content, BRIDGE, {}, litellm, "patch")
    with pytest.raises((GuardError, NotInCatalogueError)) as expected:
        preview.preview_patch(*asked)
    with pytest.raises(OverlayError) as refused:
        guards.preview_patch(*asked)
    message = getattr(expected.value, "message", str(expected.value))
    assert (str(refused.value), refused.value.exit_code) == (message, exit_code)


@pytest.mark.parametrize("version", releases.load().patch_versions)
def test_the_hash_that_verify_compares(version):
    """The hash for `verify` is the same; it is "" where the guard would refuse."""
    expected = preview.patched_sha256(STOCK, version, SETTINGS, "1.88.6")
    of_pod = {"settings": SETTINGS, "onFixed": "passthrough"}
    assert guards.patched_sha256(STOCK, version, of_pod, "1.88.6") == expected
    assert guards.patched_sha256(NO_ENDPOINT, version, of_pod, "1.88.6") == ""


def test_the_released_guard_decides_and_no_other(released):
    """The released guard's own code decides."""
    path = released / BRIDGE / "endpoint_patch" / "edits.py"
    path.write_text(path.read_text().replace("# litellm-overlay: ", "# as released: "))
    assert (
        "+# as released: @router"
        in guards.preview_patch(STOCK, BRIDGE, {}, None, "passthrough").diff
    )
