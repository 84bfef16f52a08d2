"""The files of a patch version, released or current, and their digest."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
from pathlib import Path

import pytest

import endpoint_patch
from litellm_overlay.catalogue import patch_files, releases
from litellm_overlay.errors import NotInCatalogueError

HERE = Path(endpoint_patch.__file__).parent
CATALOGUE = releases.load()
UNRELEASED = [version for version, item in CATALOGUE.patch_versions.items() if not item.released_in]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Replace `endpoint_patch` by a small package with two patch versions; return its path."""
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
    (tmp_path / "released").mkdir()
    monkeypatch.setattr(importlib.resources, "files", lambda name: tmp_path / name)
    monkeypatch.setattr(patch_files, "released_folder", lambda: tmp_path / "released")
    return tmp_path / "endpoint_patch"


def test_a_payload_holds_the_shared_files_and_one_version(package):
    """A payload has the shared files and those of one version, sorted, without bytecode."""
    assert list(patch_files.files("2.0.0").items()) == [
        ("endpoint_patch/__init__.py", b""),
        ("endpoint_patch/edits.py", b"edit"),
        ("endpoint_patch/table.json", b"{}"),
        ("endpoint_patch/versions/__init__.py", b"load"),
        ("endpoint_patch/versions/v2_0_0/__init__.py", b"two"),
        ("endpoint_patch/versions/v2_0_0/inserted/bridge.py", b"bridge"),
    ]
    assert "endpoint_patch/versions/v2_0_0/__init__.py" not in patch_files.files("1.0.0")


def test_the_digest_is_the_documented_one(package):
    """The digest is SHA-256 of path, NUL, size, NUL and content, as documented."""
    text = b"".join(
        b"%s\0%d\0%s" % (path.encode(), len(content), content)
        for path, content in patch_files.files("2.0.0").items()
    )
    assert patch_files.digest("2.0.0") == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize("path", ["edits.py", "versions/v2_0_0/inserted/bridge.py"])
def test_a_changed_byte_changes_the_digest(package, path):
    """A changed byte changes the digest, in shared files too."""
    before = patch_files.digest("2.0.0")
    (package / path).write_bytes(b"other")
    assert patch_files.digest("2.0.0") != before


def test_a_renamed_file_changes_the_digest(package):
    """A file's name is part of the digest."""
    before = patch_files.digest("2.0.0")
    (package / "edits.py").rename(package / "edit.py")
    assert patch_files.digest("2.0.0") != before


def test_another_version_and_byte_code_change_no_digest(package):
    """Other versions and bytecode do not change the digest."""
    before = patch_files.digest("2.0.0")
    (package / "versions/v1_0_0/__init__.py").write_bytes(b"other")
    (package / "__pycache__/more.cpython-313.pyc").write_bytes(b"cache")
    assert patch_files.digest("2.0.0") == before


@pytest.mark.parametrize("version", ["3.0.0", "", "../v1_0_0"])
def test_an_unknown_version_is_refused(package, version):
    """An unknown version is refused with exit code 3."""
    with pytest.raises(NotInCatalogueError) as refused:
        patch_files.files(version)
    assert refused.value.exit_code == 3


@pytest.mark.parametrize("version", UNRELEASED)
def test_the_payload_is_all_of_the_package_but_the_other_versions(version):
    """The payload has every file of the package except those of other versions."""
    own = f"v{version.replace('.', '_')}"
    expected = set()
    for path in HERE.rglob("*"):
        parts = path.relative_to(HERE).parts
        foreign = len(parts) > 2 and parts[0] == "versions" and parts[1] != own
        if path.is_file() and path.suffix != ".pyc" and not foreign:
            expected.add("/".join(("endpoint_patch", *parts)))
    assert set(patch_files.files(version)) == expected


@pytest.mark.parametrize("version", CATALOGUE.patch_versions)
def test_the_catalogue_has_the_digest_of_the_payload(version):
    """The catalogue has the payload's digest.

    If not: before a release run scripts/freeze_version.py, after it make a new version.
    """
    assert CATALOGUE.patch_versions[version].digest == patch_files.digest(version)


def test_every_patch_version_is_in_the_catalogue():
    """Every folder of a patch version has an entry in the catalogue, and vice versa."""
    folders = (HERE / "versions").glob("v*_*_*")
    known = {folder.name[1:].replace("_", ".") for folder in folders}
    assert set(UNRELEASED) <= known <= set(CATALOGUE.patch_versions)


def test_what_the_catalogue_calls_released_is_frozen():
    """The catalogue's released versions are exactly the frozen ones."""
    assert set(CATALOGUE.patch_versions) - set(UNRELEASED) == set(patch_files.released())


@pytest.fixture
def released(package):
    """Release 2.0.0 of the small package, then change the guard; return the folder."""
    for path, content in patch_files.files("2.0.0").items():
        target = patch_files.released_folder() / "2.0.0" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    (patch_files.released_folder() / "README.md").write_bytes(b"about")
    (package / "edits.py").write_bytes(b"mended")
    return patch_files.released_folder()


def test_a_released_version_stays_as_it_was(released, package):
    """A released version keeps its files and digest when guard or folder changes."""
    assert patch_files.files("2.0.0")["endpoint_patch/edits.py"] == b"edit"
    assert patch_files.files("1.0.0")["endpoint_patch/edits.py"] == b"mended"
    before = patch_files.digest("2.0.0")
    (package / "versions/v2_0_0/__init__.py").unlink()
    assert patch_files.digest("2.0.0") == before
    assert patch_files.released() == ("2.0.0",)


def test_released_versions_are_sorted_as_numbers(released):
    """Released versions are sorted by number; other folders are ignored."""
    for version in ("1.10.0", "1.9.0"):
        (released / version).mkdir()
    assert patch_files.released() == ("1.9.0", "1.10.0", "2.0.0")


def test_a_catalogue_without_the_word_knows_of_no_release():
    """A version without `released_in` is not released."""
    version = {"digest": "0" * 64, "line": "relay", "summary": ""}
    text = json.dumps(
        {
            "default_patch_version": "1.0.0",
            "patch_versions": {"1.0.0": version, "1.0.1": {**version, "released_in": "0.1.0"}},
            "malicious_images": {},
            "module_paths": [],
            "advisories": [],
            "gaps": [],
            "releases": [],
        }
    )
    known = releases.parse(text).patch_versions
    assert (known["1.0.0"].released_in, known["1.0.1"].released_in) == (None, "0.1.0")
