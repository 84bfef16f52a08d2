"""The workflows on GitHub, as far as they can be held here, where none is run."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
MAKE = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


def steps(path):
    """Return all steps of a workflow."""
    jobs = yaml.safe_load(path.read_text())["jobs"].values()
    return [step for job in jobs for step in job["steps"]]


def test_they_are_there():
    """Else the others would pass an empty folder."""
    assert [path.name for path in FILES] == ["ci.yml", "map-releases.yml"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_its_scripts_are_sound(path):
    """As shellcheck reads them, under the options that GitHub's shell has."""
    shellcheck = Path(sys.executable).parent / "shellcheck"
    for step in steps(path):
        script = f"#!/bin/bash\nset -eo pipefail\n{step['run']}"
        done = subprocess.run(
            [shellcheck, "-"], input=script, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_trusts_nobody_and_may_little(path):
    """No action of others, no right beyond the job's, nothing of an event in a script."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    assert workflow["defaults"]["run"]["shell"] == "bash"  # the one with pipefail
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())
    for step in steps(path):
        assert set(step) == {"name", "run"}
        assert "${{" not in step["run"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_it_calls_is_there(path):
    """Scripts, folders of tests, and targets of make."""
    text = path.read_text()
    scripts = re.findall(r"(?:scripts|tests)/[\w/.]+", text)
    targets = re.findall(r"^ +make ([a-z][a-z0-9-]*)|targets: (.+?)(?: *#.*)?$", text, re.MULTILINE)
    assert all((ROOT / name).exists() for name in scripts)
    called = {name for results in targets for name in " ".join(results).split()}
    assert called
    assert called <= MAKE
