"""The verb `diff`: it prints what the guard would write."""

from __future__ import annotations

import hashlib
import json
import subprocess

import pytest

from endpoint_patch import edits, plan, stock_file, versions
from endpoint_patch.errors import CompromisedReleaseError, PlanUnreadableError
from fakes.endpoint_module import STOCK
from litellm_overlay.catalogue import patch_files
from litellm_overlay.errors import NotInCatalogueError
from litellm_overlay.overlay import preview
from litellm_overlay.overlay.values import parse_settings

FIXED = STOCK.replace(b"fastapi.Query(..., ", b"fastapi.Query(None, ")


@pytest.fixture
def known(monkeypatch):
    """Make the guard treat STOCK as an affected file."""
    files = {
        hashlib.sha256(STOCK).hexdigest(): [
            {"state": "affected", "first": "1.88.6", "last": "1.88.6"}
        ],
        "another": [{"state": "fixed", "first": "1.90.0", "last": "1.90.0"}],
    }
    monkeypatch.setattr(
        stock_file, "_table", lambda: {"files": files, "handlers": {}, "compromised": []}
    )


@pytest.fixture(autouse=True)
def _current_guard(monkeypatch):
    """Make `diff` use the current guard, also for released versions."""
    monkeypatch.setattr(patch_files, "released", lambda: ())


@pytest.fixture
def stock(tmp_path, known):
    """Write STOCK to a file; return its path."""
    path = tmp_path / "endpoints.py"
    path.write_bytes(STOCK)
    return path


def compare(content=STOCK, **settings):
    return preview.preview_patch(content, "2.0.0", settings, "1.88.6")


@pytest.mark.parametrize("ending", [b"\n", b"\r\n", b""])
def test_the_diff_turns_stock_into_what_the_pod_writes(ending, known, monkeypatch, tmp_path):
    """Applied by git, the diff gives the guard's bytes, with any line endings."""
    stock = STOCK.replace(b"\n", ending) if ending else STOCK.rstrip(b"\n")
    file = stock_file.StockFile(
        "affected", "sha256", "1.88.6", hashlib.sha256(stock).hexdigest(), None
    )
    monkeypatch.setattr(stock_file, "identify", lambda *_: file)
    target = tmp_path / preview.MODULE
    target.parent.mkdir(parents=True)
    target.write_bytes(stock)
    result = compare(stock)
    git = ["git", "apply", "--whitespace=nowarn", "-"]
    subprocess.run(git, cwd=tmp_path, input=result.diff.encode(), check=True)
    written = target.read_bytes()
    expected = edits.patch(stock, versions.load("2.0.0"), plan.check_settings({}), "1.88.6")
    assert written == expected
    assert result.patched_sha256 == hashlib.sha256(expected).hexdigest()
    assert result.stock_sha256 == hashlib.sha256(stock).hexdigest()


def test_settings_stand_in_the_diff(known):
    """The settings are in the diff."""
    assert "'mode': 'http-fallback'" in compare(mode="http-fallback").diff
    assert "'mode': 'websocket'" in compare().diff


def test_a_patched_file_is_compared_with_its_stock_text(known):
    """A patched file is compared with its stock text."""
    patched = edits.patch(STOCK, versions.load("1.0.0"), plan.check_settings({}), "1.88.6")
    assert compare(patched) == compare(STOCK)


def test_nothing_changes_where_upstream_has_fixed_it(known):
    """For a file with upstream's fix the diff is empty."""
    result = compare(FIXED)
    assert (result.decision, result.diff) == ("upstream-fixed", "")
    assert (result.added, result.removed) == (0, 0)
    assert result.stock_sha256 == result.patched_sha256


def test_an_unknown_file_is_refused(known):
    """A file that differs by one byte is refused."""
    with pytest.raises(NotInCatalogueError) as refusal:
        compare(STOCK.replace(b"small", b"Small"))
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ([], {}),
        (["mode=http-fallback"], {"mode": "http-fallback"}),
        (["maxMessageBytes=8000000"], {"maxMessageBytes": 8_000_000}),
        (["drainFile=/run/a=b"], {"drainFile": "/run/a=b"}),
    ],
)
def test_settings_are_read_as_json_where_they_can_be(given, expected):
    """Settings are parsed as JSON, else taken as text."""
    assert parse_settings(given) == expected


@pytest.mark.parametrize("given", ["mode", "mode=x", "nosuch=1", "maxMessageBytes=1"])
def test_a_bad_setting_is_refused(given):
    """A wrong setting is refused by the guard's rules."""
    with pytest.raises(PlanUnreadableError):
        parse_settings([given])


def test_the_verb_prints_the_diff_and_nothing_else_on_stdout(cli, stock):
    """The verb's stdout has only the diff; the decision is on stderr."""
    code, out, err = cli("diff", stock, "--patch", "2.0.0")
    assert (code, out) == (0, preview.preview_patch(STOCK, "2.0.0", {}, None).diff)
    assert err.startswith("patched: ")


