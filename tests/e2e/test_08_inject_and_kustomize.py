"""Story 8: the overlay in LiteLLM deployments that others maintain.

Two of the ways lead into a chart, whose migrations Job is a hook and shares the proxy's volumes.
The third leads into plain manifests. The commands are those of docs/install.md.
"""

from __future__ import annotations

import contextlib

import pytest
import yaml

from e2e.kit.foreign import APP, CHART, INJECT, JOB, OVERLAY, chart_values, plain
from e2e.kit.stories import MASTER_KEY, SECONDS, decision
from kind.litellm import release_in
from kind.steps import run
from litellm_overlay.catalogue import releases
from litellm_overlay.local import codex_cli
from litellm_overlay.responses import codex_config
from pins import PINS
from support.client import connect, said, turn

WAIT = ("--wait", "--timeout", f"{SECONDS}s")
OFFICIAL = PINS["litellm-images"]["venv"]


@contextlib.contextmanager
def post_renderer(namespace, folder):
    """Deploy an old chart with `inject` as Helm's post-renderer, the only way that it allows."""
    mine = folder / "my-values.yaml"
    mine.write_text(yaml.safe_dump(chart_values(namespace.world.image("venv"), "old")))
    namespace.helm("upgrade", "--install", "litellm", CHART, "--values", mine, *INJECT, *WAIT)
    yield
    namespace.helm(
        "uninstall", "litellm", "--ignore-not-found", "--wait", "--cascade", "foreground"
    )


@contextlib.contextmanager
def rendered_values(namespace, folder):
    """Deploy a newer chart with the operator's values and then those of `render`."""
    mine, ours = folder / "my-values.yaml", folder / "overlay-values.yaml"
    mine.write_text(yaml.safe_dump(chart_values(namespace.world.image("venv"), "tpl")))
    ours.write_text(run(OVERLAY, "render", "--format=litellm-helm-values", "--chart-values", mine))
    values = ("--values", mine, "--values", ours)
    namespace.helm("upgrade", "--install", "litellm", CHART, *values, *WAIT)
    yield
    namespace.helm(
        "uninstall", "litellm", "--ignore-not-found", "--wait", "--cascade", "foreground"
    )


@contextlib.contextmanager
def kustomize(namespace, folder):
    """Deploy with the rendered component, in a kustomization that also replaces the image."""
    base = plain(folder)
    options = ("--folder", folder / "overlay", "--workload", "litellm", "--image", OFFICIAL)
    run(OVERLAY, "render", "--format", "kustomize", *options)
    repository, _, tag = namespace.world.image("venv").rpartition(":")
    image = {"name": OFFICIAL.rpartition(":")[0], "newName": repository, "newTag": tag}
    both = {"resources": [base.name], "components": ["overlay"], "images": [image]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(both))
    namespace.kubectl("apply", "--kustomize", folder)
    namespace.wait_for_rollout()
    namespace.kubectl("wait", "--for=condition=complete", f"job/{JOB}", f"--timeout={SECONDS}s")
    yield
    namespace.kubectl("delete", "--kustomize", folder)


WAYS = [post_renderer, rendered_values, kustomize]


@pytest.fixture(scope="module", params=WAYS, ids=lambda way: way.__name__)
def door(request, namespace, tmp_path_factory):
    """Deploy in one of the ways; yield a door to the proxy, then remove everything."""
    folder = tmp_path_factory.mktemp("operator")
    with request.param(namespace, folder), namespace.door(APP) as door:
        yield door
    # Helm does not delete hooks, such as the chart's Job.
    namespace.kubectl("delete", "job", JOB, "--ignore-not-found")


def test_a_release_may_change_the_way(namespace, tmp_path):
    """A release can change from post-renderer to rendered values: the payloads are identical."""
    with post_renderer(namespace, tmp_path), rendered_values(namespace, tmp_path):
        assert {decision(pod)["decision"] for pod in namespace.pods("app")} == {"patched"}


def test_every_proxy_is_patched(door, namespace):
    """Every Deployment's pod is patched with the proxy's image, also the newest chart's worker."""
    pods = namespace.pods("app")
    assert pods
    for pod in pods:
        report = decision(pod)
        assert report["decision"] == "patched"
        assert report["patchVersion"] == "2.0.0"
        (proxy,) = pod["spec"]["containers"]
        assert pod["spec"]["initContainers"][0]["image"] == proxy["image"]
        assert proxy["image"] == namespace.world.image("venv")


async def test_a_turn(door):
    """A turn completes without ?model=."""
    async with connect(f"{door.ws_url}/v1/responses", MASTER_KEY) as socket:
        assert said(await turn(socket, model="gpt-5.4", input="hi")) == "Hello from the mock model."


def test_codex(door, namespace):
    """Codex makes its turn over one handshake, with no 403 and no HTTP."""
    before = namespace.logs(selector=APP)
    binary = codex_cli.install(PINS["codex-e2e"][-1])
    done = codex_cli.run(
        binary, codex_config.config(f"{door.url}/v1", "gpt-5.4"), MASTER_KEY, "say hi"
    )
    assert done.completed, done
    log = namespace.logs(selector=APP).removeprefix(before)
    assert codex_cli.count_requests(log) == {"accepted": 1, "refused": 0, "posts": 0}


def test_the_migrations_job_ran_with_the_images_own_file(door, namespace):
    """The migrations Job succeeds and imports the stock endpoints.py, byte for byte."""
    job = namespace.get("job", JOB)
    assert job["status"]["succeeded"] == 1
    printed = namespace.kubectl("logs", f"job/{JOB}", "--container", "prisma-migrations")
    release = releases.load().release(release_in(namespace.world.image("venv")))
    assert release.state == "affected"
    assert printed.split()[-1] == release.endpoints_sha256
