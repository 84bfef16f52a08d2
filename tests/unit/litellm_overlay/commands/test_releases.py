"""The verb `releases`: an operator's questions and their answers.

More than 300 lines, since it is a list: one question, one test.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys

import pytest

from litellm_overlay.catalogue import assessment, releases

E2 = "70c03efe50353d18abb668fc30042992134cfa72bb0a6e4e1abcba6100070c54"
SHARED_BY_TWO_STATES = "e78c72f28c1c4ec4225f51158f7f3d5368da569175341abd5e0f27194112dbd8"
IMAGE = "registry.example.com:5000/berriai/litellm"


@pytest.fixture
def rows(cli):
    """Return a function that runs the verb with JSON output and returns the rows."""

    def rows(*arguments):
        code, out, _ = cli("releases", *arguments, "--output", "json")
        assert code == 0
        return json.loads(out)

    return rows


def flat(text):
    """Return the text with single spaces, as if it were not wrapped."""
    return " ".join(text.split())


def test_json_lists_exactly_the_76_affected_releases(rows):
    """The JSON lists the 76 affected releases, each with the fields that a script needs."""
    listed = rows()
    assert len(listed) == 76
    assert (listed[0]["version"], listed[-1]["version"]) == ("1.82.1", "1.88.6")
    for row in listed:
        assert row["state"] == "affected"
        assert re.fullmatch(r"[0-9a-f]{64}", row["endpointsSha256"])
        assert row["pin"] == "2.0.0"
    assert "CVE-2026-42208" in [item["id"] for item in listed[0]["advisories"]]
    assert listed[-1]["advisories"] == []


def test_the_table_lists_the_affected_releases(cli):
    """The table has a line for each affected release, and their number in the title."""
    code, out, _ = cli("releases")
    assert code == 0
    assert out.startswith("76 of ")
    assert len(re.findall(r"^ *1\.\S+ +affected ", out, re.MULTILINE)) == 76
    assert "Pin patch 2.0.0" in out


def test_all_lists_every_release_the_malicious_ones_too(rows):
    """--all lists every release."""
    assert [row["version"] for row in rows("--all")] == [
        release.version for release in releases.load().releases
    ]


def test_states_can_be_chosen(rows):
    """--state selects one or several states."""
    assert {row["state"] for row in rows("--state", "malicious")} == {"malicious"}
    both = rows("--state", "handshake-fixed", "--state", "fixed")
    assert {row["state"] for row in both} == {"handshake-fixed", "fixed"}
    assert {row["state"] for row in both if row["pin"]} == {"handshake-fixed"}


def test_a_state_can_come_from_the_environment(rows, monkeypatch):
    """--state can come from a variable."""
    monkeypatch.setenv("LITELLM_OVERLAY_RELEASES_STATE", "malicious")
    assert [row["version"] for row in rows()] == ["1.82.7", "1.82.8", "1.107.0"]


def test_all_can_come_from_the_environment(rows, monkeypatch):
    """--all can come from a variable."""
    monkeypatch.setenv("LITELLM_OVERLAY_RELEASES_ALL", "1")
    assert len(rows()) == len(releases.load().releases)


def test_the_hash_of_a_file_finds_its_releases(rows):
    """--sha256 finds the releases of a file; upper case is accepted."""
    versions = ["1.82.2", "1.82.3", "1.82.4", "1.82.5"]
    assert [row["version"] for row in rows("--sha256", E2.upper())] == versions
    states = {row["state"] for row in rows("--sha256", SHARED_BY_TWO_STATES)}
    assert states == {"handshake-fixed", "fixed"}


def test_states_narrow_what_other_options_list(rows):
    """--state narrows --all and --sha256."""
    assert {row["state"] for row in rows("--all", "--state", "fixed")} == {"fixed"}
    both = rows("--sha256", SHARED_BY_TWO_STATES, "--state", "handshake-fixed")
    assert {row["state"] for row in both} == {"handshake-fixed"}
    assert rows("--sha256", E2, "--state", "fixed") == []


def test_the_table_fits_into_80_columns(cli, monkeypatch):
    """The table fits into 80 columns without cutting a cell."""
    monkeypatch.setenv("COLUMNS", "80")
    _, out, _ = cli("releases", "--all")
    assert "\N{HORIZONTAL ELLIPSIS}" not in out
    assert re.search(r"^ *1\.109\.1 .* \d\d *$", out, re.MULTILINE)


def test_an_unknown_hash_is_refused(cli):
    """An unknown hash exits with 3 and a hint."""
    code, out, err = cli("releases", "--sha256", "0" * 64)
    assert (code, out) == (3, "")
    assert "no release in the catalogue has an endpoints.py with sha256 000" in err
    assert "hint: it was altered" in err


def test_an_affected_release_is_answered(cli):
    """An affected release is answered with its meaning, the patch, advisories, and next step."""
    code, out, _ = cli("releases", "1.82.3")
    assert code == 0
    assert out.startswith("LiteLLM 1.82.3  affected  (uploaded 2026-03-16)\n")
    text = flat(out)
    assert "meaning It wants the model in the URL" in text
    assert f"endpoints.py {E2}" in text
    assert "pin patch 2.0.0 (bridge): " in text
    assert "or patch 1.0.0 (relay): " in text
    assert "advisory CVE-2026-42208: SQL injection" in text
    assert "fixed in 1.83.7" in text
    assert "litellm-overlay demo --litellm 1.82.3" in text
    assert "The overlay fixes no advisory: better move to 1.88.6 and patch that." in text


def test_where_the_file_lies_is_told(cli, rows):
    """The file's path is printed, or both if the layout is not certain; JSON has a list."""
    result = rows("1.83.7")[0]["modulePaths"]
    assert [path.split("/")[1] for path in result] == ["usr", "app"]
    _, printed, _ = cli("releases", "1.83.7")
    assert all(f"probably at   {path}\n" in printed for path in result)


