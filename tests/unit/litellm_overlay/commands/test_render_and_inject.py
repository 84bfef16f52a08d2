"""The verbs `render` and `inject`: options, streams, exit codes, files."""

from __future__ import annotations

import subprocess
import sys

import pytest
import yaml

IMAGE = "ghcr.io/berriai/litellm:v1.88.6"
DEPLOYMENT = f"""\
apiVersion: apps/v1
kind: Deployment
metadata: {{name: proxy}}
spec:
  template:
    spec:
      containers:
      - name: litellm
        image: {IMAGE}
"""


def test_inject_is_a_pipe(cli):
    """`inject` is a pipe with a message on stderr, and --remove restores the input."""
    overlaid = cli("inject", stdin=DEPLOYMENT)
    assert overlaid.code == 0
    assert overlaid.err == "Deployment/proxy: patch 2.0.0 for LiteLLM 1.88.6\n"
    assert cli("inject", "--remove", stdin=overlaid.out).out == DEPLOYMENT


def test_inject_reads_a_file(cli, tmp_path):
    """`inject` reads files, options and a values file; options count before the file."""
    path, values = tmp_path / "in.yaml", tmp_path / "values.yaml"
    path.write_text(DEPLOYMENT)
    values.write_text("patch: {version: 2.0.0, mode: http-fallback}\n")
    done = cli(
        "inject", path, "--values", values, "--patch", "1.0.0", "--set", "maxMessageBytes=2048"
    )
    assert (
        '"patchVersion":"1.0.0","settings":{"maxMessageBytes":2048,"mode":"http-fallback"}'
        in done.out
    )


def test_an_environment_variable_stands_for_an_option(cli, monkeypatch):
    """A variable sets an option of `inject`, as of every verb."""
    monkeypatch.setenv("LITELLM_OVERLAY_INJECT_PATCH", "1.0.0")
    assert '"patchVersion":"1.0.0"' in cli("inject", stdin=DEPLOYMENT).out


def test_advisories_are_told_each_time(cli):
    """A release with advisories gets one warning."""
    old = DEPLOYMENT.replace("1.88.6", "1.82.3")
    done = cli("inject", stdin=f"{old}---\n{old}")
    assert done.err.count("warning:") == 1
    assert "warning: LiteLLM 1.82.3 has known vulnerabilities" in done.err
    assert "CVE-" in done.err


def test_a_fixed_release_is_overlaid_and_told(cli):
    """A release with upstream's fix is overlaid, with a message that its file stays."""
    done = cli("inject", stdin=DEPLOYMENT.replace("1.88.6", "1.90.0"))
    assert done.code == 0
    assert "LiteLLM 1.90.0 is fixed" in done.err
    assert "By default the overlay leaves LiteLLM's file as it is; onFixed: patch" in done.err


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "sentence"),
    [
        (["inject"], "kind: Service\n", 1, "error: no container in these manifests"),
        (["inject", "--patch", "9.9.9"], DEPLOYMENT, 3, "error: there is no patch version 9.9.9"),
        (["inject", "--set", "mode=x"], DEPLOYMENT, 2, "settings.mode must be"),
        (["inject", "--module-path", "x"], DEPLOYMENT, 2, "error: modulePath must be an absolute"),
        (["inject", "none.yaml"], "", 1, "error: could not read none.yaml: No such file"),
        (["render"], "", 2, "error: the proxy's image is not known"),
        (["render", "--format", "kustomize", "--image", IMAGE], "", 2, "makes several files"),
        (["render", "--image", IMAGE, "--chart-values", "-"], "", 2, "--chart-values goes with"),
        (
            ["render", "--format", "litellm-helm-values"],
            "",
            2,
            "error: image.repository and image.tag",
        ),
        (["render", "--image", "x:v1.82.7"], "", 1, "1.82.7 is malware"),
        (["render", "--image", "x:v1.82.7", "--litellm", "1.86.2"], "", 1, "1.82.7 is malware"),
        (["render", "--image", "x:1", "--litellm", "1.107.0"], "", 1, "1.107.0 is malware"),
        (
            ["inject", "--litellm", "1.86.2"],
            DEPLOYMENT.replace("1.88.6", "1.107.0"),
            1,
            "1.107.0 is malware",
        ),
    ],
)
def test_a_refusal_is_a_sentence(cli, arguments, stdin, code, sentence):
    """A refusal has a message, its exit code, and nothing on stdout."""
    done = cli(*arguments, stdin=stdin)
    assert done.code == code
    assert sentence in done.err
    assert done.out == ""
    assert "Traceback" not in done.err


def test_manifests_are_whole(cli):
    """The manifests have the ConfigMaps first, then everything that a proxy needs."""
    kinds = [item["kind"] for item in yaml.safe_load_all(cli("render", "--image", IMAGE).out)]
    assert kinds == ["ConfigMap", "ConfigMap", "ServiceAccount", "Service", "Deployment"]


def test_a_kustomize_component_is_a_folder(cli, tmp_path):
    """The kustomize component has three files and no leftovers, with the same bytes each time."""
    command = [
        "render",
        "--format",
        "kustomize",
        "--image",
        IMAGE,
        "--folder",
        tmp_path / "overlay",
    ]
    assert cli(*command).code == 0
    files = {path.name: path.read_bytes() for path in (tmp_path / "overlay").iterdir()}
    assert set(files) == {"kustomization.yaml", "payload.yaml", "patch.yaml"}
    cli(*command)
    assert files == {path.name: path.read_bytes() for path in (tmp_path / "overlay").iterdir()}


def test_a_folder_that_cannot_be_written_is_a_sentence(cli, tmp_path):
    """An unwritable folder is an error without a traceback."""
    (tmp_path / "file").write_text("")
    done = cli("render", "--image", IMAGE, "--folder", tmp_path / "file" / "overlay")
    assert (done.code, done.out) == (1, "")
    assert "error: could not write into" in done.err


def test_a_closed_pipe_ends_quietly():
    """A closed pipe ends the verb quietly."""
    command = f"{sys.executable} -m litellm_overlay render --format payload | head -1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout == "apiVersion: v1\n"
    assert "Traceback" not in done.stderr
