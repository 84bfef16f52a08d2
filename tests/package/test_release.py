"""`make release`: the published files, their reproducibility, and refusals."""

from __future__ import annotations

import hashlib
import json
import sys
import tarfile

import pytest
import yaml
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from support import scratch
from support.scratch import FIRST, SECOND


def test_the_same_bytes_again_elsewhere(two, again, tmp_path):
    """A build of the tag gives the same bytes with another folder, time zone, umask and locale."""
    build = [sys.executable, again / "scripts" / "build_release.py", "--commit", f"v{FIRST}"]
    command = "umask 077; exec " + " ".join(map(str, [*build, "--to", tmp_path / "dist"]))
    scratch.run("sh", "-c", command, cwd=again, TZ="Asia/Tokyo", LC_ALL="C", PYTHONHASHSEED="7")
    later, first = (
        (folder / "SHA256SUMS").read_text() for folder in (tmp_path / "dist", two / "dist" / FIRST)
    )
    assert later == first


def test_what_is_published(two):
    """A release publishes five files; the tag points to HEAD and contains their checksums."""
    folder = two / "dist" / SECOND
    sums = dict(line.split()[::-1] for line in (folder / "SHA256SUMS").read_text().splitlines())
    assert {path.name for path in folder.iterdir()} == {*sums, "SHA256SUMS"}
    assert sums.keys() == {
        f"litellm-overlay-{SECOND}.cdx.json",
        f"litellm-overlay-{SECOND}.tgz",
        f"litellm_overlay-{SECOND}-py3-none-any.whl",
        f"litellm_overlay-{SECOND}.tar.gz",
    }
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
    tag = scratch.run("git", "cat-file", "tag", f"v{SECOND}", cwd=two)
    assert (folder / "SHA256SUMS").read_text() in tag
    assert scratch.run("git", "rev-parse", f"v{SECOND}^{{}}", "HEAD", cwd=two).split()[0] in tag
    assert scratch.run("git", "status", "--porcelain", cwd=two) == ""
    assert scratch.run("git", "worktree", "list", cwd=two).count("\n") == 1


def test_the_bill_of_materials(two):
    """The bill of materials fits its schema and has the wheel's dependencies and the payloads."""
    text = (two / "dist" / SECOND / f"litellm-overlay-{SECOND}.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    bill = json.loads(text)
    assert bill["metadata"]["component"]["version"] == SECOND
    names = {item["name"]: item for item in bill["components"]}
    wanted = {line["ref"]: line.get("dependsOn", []) for line in bill["dependencies"]}
    assert names["click"]["bom-ref"] in wanted["litellm-overlay"]
    assert names["certifi"]["bom-ref"] in wanted[names["kubernetes"]["bom-ref"]]
    known = json.loads((two / scratch.CATALOGUE).read_text())["patch_versions"]
    digests = {
        item["version"]: item["properties"][0]["value"]
        for item in bill["components"]
        if item["name"] == "litellm-overlay-patch"
    }
    assert digests == {version: entry["digest"] for version, entry in known.items()}


def test_the_chart_s_archive(two, tmp_path):
    """The chart's archive has all files that .helmignore does not exclude, and one version."""
    with tarfile.open(two / "dist" / SECOND / f"litellm-overlay-{SECOND}.tgz") as archive:
        names = archive.getnames()
        archive.extractall(tmp_path, filter="data")
        assert len({member.mtime for member in archive.getmembers()}) == 1
    about = yaml.safe_load((tmp_path / "litellm-overlay" / "Chart.yaml").read_text())
    assert (names[0], about["version"]) == ("litellm-overlay/Chart.yaml", SECOND)
    assert about["appVersion"] == scratch.FIXED
    chart = two / "charts" / "litellm-overlay"
    tracked = scratch.run("git", "ls-files", cwd=chart).splitlines()
    kept = [name for name in tracked if not name.startswith(("ci/", "tests/"))]
    assert sorted(names) == sorted(f"litellm-overlay/{name}" for name in kept)


@pytest.mark.parametrize(
    ("version", "sentence"),
    [
        ("1.0", "'1.0' is no version"),
        ("v91.0.0", "'v91.0.0' is no version"),
        (SECOND, f"{SECOND} is not above {SECOND}, the newest release"),
        ("90.1.9", f"90.1.9 is not above {SECOND}"),
        ("91.0.0", "CHANGELOG.md says nothing under Unreleased"),
    ],
)
def test_a_release_that_is_none_is_refused(two, version, sentence):
    """A wrong version number or an empty changelog is refused with a sentence, without a tag."""
    before = scratch.run("git", "for-each-ref", cwd=two)
    with pytest.raises(scratch.Failed) as refused:
        scratch.script(two, "release.py", version)
    assert str(refused.value).startswith(f"error: {sentence}")
    assert scratch.run("git", "for-each-ref", cwd=two) == before


def test_what_is_not_committed_is_not_released(again):
    """Uncommitted changes are refused, since the release would differ from what was tested."""
    (again / "README.md").write_text("")
    with pytest.raises(scratch.Failed, match="has changes that are not committed"):
        scratch.script(again, "release.py", "91.0.0")


def test_a_release_that_fails_half_way_leaves_nothing(again):
    """A release that fails in the middle leaves no commit, tag, worktree or file."""
    scratch.note(again)
    scratch.commit(again, "More")
    before = scratch.run("git", "for-each-ref", cwd=again)
    nowhere = {
        "UV_DEFAULT_INDEX": "http://127.0.0.1:9/simple",
        "UV_NO_CACHE": "1",
        "UV_HTTP_RETRIES": "0",
    }
    with pytest.raises(scratch.Failed, match="uv build failed"):
        scratch.script(again, "release.py", "91.0.0", **nowhere)
    assert scratch.run("git", "for-each-ref", cwd=again) == before
    assert scratch.run("git", "status", "--porcelain", cwd=again) == ""
    assert list((again / "dist").iterdir()) == []
    assert scratch.run("git", "worktree", "list", cwd=again).count("\n") == 1
