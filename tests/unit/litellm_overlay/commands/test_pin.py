"""`litellm-overlay pin`, and the lock's effect on `render`, `inject` and `status`."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
import yaml

from fakes.api_server import FakeApi, kubeconfig, serving
from fakes.overlaid import CATALOGUE, IMAGE, pod, report, workload
from litellm_overlay import lock

STOCK = CATALOGUE.release("1.88.6").endpoints_sha256
DIGEST = "sha256:" + "a" * 64
OURS = workload(patch="2.0.0")


@pytest.fixture(autouse=True)
def _folder(monkeypatch, tmp_path):
    """Work in an empty folder."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def api(tmp_path, monkeypatch):
    """Serve a patched Deployment of two pods; set KUBECONFIG to it."""
    said = report(stockSha256=STOCK)
    objects = {"deployments": [OURS], "pods": [pod(OURS, 0, said), pod(OURS, 1, said)]}
    with serving(FakeApi(objects)) as api:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", api.url)))
        yield api


def written(path):
    """Return a lock file's content."""
    return json.loads((path / lock.NAME).read_text())


def test_pin_writes_the_lock(cli, tmp_path):
    """`pin` writes the lock and prints it; a second run changes nothing."""
    first = cli("pin", "--image", IMAGE)
    assert (first.code, first.err) == (0, "litellm-overlay.lock: written\n")
    assert "patchVersion    2.0.0\n" in first.out
    assert "imageDigest     not known\n" in first.out
    assert written(tmp_path)["image"] == IMAGE
    again = cli("pin", "--image", IMAGE)
    assert (again.code, again.err) == (0, "litellm-overlay.lock: as it was\n")
    assert {file.name for file in tmp_path.iterdir()} == {lock.NAME}


def test_pin_writes_whether_or_not_anybody_reads(tmp_path):
    """`pin` writes the lock even if nobody reads its output."""
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, "-m", "litellm_overlay", "pin", "--image", IMAGE],
        cwd=tmp_path,
        stdout=write,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    os.close(write)
    assert done.returncode == 0
    assert written(tmp_path)["image"] == IMAGE


def test_pin_says_what_it_changes(cli, tmp_path):
    """`pin` prints the old value beside the new one."""
    cli("pin", "--image", IMAGE)
    assert (
        "patchVersion    1.0.0  (was 2.0.0)\n"
        in cli("pin", "--image", IMAGE, "--patch", "1.0.0").out
    )
    assert written(tmp_path)["patchVersion"] == "1.0.0"


def test_pin_check_writes_nothing(cli, tmp_path):
    """`pin --check` writes nothing; it exits with 5 if the lock would change, else with 0."""
    done = cli("pin", "--image", IMAGE, "--check")
    assert (done.code, list(tmp_path.iterdir())) == (5, [])
    assert done.err.startswith("error: litellm-overlay.lock is not what would be pinned\nhint:")
    cli("pin", "--image", IMAGE)
    assert cli("pin", "--image", IMAGE, "--check").code == 0


def test_pin_for_programs(cli, tmp_path):
    """The JSON output has the lock's content without the version of its format."""
    said = json.loads(cli("pin", "--image", IMAGE, "--output", "json").out)
    assert {"lockVersion": 1, **said} == written(tmp_path)


def test_pin_reads_values_and_environment(cli, tmp_path, monkeypatch):
    """`pin` takes options from values and variables, and the lock's name from the shared one."""
    (tmp_path / "values.yaml").write_text(
        f"image: {{repository: ghcr.io/berriai/litellm, tag: v1.88.6, digest: '{DIGEST}'}}\n"
        "patch: {version: 1.0.0}\nlitellmVersion: 1.88.6\n"
    )
    monkeypatch.setenv("LITELLM_OVERLAY_PIN_VALUES", "values.yaml")
    monkeypatch.setenv("LITELLM_OVERLAY_LOCK", "prod/mine.lock")
    assert cli("pin").code == 0
    found = json.loads((tmp_path / "prod" / "mine.lock").read_text())
    assert (found["imageDigest"], found["patchVersion"]) == (DIGEST, "1.0.0")


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--from-cluster", "--image", IMAGE], 2, "Give either --from-cluster, or"),
        ([], 2, "Nothing says what to pin: give --image or --values, or --from-cluster for what"),
        (["--image", "ghcr.io/berriai/litellm:v1.90.0"], 5, "LiteLLM 1.90.0 is fixed"),
        (["--image", "x y"], 2, "neither a version nor an image reference"),
        (["--image", IMAGE, "--patch", "9.9.9"], 3, "there is no patch version 9.9.9"),
        (["--workload", "other", "--from-cluster"], 1, "runs LiteLLM's proxy and is called other"),
    ],
)
def test_what_pin_refuses(cli, tmp_path, api, arguments, code, sentence):
    """Each refusal of `pin` has its exit code and writes nothing."""
    done = cli("pin", *arguments)
    assert done.code == code
    assert sentence in done.err
    assert not (tmp_path / lock.NAME).exists()


