"""The GitHub workflows, checked as far as possible without running them."""

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
    """Both workflows exist."""
    assert [path.name for path in FILES] == ["ci.yml", "map-releases.yml"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_its_scripts_are_sound(path):
    """Shellcheck accepts each step's script, with the options of GitHub's shell."""
    shellcheck = Path(sys.executable).parent / "shellcheck"
    for step in steps(path):
        script = f"#!/bin/bash\nset -eo pipefail\n{step['run']}"
        done = subprocess.run(
            [shellcheck, "-"], input=script, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_trusts_nobody_and_may_little(path):
    """Workflows use no foreign action, minimal permissions, and no event data in scripts."""
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] == {}
    assert workflow["defaults"]["run"]["shell"] == "bash"  # the one with pipefail
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())
    for step in steps(path):
        assert set(step) == {"name", "run"}
        assert "${{" not in step["run"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_it_calls_is_there(path):
    """The scripts, test folders and make targets that a workflow calls exist."""
    text = path.read_text()
    scripts = re.findall(r"(?:scripts|tests)/[\w/.]+", text)
    targets = re.findall(r"^ +make ([a-z][a-z0-9-]*)|targets: (.+?)(?: *#.*)?$", text, re.MULTILINE)
    assert all((ROOT / name).exists() for name in scripts)
    called = {name for results in targets for name in " ".join(results).split()}
    assert called
    assert called <= MAKE
