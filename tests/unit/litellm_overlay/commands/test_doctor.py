"""The verb `doctor`: its findings for manifests, and its exit codes."""

from __future__ import annotations

import json

import pytest
import yaml

from fakes import objects as fake
from fakes.api_server import FakeApi, kubeconfig, serving


def test_nothing_found(cli):
    """Without findings it exits with 0 and prints Codex's configuration."""
    done = cli("doctor", stdin=[fake.overlaid(), fake.service()])
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("nothing found\n")
    assert 'base_url = "http://litellm.llm.svc:4000/v1"\n' in done.out
    assert "supports_websockets = true\n" in done.out


def test_an_error_is_exit_code_5(cli):
    """An error exits with 5, and is printed with its reason and fix."""
    done = cli("doctor", stdin=[fake.stock()])
    assert done.code == 5
    assert done.out.startswith("Deployment/llm/litellm\n  error  LiteLLM 1.88.6 is affected")
    assert "\n    fix: litellm-overlay inject < MANIFESTS\n" in done.out
    assert done.err == "error: 1 error\nhint: each finding says how to fix it\n"


def test_a_warning_is_exit_code_5_with_strict_only(cli):
    """A warning exits with 5 only with --strict."""
    given = [fake.stock("ghcr.io/berriai/litellm:main-stable")]
    assert cli("doctor", stdin=given).code == 0
    done = cli("doctor", "--strict", stdin=given)
    assert (done.code, done.err.splitlines()[0]) == (5, "error: 1 warning")


@pytest.mark.parametrize(("output", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_output_for_programs(cli, output, read):
    """JSON and YAML have the same findings."""
    done = cli("doctor", "--output", output, stdin=[fake.stock(), fake.service()])
    text = read(done.out)
    assert done.code == 5
    (finding,) = text["findings"]
    assert set(finding) == {"object", "severity", "topic", "what", "why", "fix"}
    assert finding["topic"] == "affected"
    assert text["codex"][0]["baseUrl"] == "http://litellm.llm.svc:4000/v1"
    assert 'model = "gpt-5.4"' in text["codex"][0]["configToml"]


def test_what_kubectl_prints(cli, tmp_path):
    """A List, as kubectl prints it, is read as YAML or JSON, from stdin or a file."""
    given = {"kind": "List", "items": [fake.stock(), fake.service()]}
    path = tmp_path / "objects.json"
    path.write_text(json.dumps(given))
    assert (
        cli("doctor", path).out
        == cli("doctor", stdin=[given]).out
        == cli("doctor", stdin=json.dumps(given)).out
    )
    assert cli("doctor", path).code == 5


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
def test_unreadable_manifests(cli, text, said):
    """Unreadable manifests exit with 2, an error and a hint."""
    done = cli("doctor", stdin=text)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith(said)
    assert "\nhint: doctor reads rendered manifests" in done.err


def test_file_that_is_not_there(cli):
    """A missing file exits with 2."""
    done = cli("doctor", "/nowhere/at/all.yaml")
    assert (done.code, done.err.splitlines()[0]) == (
        2,
        "error: could not read /nowhere/at/all.yaml: No such file or directory",
    )


def test_no_proxy_is_not_health(cli):
    """Manifests without a proxy exit with 1, not 0."""
    done = cli("doctor", stdin=[fake.workload({"containers": [{"name": "x", "image": "redis:7"}]})])
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: nothing here runs LiteLLM's proxy")


def test_stdin_of_a_person(cli):
    """On a terminal doctor does not wait for input, but exits with 2."""
    done = cli("doctor", terminal=True)
    assert done.code == 2
    assert "Give manifests on stdin" in done.err


def test_a_pods_words_cannot_move_the_cursor(cli):
    """Control characters and line breaks of a termination message do not reach the terminal."""
    report = {"decision": "refused", "message": "a\x1b[2Jb\rc", "hint": "d\ne"}
    out = cli("doctor", stdin=[fake.overlaid(), fake.pod(report)]).out
    assert "\x1b" not in out
    assert "\r" not in out
    assert "error  a [2Jb c  [refused]" in out


def test_what_is_looked_for(cli):
    """`--topics` lists the topics without manifests; as data it is a mapping."""
    text = cli("doctor", "--topics", terminal=True)
    assert text.code == 0
    assert "\nno-drain " in text.out
    assert json.loads(cli("doctor", "--topics", "-o", "json").out)["no-drain"]


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 0),
        (["--fail-on", "warning"], 5),
        (["--fail-on", "note"], 5),
        (["--fail-on", "never"], 0),
        (["--strict"], 5),
        (["--strict", "--ignore", "no-drain"], 0),
        (["--ignore", "nosuch"], 2),
    ],
)
def test_a_threshold_and_what_is_ignored(cli, options, code):
    """The exit code depends on the findings above the threshold that are not ignored."""
    deployment = fake.overlaid()
    del fake.proxy_of(deployment)["lifecycle"]
    done = cli("doctor", *options, stdin=[deployment])
    assert done.code == code
    assert ("1 ignored: no-drain" in done.out) is ("no-drain" in options)


def test_a_proxy_by_another_name(cli):
    """`--image-name` makes doctor check a proxy with another image."""
    given = [fake.stock("registry.example.com/gateway:1")]
    assert cli("doctor", stdin=given).code == 1
    done = cli("doctor", "--image-name", "gateway", "-o", "json", stdin=given)
    assert [each["topic"] for each in json.loads(done.out)["findings"]] == ["unknown-release"]


def test_a_cluster_and_what_is_to_be_applied(cli, tmp_path, monkeypatch):
    """`--from-cluster` with a file checks the cluster as if the file were applied."""
    with serving(FakeApi({"deployments": [fake.stock()], "services": [fake.service()]})) as api:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", api.url)))
        now = cli("doctor", "--from-cluster", "-o", "json", terminal=True)
        assert "affected" in now.out
        path = tmp_path / "new.yaml"
        path.write_text(yaml.safe_dump({"apiVersion": "apps/v1", **fake.overlaid()}))
        then = cli("doctor", "--from-cluster", "-o", "json", path, terminal=True)
    assert then.code == 0
    data = json.loads(then.out)
    assert "affected" not in then.out
    assert data["codex"][0]["via"] == "Service"
