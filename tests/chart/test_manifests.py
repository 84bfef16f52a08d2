"""The manifests that the chart renders: valid, restricted, reproducible."""

from __future__ import annotations

import shutil
import subprocess

import kubernetes_validate
import pytest
import yaml

import tools
from support import helm
from support.pod_security import violations

KUBERNETES = [f"1.{minor}" for minor in range(29, 38)]
CUSTOM = {"HTTPRoute", "PodMonitor"}  # Kubernetes has no schemas of these
GOLDEN = helm.CHART.parents[1] / "tests" / "chart" / "golden"


def name(path):
    return path.name.removesuffix("-values.yaml")


ci_cases = pytest.mark.parametrize("case", helm.CI, ids=name)


@ci_cases
def test_lint(case):
    """`helm lint --strict` passes for each case."""
    assert "0 chart(s) failed" in helm.run("lint", "--strict", helm.CHART, "--values", case)


def test_helm_unittest():
    """The suites in the chart's own tests/ pass."""
    command = [tools.path_of("helm-unittest"), "--strict", helm.CHART]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Test Suites: 3 passed, 3 total" in done.stdout


@ci_cases
def test_as_before(case, request):
    """The manifests equal the golden file, except for the payloads, which have their own test.

    To rewrite it: pytest tests/chart --update-golden, then read the difference.
    """
    parts = helm.template("--values", case).split("\n---\n")
    text = "\n---\n".join(part for part in parts if "immutable: true" not in part)
    golden = GOLDEN / f"{name(case)}.yaml"
    if request.config.getoption("--update-golden"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


@ci_cases
def test_the_same_each_time(case):
    """Two renderings of a case are equal."""
    assert helm.template("--values", case) == helm.template("--values", case)


def test_a_package_is_the_chart(tmp_path):
    """`helm package` does not warn, and the package renders as the checkout does."""
    helm.run("package", helm.CHART, "--destination", tmp_path)
    (package,) = tmp_path.glob("*.tgz")
    for case in helm.CI:
        packed = helm.template("--values", case, chart=package)
        assert packed == helm.template("--values", case)


def test_the_oldest_cluster_is_the_oldest_tried():
    """The chart's and the README's oldest Kubernetes is the oldest that the tests validate with."""
    chart = yaml.safe_load((helm.CHART / "Chart.yaml").read_text())
    assert chart["kubeVersion"] == f">={KUBERNETES[0]}.0-0"
    assert f"Needs Kubernetes {KUBERNETES[0]} " in (helm.CHART / "README.md").read_text()


@pytest.mark.parametrize("kubernetes", KUBERNETES)
@ci_cases
def test_the_api_takes_it(case, kubernetes):
    """Each object is valid for each Kubernetes version, without unknown fields."""
    for item in helm.objects("--values", case, "--kube-version", kubernetes).values():
        if item["kind"] in CUSTOM:
            continue
        kubernetes_validate.validate(item, kubernetes, strict=True)


@ci_cases
def test_pod_security_restricted(case):
    """Every pod meets Pod Security "restricted", unless the values ask for root."""
    items = helm.objects("--values", case).values()
    pods = [item["spec"]["template"]["spec"] for item in items if item["kind"] == "Deployment"]
    pods += [item["spec"] for item in items if item["kind"] == "Pod"]
    assert pods
    results = [violation for pod in pods for violation in violations(pod)]
    if name(case) == "root":
        results = [violation for violation in results if not violation.startswith("litellm: ")]
        # The proxy has no seccomp profile then, and OpenShift's SCC may forbid one of ours.
        own = ("litellm-overlay", "test")
        rules = ("runAsNonRoot", "seccompProfile")
        assert set(results) == {f"{pod}: {rule}" for pod in own for rule in rules}
    else:
        assert not results


@ci_cases
def test_no_token_and_no_rights(case):
    """The chart has no roles, and its pods no token."""
    items = helm.objects("--values", case)
    assert not {kind for kind, _ in items if "Role" in kind or "Webhook" in kind}
    assert helm.pod_of("--values", case)["spec"]["automountServiceAccountToken"] is False


def test_no_service_becomes_a_variable():
    """Service links are off: LiteLLM takes a Service's REDIS_PORT=tcp://… for a port."""
    items = helm.objects(*helm.LEAST)
    assert items["Pod", "litellm-test"]["spec"]["enableServiceLinks"] is False
    assert helm.pod_of(*helm.LEAST)["spec"]["enableServiceLinks"] is False


def test_the_guard_comes_first_with_the_proxys_image():
    """The guard comes first, with the proxy's image and pull policy: it patches the right file."""
    for case in helm.CI:
        pod = helm.pod_of("--values", case)["spec"]
        proxy = pod["containers"][0]
        assert proxy["name"] == "litellm"
        for guard in pod.get("initContainers", [])[:1]:
            assert guard["name"] == "litellm-overlay"
            assert guard["image"] == proxy["image"]
            assert guard.get("imagePullPolicy") == proxy.get("imagePullPolicy")


def test_a_pinned_patch_gives_the_same_pods_with_a_newer_chart(tmp_path):
    """With a pinned patch a newer chart renders the same pod template, byte for byte."""
    case = helm.CHART / "ci" / "pinned-values.yaml"
    newer = tmp_path / "litellm-overlay"
    shutil.copytree(helm.CHART, newer)
    for file, old, new in (
        ("Chart.yaml", "version: 0.1.0", "version: 7.0.0"),
        (
            "files/catalogue.json",
            '"defaultPatchVersion": "2.0.0"',
            '"defaultPatchVersion": "3.0.0"',
        ),
        ("files/catalogue.json", '"2.0.0": "', '"3.0.0": "f'),
    ):
        text = (newer / file).read_text()
        assert old in text
        (newer / file).write_text(text.replace(old, new))
    before, after = (
        helm.template("--values", case, "--show-only", "templates/deployment.yaml", chart=chart)
        for chart in (helm.CHART, newer)
    )
    assert before[before.index("  template:") :] == after[after.index("  template:") :]
    assert before != after


def test_the_settings_and_the_config_roll_the_pods():
    """Each change to settings or config changes the pod template."""
    templates = [
        helm.pod_of(*helm.LEAST, *more)
        for more in (
            (),
            ("--set", "patch.version=1.0.0"),
            ("--set", "patch.mode=http-fallback"),
            ("--set", "onUnknown=passthrough"),
            ("--set", "config.litellm_settings.drop_params=true"),
        )
    ]
    assert all(one not in templates[:at] for at, one in enumerate(templates))


def test_the_test_pod_is_not_behind_the_service():
    """The Service does not select the pod of `helm test`."""
    items = helm.objects(*helm.LEAST)
    selector = items["Service", "litellm"]["spec"]["selector"]
    assert not selector.items() <= items["Pod", "litellm-test"]["metadata"]["labels"].items()
    assert selector.items() <= helm.pod_of(*helm.LEAST)["metadata"]["labels"].items()


def test_names_fit():
    """With a release name of 53 characters the objects' name still fits into 63."""
    text = helm.run("template", "r" * 53, helm.CHART, *helm.LEAST)
    assert f"name: {'r' * 53}-litellm\n" in text