def test_the_newest_affected_release_is_not_told_to_move_to_itself(cli):
    """The newest affected release has no better one to move to."""
    _, out, _ = cli("releases", "1.88.6")
    assert "none in this catalogue; a scanner may know more" in out
    assert "better move" not in out


@pytest.mark.parametrize(
    ("version", "state", "text"),
    [
        ("1.82.0", "no-endpoint", "there is nothing to patch"),
        ("1.109.1", "fixed", "The known gaps that patch 2.0.0 fixes: onFixed: patch."),
        ("1.109.1", "fixed", "Codex 0.169 loses its instructions"),
    ],
)
def test_other_states_are_answered_without_a_pin(cli, version, state, text):
    """A release in another state has no patch to pin."""
    code, out, _ = cli("releases", version)
    assert code == 0
    assert out.startswith(f"LiteLLM {version}  {state}  ")
    assert text in flat(out)
    assert "\npin " not in out


def test_half_a_fix_is_answered_with_a_pin(cli):
    """A release of 1.89 has a patch to pin, and its gaps."""
    code, out, _ = cli("releases", "1.89.3")
    assert code == 0
    assert "\npin           patch 2.0.0 (bridge)" in out
    assert "Codex's warm-up becomes a real model call" in flat(out)
    assert "demo --litellm" not in out


@pytest.mark.parametrize("version", ["1.82.7", "1.82.8", "1.107.0"])
def test_malware_is_named_as_such_and_nothing_else_is_said(cli, rows, version):
    """A malicious release is answered with a warning and its source only, and exit code 0."""
    code, out, _ = cli("releases", version)
    assert code == 0
    assert f"LiteLLM {version}  malicious" in out
    assert "MALWARE. Never install or run it." in out
    assert "Source: https://" in flat(out)
    assert ("Read second-hand" in flat(out)) is (version == "1.107.0")
    assert "CVE" not in out
    assert "demo" not in out
    (row,) = rows(version)
    assert (row["state"], row["pin"], row["endpointsSha256"]) == ("malicious", None, None)


@pytest.mark.parametrize(
    "image", ["mirror/llm:v1.82.7", f"{IMAGE}:v1.82.8@sha256:{'ab' * 32}", f"{IMAGE}:v1.82.8"]
)
def test_nobody_is_told_to_start_malware_to_look_at_it(cli, image):
    """For malware no command starts the image, even if the tag is doubtful."""
    code, out, _ = cli("releases", image)
    assert code == 0
    assert "MALWARE. Never install or run it." in out
    assert "docker run" not in out
    assert "sha256sum" not in out


def test_an_image_is_answered_by_its_tag(cli):
    """An image is answered by its tag, with how it was read."""
    code, out, _ = cli("releases", f"{IMAGE}:main-v1.83.3-stable")
    assert code == 0
    assert out.startswith("LiteLLM 1.83.3  affected  (uploaded 2026-04-05)\n")
    assert "the tag names the release 1.83.3" in flat(out)
    assert "sha256sum" not in out


def test_a_hotfix_image_is_answered_by_the_nearest_release_and_told_to_look(cli, rows):
    """A hotfix image is answered by the nearest release, with a command that checks the file."""
    image = f"{IMAGE}:v1.83.3-stable.patch.2"
    _, out, _ = cli("releases", image)
    assert "LiteLLM 1.83.3  affected  (nearest release, uploaded 2026-04-05)" in out
    (command,) = re.findall(r"docker run .*", out)
    assert command.startswith(f"docker run --rm --entrypoint sha256sum {image} /usr/lib/python3.13")
    assert "litellm-overlay releases --sha256 HASH" in out
    (row,) = rows(image)
    assert (row["asked"], row["version"], row["exact"]) == (image, "1.83.3", False)


