"""The verb `doctor`: manifests in, findings out, exit codes."""

from __future__ import annotations

import io
import json
import sys
from types import SimpleNamespace

import pytest
import yaml

from fakes import objects as fake
from litellm_overlay import cli


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the verb on stdin; return exit code, stdout, stderr."""

    class Stdin(io.TextIOWrapper):
        terminal = False

        def isatty(self):
            return self.terminal

    def run(*arguments, stdin="", terminal=False):
        text = stdin if isinstance(stdin, str) else yaml.safe_dump_all(stdin)
        monkeypatch.setattr(sys, "argv", ["litellm-overlay", "doctor", *map(str, arguments)])
        stream = Stdin(io.BytesIO(text.encode()), encoding="utf-8")
        stream.terminal = terminal
        monkeypatch.setattr(sys, "stdin", stream)
        with pytest.raises(SystemExit) as ending:
            cli.main()
        return SimpleNamespace(code=ending.value.code, **capsys.readouterr()._asdict())

    return run


def test_nothing_found(run):
    """Exit code 0, and the configuration for Codex."""
    done = run(stdin=[fake.overlaid(), fake.service()])
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("nothing found\n")
    assert 'base_url = "http://litellm.llm.svc:4000/v1"\n' in done.out
    assert "supports_websockets = true\n" in done.out


def test_an_error_is_exit_code_5(run):
    """Told what, why and how."""
    done = run(stdin=[fake.stock()])
    assert done.code == 5
    assert done.out.startswith("Deployment/llm/litellm\n  error  LiteLLM 1.88.6 is affected")
    assert "\n    fix: litellm-overlay inject < MANIFESTS\n" in done.out
    assert done.err == "error: 1 error\nhint: each finding says how to mend it\n"


def test_a_warning_is_exit_code_5_with_strict_only(run):
    """For a CI job that wants none."""
    given = [fake.stock("ghcr.io/berriai/litellm:v1.89.0")]
    assert run(stdin=given).code == 0
    done = run("--strict", stdin=given)
    assert (done.code, done.err.splitlines()[0]) == (5, "error: 1 warning")


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_output_for_programs(run, output, read):
    """The same in both."""
    done = run("--output", output, stdin=[fake.stock(), fake.service()])
    said = read(done.out)
    assert done.code == 5
    (finding,) = said["findings"]
    assert set(finding) == {"object", "severity", "topic", "what", "why", "fix"}
    assert finding["topic"] == "affected"
    assert said["codex"][0]["base_url"] == "http://litellm.llm.svc:4000/v1"
    assert 'model = "gpt-5.4"' in said["codex"][0]["config_toml"]


def test_what_kubectl_prints(run, tmp_path):
    """A List, as YAML or as JSON, from a file as well."""
    given = {"kind": "List", "items": [fake.stock(), fake.service()]}
    path = tmp_path / "objects.json"
    path.write_text(json.dumps(given))
    assert run(path).out == run(stdin=[given]).out == run(stdin=json.dumps(given)).out
    assert run(path).code == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "error: a document is not YAML"),
        ("{{ .Values.x }}", "error: a document is not YAML"),
        ("hello", "error: no Kubernetes object in stdin"),
        ("", "error: no Kubernetes object in stdin"),
        ('{"kind": "List", "items": []}', "error: no Kubernetes object in stdin"),
        ("{}", "error: no Kubernetes object in stdin"),
    ],
)
def test_unreadable_manifests(run, text, said):
    """Exit code 2, a sentence and a hint."""
    done = run(stdin=text)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(said)
    assert "\nhint: doctor reads rendered manifests" in done.err


def test_file_that_is_not_there(run):
    """As unreadable as any."""
    done = run("/nowhere/at/all.yaml")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "error: could not read /nowhere/at/all.yaml: No such file or directory",
    )


def test_no_proxy_is_not_health(run):
    """Somebody looked at the wrong thing."""
    done = run(stdin=[fake.workload({"containers": [{"name": "x", "image": "redis:7"}]})])
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: nothing here runs LiteLLM's proxy")


def test_stdin_of_a_person(run):
    """Does not wait for manifests to be typed."""
    done = run(terminal=True)
    assert done.code == 2
    assert "Give manifests on stdin" in done.err


def test_a_pods_words_cannot_move_the_cursor(run):
    """A termination message comes from whoever runs in the pod."""
    report = {"decision": "refused", "message": "a\x1b[2Jb\rc", "hint": "d\ne"}
    out = run(stdin=[fake.overlaid(), fake.pod(report)]).out
    assert "\x1b" not in out
    assert "\r" not in out
    assert "error  a [2Jb c  [refused]" in out
