"""The inputs of `inject`, `uninject` and `doctor`: files, folders, and stdin."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from litellm_overlay.objects.manifests import documents, objects

MAIN = [sys.executable, "-m", "litellm_overlay"]
PATCH = Path(__file__).parents[4] / "patch"  # this checkout's, not an installed one
IMAGE = "ghcr.io/berriai/litellm:v1.88.6"
VALUES = "patch: {version: 1.0.0}\n"
VERBS = ("inject", "uninject", "doctor")


def deployment(name, image=IMAGE):
    """Return a Deployment as YAML."""
    return f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: {name}}}
spec:
  template:
    spec:
      containers:
      - name: litellm
        image: {image}
"""


@pytest.fixture
def folder(tmp_path):
    """Return a folder with manifests in several forms, one in a subfolder."""
    (tmp_path / "a.yaml").write_text(deployment("a").rstrip("\n"))
    (tmp_path / "b.yml").write_text(f"---\n{deployment('b')}")
    (tmp_path / "c.json").write_text(json.dumps(yaml.safe_load(deployment("c")), indent=2))
    (tmp_path / "README.md").write_text("no manifest\n")
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "d.yaml").write_text("\ufeff" + deployment("d"))
    return tmp_path


def deployments(text):
    """Return the Deployments in a stream."""
    result = (item for each in documents(text) for _, item in objects(each))
    return [item for item in result if item["kind"] == "Deployment"]


def names(text):
    """Return the names of the Deployments in a stream."""
    return [item["metadata"]["name"] for item in deployments(text)]


def guards(text):
    """Return the number of init containers in a stream."""
    pods = [item["spec"]["template"]["spec"] for item in deployments(text)]
    return sum(len(pod.get("initContainers", [])) for pod in pods)


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["a.yaml", "b.yml"], "ab"),
        (["-f", "a.yaml", "--filename", "c.json"], "ac"),
        (["c.json", "a.yaml"], "ca"),
        (["."], "abc"),
        (["-R", "."], "abcd"),
        (["-R", "-f", "more", "a.yaml"], "ad"),
        (["a.yaml", "more"], "ad"),
        (["-", "a.yaml"], "sa"),
    ],
    ids=" ".join,
)
def test_several_files_and_folders(cli, folder, monkeypatch, given, found):
    """Files and folders are read in order, and each Deployment gets the overlay once."""
    monkeypatch.chdir(folder)
    stdin = deployment("s") if "-" in given else ""
    done = cli("inject", *given, stdin=stdin)
    assert done.code == 0, done.err
    assert names(done.out) == list(found)
    assert guards(done.out) == done.err.count("patch 2.0.0") == len(found)
    assert names(cli("uninject", stdin=done.out).out) == list(found)


def test_uninject_gives_the_original(cli, folder):
    """`uninject` restores the original as `inject --remove` does, also of one workload."""
    both = f"# mine\n{deployment('a')}---\n{deployment('b')}"
    overlaid = cli("inject", stdin=both).out
    assert cli("uninject", stdin=overlaid).out == cli("inject", "--remove", stdin=overlaid).out
    assert cli("uninject", stdin=overlaid).out == both
    half = cli("uninject", "--workload", "Deployment/a", stdin=overlaid).out
    assert names(half) == ["a", "b"]
    assert guards(half) == 1
    assert cli("uninject", stdin=both).out == both


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize(
    "text", [VALUES, "{}\nimage: {tag: v1.88.6}\n".removeprefix("{}\n"), "kind: x\nreplicas: 2\n"]
)
def test_a_file_that_is_no_manifest(cli, tmp_path, verb, text):
    """A file that is no manifest is refused; for values the hint names the option."""
    path = tmp_path / "my values.yaml"
    path.write_text(text)
    done = cli(verb, path)
    assert (done.code, done.out) == (2, "")
    assert "has no apiVersion and kind, so it is no manifest" in done.err
    assert (f"hint: did you mean --values '{path}'?" in done.err) is (verb == "inject")


def test_a_folder_of_nothing(cli, tmp_path):
    """A folder without manifests is refused with a hint at -R."""
    done = cli("inject", tmp_path)
    assert done.code == 2
    assert "hint: with -R, folders in it are looked at, too" in done.err
    assert cli("inject", "-R", tmp_path).code == 2


def start(*arguments, stdin):
    """Run the command line in a process with a given stdin."""
    return subprocess.run(
        [*MAIN, *map(str, arguments)],
        stdin=stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd=PATCH,
    )


@pytest.mark.parametrize("option", ["-f", "--filename", ""])
def test_a_named_file_while_stdin_has_data(tmp_path, option):
    """A named file together with data on stdin is refused, since the data would be lost."""
    mine, other = tmp_path / "mine.yaml", tmp_path / "other.yaml"
    mine.write_text(deployment("mine"))
    other.write_text(deployment("other"))
    named = [option, mine] if option else [mine]
    with other.open() as file:
        done = start("inject", *named, stdin=file)
    piped = subprocess.run(
        [*MAIN, "inject", *map(str, named)],
        input=deployment("other"),
        capture_output=True,
        text=True,
        check=False,
        cwd=PATCH,
    )
    for each in (done, piped):
        assert (each.returncode, each.stdout) == (2, "")
        assert "one of them would be lost" in each.stderr
        assert "--values" in each.stderr


def test_a_named_file_while_stdin_has_none(tmp_path):
    """A named file with an empty stdin, as in a cron job, is accepted."""
    path = tmp_path / "mine.yaml"
    path.write_text(deployment("mine"))
    assert start("inject", path, stdin=subprocess.DEVNULL).returncode == 0
    read, write = os.pipe()
    os.close(write)
    with os.fdopen(read) as pipe:
        assert start("inject", path, stdin=pipe).returncode == 0