def test_a_candidate_without_release_is_answered_by_the_release_that_came_of_it(rows):
    """A candidate without a release on the index is answered by the final release."""
    old, new = rows(f"{IMAGE}:v1.83.7.rc.1", f"{IMAGE}:1.84.0-rc.1")
    assert (old["version"], old["exact"]) == ("1.83.7", False)
    assert "not on the package index" in old["why"]
    assert (new["version"], new["exact"]) == ("1.84.0rc1", True)


@pytest.mark.parametrize("image", [f"{IMAGE}:main-latest", f"{IMAGE}@sha256:{'ab' * 32}"])
def test_an_image_that_cannot_be_told_is_told_how_to_find_out(cli, rows, image):
    """An image without a release gets a command that checks both paths, and a full JSON row."""
    code, out, _ = cli("releases", image)
    assert code == 0
    assert out.startswith(f"{image}  unknown\n")
    (command,) = re.findall(r"docker run .*", out)
    assert image in command
    assert "/usr/lib/python3.13/" in command
    assert "/app/.venv/lib/python3.13/" in command
    (row,) = rows(image)
    assert (row["state"], row["version"], row["advisories"]) == ("unknown", None, [])
    assert set(row) == set(rows("1.88.6")[0]) | {"asked", "exact", "why"}


def test_a_tag_alone_gives_a_command_to_complete(cli):
    """A tag alone gives a command with the placeholder IMAGE."""
    _, out, _ = cli("releases", "main-latest")
    assert "--entrypoint sha256sum IMAGE /usr" in out


@pytest.mark.parametrize(
    ("target", "hint"),
    [
        ("1.74.0", "hint: the catalogue begins with 1.75.0"),
        ("1.96.1", "hint: the nearest are 1.96.0 (fixed) and 1.96.2 (fixed)"),
        (f"{IMAGE}:v1.96.1", "hint: the nearest are 1.96.0 (fixed) and 1.96.2 (fixed)"),
    ],
)
def test_an_unknown_release_has_an_exit_code_of_its_own(cli, target, hint):
    """An unknown release exits with 3 and a hint at the nearest ones."""
    code, out, err = cli("releases", target)
    assert (code, out) == (3, "")
    assert "is not in the catalogue" in err
    assert hint in err


def test_a_newer_release_is_answered_and_has_that_exit_code(cli):
    """A newer release is answered with known gaps and a command, and exits with 3."""
    code, out, err = cli("releases", "1.88.6", "1.999.0")
    assert code == 3
    assert "LiteLLM 1.999.0  unreviewed  (not in the catalogue)" in out
    assert "expect        a key goes on when its budget is spent" in out
    assert "litellm-overlay diff 1.999.0" in out
    assert "none in this catalogue" not in out.partition("1.999.0")[2]
    assert err.startswith("error: LiteLLM 1.999.0 is newer than the last that this catalogue knows")
    code, out, _ = cli("releases", "1.999.0", "--output", "json")
    (row,) = json.loads(out)
    assert (code, row["state"], row["version"], row["pin"]) == (3, "unreviewed", "1.999.0", None)


def test_one_unknown_release_does_not_hide_the_others(cli):
    """An unknown release among others exits with 3 after the answers for the others."""
    code, out, err = cli("releases", "1.88.6", "1.74.0", "1.96.1", "1.82.3", "--output", "json")
    assert code == 3
    assert [row["version"] for row in json.loads(out)] == ["1.88.6", "1.82.3"]
    assert "1.74.0 is not in the catalogue; LiteLLM 1.96.1 is not" in err


@pytest.mark.parametrize(
    "arguments", [["Not An Image"], ["1.88.6", "--all"], ["--state", "mended"], ["--output", "xml"]]
)
def test_wrong_usage_is_exit_code_2(cli, arguments):
    """Wrong usage exits with 2 before any output."""
    code, out, err = cli("releases", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert "\nhint: litellm-overlay releases --help\n" in err


def test_there_is_no_colour_outside_of_a_terminal(cli, monkeypatch):
    """Without a terminal the output has no colour."""
    monkeypatch.setenv("COLUMNS", "40")
    for arguments in [["1.82.7"], ["--state", "affected"], [f"{IMAGE}:latest"]]:
        _, out, _ = cli("releases", *arguments)
        assert "\x1b" not in out


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_closed_pipe_ends_it_quietly(output):
    """A closed pipe ends the verb quietly."""
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(
        [sys.executable, "-m", "litellm_overlay", "releases", "--all", "--output", output],
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    os.close(writer)
    assert done.stderr == ""


def test_every_state_has_a_meaning():
    """Every state has an explanation."""
    assert set(assessment.MEANING) == {*releases.STATES, "unreviewed", "unknown"}


def test_help_has_examples_and_exit_codes(cli):
    """The help has examples and exit codes."""
    code, out, _ = cli("releases", "--help")
    assert code == 0
    assert "litellm-overlay releases 1.88.6\n" in out
    assert "Exit codes: " in out
