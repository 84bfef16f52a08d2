"""`litellm-overlay status` with a small API server: its output and exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import click
import pytest
import yaml

from fakes.api_server import FakeApi, kubeconfig, serving
from fakes.overlaid import CATALOGUE, crashing, pod, report, workload
from litellm_overlay.cluster import client

OURS, STOCK = workload(patch="2.0.0"), workload("plain", image="ghcr.io/berriai/litellm:v1.88.5")
HEALTHY = {
    "deployments": [OURS, STOCK],
    "pods": [pod(OURS, 0, report()), pod(OURS, 1, report()), pod(STOCK)],
}


@pytest.fixture
def api(tmp_path, monkeypatch):
    """Serve a fleet; set KUBECONFIG to it."""
    with serving(FakeApi({name: list(items) for name, items in HEALTHY.items()})) as api:
        config = kubeconfig(tmp_path / "config", api.url)
        monkeypatch.setenv("KUBECONFIG", str(config))
        yield api


def test_the_table(api, cli):
    """The table has one line per workload, and marks versions that come from the tag."""
    code, out, _ = cli("status")
    assert code == 0
    lines = [line.split() for line in out.splitlines()]
    assert ["llm", "deployment/proxy", "1.88.6", "2.0.0", "patched", "2/2", "0"] in lines
    assert ["llm", "deployment/plain", "1.88.5?", "not-overlaid", "1/1", "0"] in lines
    assert "\x1b" not in out
    assert {path.split("?")[0] for path in api.seen} == {
        f"/{root}/namespaces/llm/{kind}"
        for root, kind in [
            ("apis/apps/v1", "deployments"),
            ("apis/apps/v1", "statefulsets"),
            ("apis/apps/v1", "daemonsets"),
            ("api/v1", "pods"),
        ]
    }


def test_wide_shows_image_and_advisories(api, cli):
    """--output wide shows images and the ids of advisories."""
    api.objects["deployments"] = [workload(image="ghcr.io/berriai/litellm:main-v1.82.3-stable")]
    api.objects["pods"] = []
    text = cli("status", "--output", "wide")[1]
    assert "ghcr.io/berriai/litellm:main-v1.82.3-stable" in text
    assert "CVE-2026-42208" in text


def test_a_pods_words_cannot_move_the_cursor(api, cli):
    """A pod's message cannot move the cursor or imitate another workload's line."""
    text = report("refused", message="a\x1b[2Jb\rc\nllm/other: fine")
    api.objects["pods"] = [pod(item, 0, **crashing(text)) for item in api.objects["deployments"]]
    code, out, _ = cli("status")
    assert code == 5
    assert "a [2Jb c llm/other: fine" in out
    assert not {"\x1b", "\r"} & set(out)


@pytest.mark.parametrize(("output", "load"), [("json", json.loads), ("yaml", yaml.safe_load)])
def test_for_programs(api, cli, output, load):
    """JSON and YAML have the same rows, with the names of the guard's report."""
    code, out, _ = cli("status", "--output", output)
    assert code == 0
    assert load(out)[1] == {
        "namespace": "llm",
        "kind": "Deployment",
        "name": "proxy",
        "image": "ghcr.io/berriai/litellm:v1.88.6",
        "imageDigests": ["sha256:" + "a" * 64],
        "litellmVersion": "1.88.6",
        "versionFrom": "report",
        "stockSha256": None,
        "patchVersion": "2.0.0",
        "payloadDigest": CATALOGUE.patch_versions["2.0.0"].digest,
        "onFixed": "passthrough",
        "chartVersion": None,
        "decision": "patched",
        "agreeing": 2,
        "pods": 2,
        "advisories": [],
        "removable": False,
        "reasons": [],
    }


def test_refused_or_drifted_is_exit_code_5(api, cli):
    """A refused or drifted workload exits with 5, after the table and the reasons."""
    api.objects["pods"] = [pod(OURS, 0, **crashing(report("refused"))), pod(OURS, 1, "{cut")]
    code, out, errors = cli("status")
    assert code == 5
    assert "llm/proxy: pod proxy-0: It is unknown." in out
    assert errors.startswith("error: 1 refused\n")
    assert cli("status", "--output", "json")[0] == 5


