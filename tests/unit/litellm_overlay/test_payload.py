"""The payload: which files the pod gets for a patch version, and the digest that names them."""

from __future__ import annotations

import hashlib
import importlib.resources
from pathlib import Path

import pytest

import endpoint_patch
from litellm_overlay import catalogue, payload
from litellm_overlay.errors import NotInCatalogueError

HERE = Path(endpoint_patch.__file__).parent


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Put a small package with two patch versions in the place of `endpoint_patch`."""
    for path, content in {
        "__init__.py": b"",
        "edits.py": b"edit",
        "table.json": b"{}",
        "versions/__init__.py": b"load",
        "versions/v1_0_0/__init__.py": b"one",
        "versions/v2_0_0/__init__.py": b"two",
        "versions/v2_0_0/inserted/bridge.py": b"bridge",
        "__pycache__/edits.cpython-311.pyc": b"cache",
        "old.pyc": b"cache",
    }.items():
        target = tmp_path / "endpoint_patch" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    monkeypatch.setattr(importlib.resources, "files", lambda name: tmp_path / name)
    return tmp_path / "endpoint_patch"


def test_a_payload_holds_the_shared_files_and_one_version(package):
    """Sorted by path; no other version, no byte code."""
    assert list(payload.files("2.0.0").items()) == [
        ("endpoint_patch/__init__.py", b""),
        ("endpoint_patch/edits.py", b"edit"),
        ("endpoint_patch/table.json", b"{}"),
        ("endpoint_patch/versions/__init__.py", b"load"),
        ("endpoint_patch/versions/v2_0_0/__init__.py", b"two"),
        ("endpoint_patch/versions/v2_0_0/inserted/bridge.py", b"bridge"),
    ]
    assert "endpoint_patch/versions/v2_0_0/__init__.py" not in payload.files("1.0.0")


def test_the_digest_is_the_documented_one(package):
    """Path, NUL, size, NUL, content: anybody can compute it again."""
    text = b"".join(
        b"%s\0%d\0%s" % (path.encode(), len(content), content)
        for path, content in payload.files("2.0.0").items()
    )
    assert payload.digest("2.0.0") == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize("path", ["edits.py", "versions/v2_0_0/inserted/bridge.py"])
def test_a_changed_byte_changes_the_digest(package, path):
    """Shared files count as much as the version's own."""
    before = payload.digest("2.0.0")
    (package / path).write_bytes(b"other")
    assert payload.digest("2.0.0") != before


def test_a_renamed_file_changes_the_digest(package):
    """Names are part of it."""
    before = payload.digest("2.0.0")
    (package / "edits.py").rename(package / "edit.py")
    assert payload.digest("2.0.0") != before


def test_another_version_and_byte_code_change_no_digest(package):
    """A version is whole in itself, and running the code is no change."""
    before = payload.digest("2.0.0")
    (package / "versions/v1_0_0/__init__.py").write_bytes(b"other")
    (package / "__pycache__/more.cpython-313.pyc").write_bytes(b"cache")
    assert payload.digest("2.0.0") == before


@pytest.mark.parametrize("version", ["3.0.0", "", "../v1_0_0"])
def test_an_unknown_version_is_refused(package, version):
    """Exit code 3, as for every version that is not known."""
    with pytest.raises(NotInCatalogueError) as refused:
        payload.files(version)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize("version", catalogue.load().patch_versions)
def test_the_payload_is_all_of_the_package_but_the_other_versions(version):
    """Nothing that the pod needs stays behind."""
    own = f"v{version.replace('.', '_')}"
    expected = set()
    for path in HERE.rglob("*"):
        parts = path.relative_to(HERE).parts
        foreign = len(parts) > 2 and parts[0] == "versions" and parts[1] != own
        if path.is_file() and path.suffix != ".pyc" and not foreign:
            expected.add("/".join(("endpoint_patch", *parts)))
    assert set(payload.files(version)) == expected


@pytest.mark.parametrize("version", catalogue.load().patch_versions)
def test_the_catalogue_has_the_digest_of_the_payload(version):
    """If not: before a release run scripts/freeze_version.py, after it make a new version."""
    assert catalogue.load().patch_versions[version].digest == payload.digest(version)


def test_every_patch_version_is_in_the_catalogue():
    """A folder without an entry could not be pinned."""
    folders = (HERE / "versions").glob("v*_*_*")
    assert {folder.name[1:].replace("_", ".") for folder in folders} == set(
        catalogue.load().patch_versions
    )


@pytest.mark.parametrize("version", sorted(catalogue.load().patch_versions))
def test_no_file_looks_like_a_go_template(version):
    """LiteLLM's charts pass extra resources through `tpl`: two braces would be read as an action."""
    assert [path for path, text in payload.files(version).items() if b"{{" in text] == []
