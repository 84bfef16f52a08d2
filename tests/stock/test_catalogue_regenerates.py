"""The committed catalogue agrees with the published files; needs the package index."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT / "patch" / "litellm_overlay" / "catalogue" / "catalogue.json"
# The limits of every state, each of the three affected files, an sdist, and a platform wheel.
SAMPLE = {
    "1.77.2.post1": "no-endpoint",
    "1.82.0": "no-endpoint",
    "1.82.1": "affected",
    "1.82.3": "affected",
    "1.82.6": "affected",
    "1.88.6": "affected",
    "1.89.0rc1": "handshake-fixed",
    "1.89.7": "handshake-fixed",
    "1.90.0rc1": "fixed",
    "1.109.1": "fixed",
    "1.110.2": "fixed",
}


@pytest.fixture
def check():
    """Return a function that measures releases again and returns the finished process."""

    def check(*arguments):
        return subprocess.run(
            [sys.executable, ROOT / "scripts" / "map_releases.py", "--check", *arguments],
            capture_output=True,
            text=True,
            check=False,
        )

    return check


def test_a_sample_of_releases_regenerates(check):
    """A sample of releases, measured again, equals the catalogue and has the expected states."""
    done = check(*SAMPLE)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {row["version"]: row for row in json.loads(CATALOGUE.read_text())["releases"]}
    assert {version: rows[version]["state"] for version in SAMPLE} == SAMPLE


@pytest.mark.parametrize("key", ["state", "uploaded", "endpoints_sha256", "handler_sha256"])
def test_a_wrong_entry_is_noticed(check, tmp_path, key):
    """The comparison notices a wrong entry of each measured field."""
    catalogue = json.loads(CATALOGUE.read_text())
    (row,) = (row for row in catalogue["releases"] if row["version"] == "1.88.6")
    row[key] = "other"
    wrong = tmp_path / "catalogue.json"
    wrong.write_text(json.dumps(catalogue))
    done = check("1.88.6", "--catalogue", str(wrong))
    assert done.returncode == 1
    assert f"1.88.6 {key}: catalogue other, measured " in done.stdout