@pytest.mark.parametrize(
    ("target", "code", "error", "hint"),
    [
        ("nosuch.py", 1, "could not read nosuch.py: No such file", "TARGET is a release, as 1.88.6"),
        ("./nosuch", 1, "could not read ./nosuch: No such file", "or the path of LiteLLM's endpoints.py"),
        (".", 1, "could not read .: Is a directory", "TARGET is a release"),
        ("main-stable", 3, "'main-stable' is neither a version nor a file", "TARGET is a release"),
        ("r.example/litellm:v1.86.2", 1, "could not read", "of an image give the release: litellm-overlay diff 1.86.2"),
        ("litellm:v1.86.2", 3, "neither a version nor a file", "litellm-overlay diff 1.86.2"),
        ("r.example/litellm:main-stable", 1, "could not read", "TARGET is a release"),
        ("1.74.0", 3, "LiteLLM 1.74.0 is not in the catalogue", "the catalogue begins with"),
        ("manifests.yaml", 3, "manifests.yaml is no Python module, and so no endpoints.py of LiteLLM", "take the file from a pod: kubectl exec POD --container NAME -- cat PATH > endpoints.py"),
        ("manifests.yaml", 3, "", "litellm-overlay inject < MANIFESTS | diff -u MANIFESTS -"),
        ("other.py", 3, "does not have the endpoint this patch was made for", "Use an unmodified LiteLLM release"),
    ],
)  # fmt: skip
def test_what_target_is_not(cli, tmp_path, monkeypatch, target, code, error, hint):
    """A target that is neither a release nor LiteLLM's file is refused with a fitting hint."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "manifests.yaml").write_text("kind: Deployment\nmetadata:\n  name: litellm\n")
    (tmp_path / "other.py").write_text("x = 1\n")
    ended, out, err = cli("diff", target)
    first, second = err.splitlines()
    assert (ended, out) == (code, "")
    assert first.startswith("error: ")
    assert error in first
    assert second.startswith("hint: ")
    assert hint in second


def test_what_is_compared_is_said(cli, stock):
    """The message names file, release and patch version."""
    _, _, err = cli("diff", stock, "--patch", "2.0.0")
    assert err == (
        f"patched: from {stock} of LiteLLM 1.88.6 to what the pod would write, with patch version "
        "2.0.0\n"
    )


def test_stat_counts_the_lines(cli, stock):
    """--stat counts the lines."""
    _, out, _ = cli("diff", stock, "--patch", "2.0.0", "--stat")
    result = preview.preview_patch(STOCK, "2.0.0", {}, None)
    assert out == f"{preview.MODULE} | +{result.added} -4\n"


def test_json_has_decision_and_hashes(cli, stock):
    """The JSON has decision and hashes."""
    code, out, err = cli("diff", stock, "--patch", "1.0.0", "--output", "json")
    said = json.loads(out)
    assert (code, err) == (0, "")
    assert said["decision"] == "patched"
    assert said["upstream"] == "affected"
    assert said["stockSha256"] == hashlib.sha256(STOCK).hexdigest()
    assert said["patchedSha256"] != said["stockSha256"]
    assert said["diff"] == preview.preview_patch(STOCK, "1.0.0", {}, None).diff


def test_a_fixed_file_is_success(cli, tmp_path, known):
    """A file with upstream's fix exits with 0 and a hint."""
    (tmp_path / "endpoints.py").write_bytes(FIXED)
    code, out, err = cli("diff", tmp_path / "endpoints.py", "--patch", "2.0.0")
    assert (code, out) == (0, "")
    assert err.startswith("upstream-fixed: Nothing would be changed: the file is not known")
    assert "Move to" not in err
    assert "hint: " in err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        ([], 2, "Give either TARGET or --installed"),
        (["x.py", "--installed", "."], 2, "Give either TARGET or --installed"),
        (["x.py", "--set", "mode=x"], 2, "settings.mode must be"),
        (["./no-such-file.py"], 1, "error: could not read ./no-such-file.py: No such file"),
        (["--installed", "."], 1, "error: there is no `litellm` command in "),
    ],
)
def test_what_cannot_be_done_is_said(cli, arguments, code, sentence, monkeypatch, tmp_path):
    """Each failure has its exit code and message, without a traceback."""
    monkeypatch.chdir(tmp_path)
    ended, out, err = cli("diff", *arguments)
    assert (ended, out) == (code, "")
    assert sentence in err


@pytest.mark.parametrize("patch", ["9.9.9", "x"])
def test_an_unknown_patch_version_has_the_exit_code_of_the_catalogue(cli, stock, patch):
    """An unknown patch version exits with 3 and a hint."""
    code, _, err = cli("diff", stock, "--patch", patch)
    assert code == 3
    assert err.startswith(f"error: there is no patch version {patch}\nhint: ")


def test_a_malicious_release_is_no_difference(known, monkeypatch):
    """A malicious release is refused, even with an honest endpoints.py."""
    table = {**stock_file._table(), "compromised": ["1.88.6"]}
    monkeypatch.setattr(stock_file, "_table", lambda: table)
    with pytest.raises(CompromisedReleaseError):
        compare()