def test_pin_does_not_overwrite_what_is_no_lock(cli, tmp_path):
    """`pin` does not overwrite a file that is no lock."""
    (tmp_path / lock.NAME).write_text("mine")
    done = cli("pin", "--image", IMAGE)
    assert done.code == 2
    assert "litellm-overlay.lock is not JSON" in done.err
    assert (tmp_path / lock.NAME).read_text() == "mine"


def test_pin_from_a_cluster(cli, tmp_path, api):
    """From a cluster `pin` takes what the pods report, with the image's digest."""
    for name in ("proxy", "Deployment/proxy"):
        assert cli("pin", "--from-cluster", "--workload", name).code == 0
    assert cli("pin", "--from-cluster", "--check").code == 0
    found = written(tmp_path)
    assert (found["imageDigest"], found["stockSha256"]) == (DIGEST, STOCK)


def test_nothing_to_pin(cli, api):
    """From a cluster without overlaid workloads `pin` exits with 1."""
    api.objects["deployments"] = [workload()]
    api.objects["pods"] = []
    done = cli("pin", "--from-cluster")
    assert done.code == 1
    assert "no workload here runs LiteLLM's proxy and carries the overlay" in done.err


def test_status_holds_to_the_lock(cli, api):
    """`status --lock` exits with 5 if the cluster differs from the lock."""
    cli("pin", "--from-cluster")
    assert cli("status", "--lock", lock.NAME).code == 0
    cli("pin", "--image", IMAGE, "--patch", "1.0.0")
    done = cli("status", "--lock", lock.NAME)
    assert (done.code, done.err.splitlines()[0]) == (5, "error: 1 drifted")
    assert "llm/proxy: the patch is 2.0.0, the lock says 1.0.0" in done.out


def test_render_takes_what_the_lock_says(cli):
    """`render` takes image, digest and patch from the lock, and refuses contradictions."""
    cli("pin", "--image", f"{IMAGE}@{DIGEST}", "--litellm", "1.88.6", "--patch", "1.0.0")
    done = cli("render", "--lock", lock.NAME)
    assert done.code == 0
    assert f'image: "{IMAGE}@{DIGEST}"' in done.out
    (deployment,) = (each for each in yaml.safe_load_all(done.out) if each["kind"] == "Deployment")
    annotations = deployment["spec"]["template"]["metadata"]["annotations"]
    assert annotations["litellm-overlay/patch-version"] == "1.0.0"
    other = cli("render", "--lock", lock.NAME, "--patch", "2.0.0")
    assert (other.code, other.out) == (5, "")
    assert other.err.startswith("error: the patch is 2.0.0, the lock says 1.0.0; the payload is")


def test_payloads_are_held_to_the_lock(cli, tmp_path):
    """`render` refuses a payload whose digest differs from the lock's."""
    cli("pin", "--image", IMAGE)
    assert cli("render", "--format", "payload", "--lock", lock.NAME).code == 0
    (tmp_path / lock.NAME).write_text(json.dumps({**written(tmp_path), "payloadDigest": "0" * 64}))
    done = cli("render", "--format", "payload", "--lock", lock.NAME)
    assert (done.code, done.out) == (5, "")
    assert "the lock says 000000000000" in done.err


def test_inject_holds_to_the_lock(cli, tmp_path):
    """`inject` refuses an image that differs from the lock, by option or variable."""
    manifests = tmp_path / "in.yaml"
    manifests.write_text(yaml.safe_dump(workload()))
    cli("pin", "--image", IMAGE, "--patch", "1.0.0")
    done = cli("inject", "--lock", lock.NAME, manifests)
    assert done.code == 0
    assert '"patchVersion":"1.0.0"' in done.out
    manifests.write_text(yaml.safe_dump(workload(image="ghcr.io/berriai/litellm:v1.88.5")))
    other = cli("inject", "--lock", lock.NAME, manifests)
    assert (other.code, other.out) == (5, "")
    assert other.err.startswith(
        "error: Deployment/proxy: the image is ghcr.io/berriai/litellm:v1.88.5,"
    )
    assert "litellm:v1.88.5, the lock says ghcr.io/berriai/litellm:v1.88.6" in other.err


@pytest.mark.parametrize("verb", [["render"], ["inject", "in.yaml"], ["status"]])
def test_a_lock_that_is_not_there(cli, tmp_path, verb):
    """A lock that is named but missing is an error."""
    (tmp_path / "in.yaml").write_text(yaml.safe_dump(workload()))
    done = cli(*verb, "--lock", "none.lock")
    assert done.code == 1
    assert done.err.startswith("error: could not read none.lock: No such file")
