"""The verb `diff` on LiteLLM's own files."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from litellm_overlay.catalogue import releases
from litellm_overlay.local import environment, patching


def run(*arguments, **options):
    """Run the verb in a process, as an operator does; return the finished process."""
    command = [sys.executable, "-m", "litellm_overlay", "diff", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, **options)


@pytest.mark.parametrize("release", ["1.82.1", "1.88.6"])
def test_a_release_is_fetched_and_compared(release):
    """`diff` of an affected release changes only the two decorators."""
    done = run(release)
    assert done.returncode == 0, done.stderr
    removed = [line for line in done.stdout.splitlines() if line.startswith("-")]
    assert removed[1:] == [
        '-@router.websocket("/v1/responses")',
        '-@router.websocket("/responses")',
    ]


def test_a_release_that_upstream_fixed_has_no_diff():
    """`diff` of a release with upstream's fix is empty, and says so with exit code 0."""
    done = run("1.90.0")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("upstream-fixed: ")


def test_the_newest_file_with_a_new_comment(tmp_path):
    """The newest file with a new comment is recognized by its handler, and can be patched."""
    newest = releases.load().in_state("fixed")[-1].version
    path = tmp_path / "endpoints.py"
    path.write_bytes(environment.stock_endpoints(newest) + b"# new\n")
    done = run(path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("upstream-fixed: Nothing would be changed: the file is not known")
    assert "its WebSocket handler is, and has upstream's fix" in done.stderr
    assert "Move to" not in done.stderr
    patched = run(path, "--on-fixed", "patch", "--stat")
    assert (patched.returncode, patched.stderr.partition(":")[0]) == (0, "patched")


@pytest.mark.parametrize("release", ["1.82.0", "0.0.1"])
def test_a_release_the_pod_would_refuse(release):
    """`diff` of a release without the endpoint, or of an unknown one, exits with 3 and a hint."""
    done = run(release)
    assert (done.returncode, done.stdout) == (3, "")
    assert "\nhint: " in done.stderr


def test_an_installed_litellm_is_found_as_in_the_pod(tmp_path):
    """`diff --installed` starts from the stock text, patched or not, and gives `apply`'s file."""
    stock = environment.create("1.88.6")
    patched = environment.create("1.88.6", name="patched-2.0.0")
    report = patching.apply(patched, "2.0.0")
    for where in (stock.root, stock.python, patched.root):
        data = json.loads(run("--installed", where, "--output", "json", cwd=tmp_path).stdout)
        assert data["litellmVersion"] == "1.88.6"
        assert data["patchedSha256"] == report["patchedSha256"]


def test_a_closed_pipe_is_no_traceback(tmp_path):
    """A closed pipe, as with `| head`, causes no traceback."""
    path = tmp_path / "endpoints.py"
    path.write_bytes(environment.stock_endpoints("1.88.6"))
    command = [sys.executable, "-m", "litellm_overlay", "diff", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