@pytest.mark.parametrize("decision", ["patched", "upstream-fixed"])
def test_a_release_that_nobody_has_reviewed(api, cli, decision):
    """A release newer than the catalogue is shown with the guard's decision, and exits with 0."""
    api.objects["pods"] = [pod(OURS, 0, report(decision, litellmVersion="1.999.0"))]
    code, out, _ = cli("status")
    assert code == 0
    assert "1.999.0" in out
    assert "llm/proxy: LiteLLM 1.999.0 is newer than the last that this catalogue knows" in out


def test_what_may_be_removed_is_said(api, cli):
    """A removable overlay is reported by name."""
    api.objects["pods"] = [pod(OURS, 0, report("upstream-fixed"))]
    text = cli("status")[1]
    assert "Needs no overlay for the handshake: llm/proxy\n" in text
    assert "what the bridge would fix there: litellm-overlay releases VERSION" in text


def test_namespaces(api, cli):
    """The namespace is the context's, a named one, or all of them; -n with -A is refused."""
    assert "namespace other" in cli("status", "--namespace", "other")[1]
    assert "/namespaces/" not in api.seen[0] or "/namespaces/other/" in api.seen[0]
    api.seen.clear()
    assert cli("status", "-A")[0] == 0
    assert not any("/namespaces/" in path for path in api.seen)
    assert cli("status", "-A", "-n", "llm")[0] == 2


def test_every_option_comes_from_the_environment(api, cli, monkeypatch):
    """Options come from LITELLM_OVERLAY_STATUS_<OPTION>."""
    monkeypatch.setenv("LITELLM_OVERLAY_STATUS_ALL_NAMESPACES", "1")
    monkeypatch.setenv("LITELLM_OVERLAY_STATUS_OUTPUT", "json")
    assert len(json.loads(cli("status")[1])) == 2
    assert not any("/namespaces/" in path for path in api.seen)


def test_cluster_errors_are_exit_code_4(api, cli):
    """An error of the cluster exits with 4, an error and a hint, and an empty stdout."""
    api.forbidden = {"daemonsets"}
    code, out, errors = cli("status")
    assert (code, out) == (4, "")
    assert errors.startswith("error: not allowed to list daemonsets in the namespace llm (403)\n")
    assert "hint: status, verify and doctor print with --rbac" in errors
    assert cli("status", "--context", "elsewhere")[0] == 4


def test_watch_shows_what_changed_until_ctrl_c(api, cli, monkeypatch, capsysbinary):
    """--watch prints a table only after a change, until Ctrl-C."""
    answers = iter([HEALTHY["pods"], HEALTHY["pods"][:1]])

    def changed(*_):
        api.objects["pods"] = next(answers, None)
        if api.objects["pods"] is None:
            raise KeyboardInterrupt

    monkeypatch.setattr(client.Cluster, "wait_for_change", changed)
    monkeypatch.setattr("litellm_overlay.commands.status.PAUSE", 0)
    with pytest.raises(click.Abort):
        cli("status", "--watch")
    output = capsysbinary.readouterr().out.decode()
    assert output.count("deployment/proxy") == 2
    assert "2/2" in output
    assert "1/1" in output


def test_colour_only_on_a_terminal(api, cli, monkeypatch):
    """FORCE_COLOR gives colour without a terminal."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert "\x1b[" in cli("status")[1]


@pytest.mark.parametrize("output", ["text", "json"])
def test_a_closed_pipe_is_quiet(api, output):
    """A closed pipe ends the verb quietly."""
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "litellm_overlay", "status", "--output", output]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_other_verbs_do_not_load_the_kubernetes_client():
    """Loading the other verbs does not load the Kubernetes client, which takes most of a second."""
    script = (
        "import sys; from litellm_overlay import cli; "
        "[cli.root.get_command(None, verb) for verb in cli.VERBS]; "
        "sys.exit('kubernetes' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
