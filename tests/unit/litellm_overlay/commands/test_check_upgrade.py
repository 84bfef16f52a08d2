"""The verb `check-upgrade`: its text, its JSON, and its exit codes."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys

import pytest

from litellm_overlay import lock
from litellm_overlay.catalogue import releases
from litellm_overlay.commands.check_upgrade import check_upgrade

IMAGE = "registry.example.com:5000/berriai/litellm"


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """Write a lock of 1.83.0 with patch 1.0.0 into the working directory; return its name."""
    monkeypatch.chdir(tmp_path)
    catalogue = releases.load()
    pinned = lock.Lock(
        image="ghcr.io/berriai/litellm:v1.83.0",
        litellm_version="1.83.0",
        stock_sha256=catalogue.release("1.83.0").endpoints_sha256,
        patch_version="1.0.0",
        payload_digest=catalogue.patch_versions["1.0.0"].digest,
    )
    (tmp_path / lock.NAME).write_text(lock.to_text(pinned))
    return lock.NAME


def flat(text):
    """Return the text with single spaces, as if it were not wrapped."""
    return " ".join(text.split())


@pytest.mark.parametrize(
    ("to", "code", "verdict", "error", "hint"),
    [
        ("1.88.6", 0, "still-needed", "", ""),
        ("1.90.0", 0, "fixed-upstream", "", ""),
        (f"{IMAGE}:main-v1.82.3-stable", 0, "still-needed", "", ""),
        ("1.89.3", 0, "still-needed", "", ""),
        ("1.82.0", 5, "no-endpoint", "no Responses WebSocket endpoint", "Leave the overlay out"),
        ("1.82.7", 5, "malicious", "MALWARE: never start it", "Do not start it"),
        ("1.107.0", 5, "malicious", "MALWARE: never start it", "Do not start it"),
        ("1.96.1", 3, "unknown", "not in the catalogue", "the file inside can tell"),
        ("99.1.0", 3, "unreviewed", "nobody here has looked", "the file inside can tell"),
        ("main-latest", 3, "unknown", "the tag main-latest moves", "the file inside can tell"),
    ],
)
def test_each_verdict_has_its_exit_code(cli, to, code, verdict, error, hint):
    """Each verdict has its exit code; other than success it also has an error and a hint."""
    for output in ("text", "json"):
        ended, out, err = cli("check-upgrade", "--to", to, "--output", output)
        assert ended == code
        if output == "json":
            assert json.loads(out)["verdict"] == verdict
        else:
            assert out.splitlines()[0].endswith(f"  {verdict}")
        if code:
            assert re.fullmatch(f"error: .*{error}.*\nhint: {re.escape(hint)}.*\n", err)
        else:
            assert err == ""


def test_a_script_gets_all_of_it(cli):
    """The JSON has both releases in the form of `releases`, and all sentences."""
    data = json.loads(
        cli("check-upgrade", "--from", "1.82.3", "--to", "1.88.6", "--output", "json")[1]
    )
    assert (data["to"]["version"], data["to"]["pin"]) == ("1.88.6", "2.0.0")
    assert (data["from"]["version"], data["proceed"]) == ("1.82.3", True)
    catalogue = releases.load()
    assert len(data["gains"]) == len(catalogue.release("1.82.3").advisories)
    assert (data["losses"], data["remaining"]) == ([], [])
    assert any("modulePath" in text for text in data["changes"])
    assert "  litellm-overlay status" in data["steps"]


def test_people_read_all_of_it(cli):
    """The text has every sentence of the JSON under its label."""
    _, text, _ = cli("check-upgrade", "--from", "1.83.6", "--to", "1.83.8")
    data = json.loads(
        cli("check-upgrade", "--from", "1.83.6", "--to", "1.83.8", "--output", "json")[1]
    )
    labels = {"gains": "gain", "remaining": "remains", "changes": "change"}
    for key, label in labels.items():
        assert data[key]
        for sentence in data[key]:
            assert f" {label} {sentence}" in f" {flat(text)}"
    assert all(f"\n  {step}\n" in text for step in data["steps"])
    _, text, _ = cli("check-upgrade", "--to", "1.90.0")
    assert "\nloss          other providers: " in text
    assert "seen on 10 releases, 1.89.7" in flat(text)


def test_a_doubt_about_the_image_is_told(cli):
    """A doubtful tag is reported, with an unwrapped command that checks the file."""
    code, out, _ = cli("check-upgrade", "--to", f"{IMAGE}:v1.83.3-stable.patch.2")
    assert code == 0
    assert "probably LiteLLM 1.83.3" in flat(out)
    assert "a hotfix that exists as an image only" in flat(out)
    assert re.search(rf"docker run .* {IMAGE}:v1.83.3-stable.patch.2 /usr/\S+\.py\n", out)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--from", "1.88.6"],
        ["--to", "Not An Image"],
        ["--to", ""],
        ["--to", "1.90.0", "--from", ";;"],
        ["--to", "1.90.0", "--output", "xml"],
        ["1.90.0"],
    ],
)
def test_wrong_usage_is_exit_code_2(cli, arguments):
    """Wrong usage exits with 2 before any output."""
    code, out, err = cli("check-upgrade", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "\nhint: litellm-overlay check-upgrade --help\n" in err


def test_options_come_from_the_environment(cli, monkeypatch):
    """Options come from variables with the verb's name, an underscore for its dash."""
    for name, value in {"TO": "1.90.0", "FROM": "1.89.0", "OUTPUT": "json"}.items():
        monkeypatch.setenv(f"LITELLM_OVERLAY_CHECK_UPGRADE_{name}", value)
    data = json.loads(cli("check-upgrade")[1])
    assert (data["to"]["version"], data["from"]["version"]) == ("1.90.0", "1.89.0")


def test_the_examples_of_its_help_work(cli, locked):
    """The examples of the help work, up to a pipe."""
    lines = [line.strip() for line in check_upgrade.help.splitlines()]
    examples = [line for line in lines if line.startswith("litellm-overlay check-upgrade ")]
    assert len(examples) == 4
    for example in examples:
        code, out, err = cli("check-upgrade", *shlex.split(example.partition(" | ")[0])[2:])
        assert (code, err) == (0, "")
        assert out


def test_there_is_no_colour_outside_of_a_terminal(cli, monkeypatch):
    """Without a terminal the output has no colour."""
    monkeypatch.setenv("COLUMNS", "40")
    for to in ("1.82.7", "1.90.0", f"{IMAGE}:latest"):
        assert "\x1b" not in cli("check-upgrade", "--to", to)[1]


def test_nothing_is_asked_of_the_network():
    """The verb opens no connection."""
    script = (
        "import socket, sys\n"
        "def closed(*_, **__): raise AssertionError('a connection')\n"
        "socket.socket.connect = socket.getaddrinfo = closed\n"
        "sys.argv[1:] = ['check-upgrade', '--to', 'example.com/berriai/litellm:v1.90.0']\n"
        "from litellm_overlay.cli import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "fixed-upstream" in done.stdout


def test_a_lock_says_what_runs_now(cli, locked, monkeypatch):
    """A lock gives the current release and patch, unless `--from` is given."""
    monkeypatch.setenv("LITELLM_OVERLAY_LOCK", locked)
    data = json.loads(cli("check-upgrade", "--to", "1.90.0", "--output", "json")[1])
    assert data["from"]["version"] == "1.83.0"
    data = json.loads(
        cli("check-upgrade", "--to", "1.90.0", "--from", "1.88.6", "--output", "json")[1]
    )
    assert data["from"]["version"] == "1.88.6"
