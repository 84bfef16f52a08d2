"""Objects that `inject` leaves alone are reported, with the reason and the next step."""

from __future__ import annotations

import re

import pytest

from support.fleet_manifests import FLEET, OFFICIAL, patched, workload

PLAIN = FLEET["Deployment/plain"]
CONFIG = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: models}\ndata:\n"
    "  c.yaml: 'model_list: [{model_name: a, litellm_params: {model: b}}]'\n---\n"
)
PORT = "        ports: [{containerPort: 4000}]\n"
MODELS = f"{PORT}      volumes: [{{name: c, configMap: {{name: models}}}}]\n"
ARGS = f'        args: ["--config", /etc/c.yaml]\n{PORT}'
SIDECAR = (
    f"      initContainers: [{{name: side, image: '{OFFICIAL}:v1.88.6', restartPolicy: Always}}]\n"
)

LOOKS = {
    "image-of-another-name": workload("x", "registry.example.com/platform/litellm-proxy:v1.86.2"),
    "image-below-litellm": workload("x", "registry.example.com/litellm/gateway:1"),
    "image-spelled-otherwise": workload("x", "acme/Lite_LLM:1"),
    "image-on-a-base": workload("x", "acme/litellm-alpine:v1.86.2"),
    "tag-not-filled-in": workload("x", f"{OFFICIAL}:${{LITELLM_TAG}}"),
    "tag-of-a-template": workload("x", f'"{OFFICIAL}:{{{{ .tag }}}}"'),
    "registry-not-filled-in": workload("x", "$(REGISTRY)/litellm:v1.88.6"),
    "nothing-filled-in": workload("x", "${IMAGE}", more=ARGS),
    "arguments": workload("x", "acme/gateway:7", more=ARGS),
    "command": workload("x", "acme/gateway:7", more='        command: [sh, -c, "exec litellm"]\n'),
    "module": workload("x", "python:3", more="        command: [python, -m, litellm.proxy.x]\n"),
    "port-and-config": CONFIG + workload("x", "acme/gateway:7", more=MODELS),
    "port-and-variable": workload(
        "x", "acme/gateway:7", more=f"{PORT}        env: [{{name: LITELLM_MASTER_KEY}}]\n"
    ),
    "native-sidecar": workload("x", "acme/app:1", more=SIDECAR),
}


@pytest.mark.parametrize("text", LOOKS.values(), ids=LOOKS)
def test_what_looks_like_litellm_is_told(cli, text):
    """A workload that looks like LiteLLM is reported beside a patched one, and fails --strict."""
    done = cli("inject", stdin=f"{PLAIN}---\n{text}")
    assert done.code == 0
    assert set(patched(done.out)) == {"Deployment/plain"}
    assert re.search(
        r"^Deployment/x: left alone: it looks like LiteLLM.*\nhint: \S", done.err, re.MULTILINE
    )
    strict = cli("inject", "--strict", stdin=f"{PLAIN}---\n{text}")
    assert (strict.code, strict.out) == (1, "")
    assert "--strict: left alone in doubt: Deployment/x" in strict.err


OTHERS = {
    "cache": workload("x", "valkey/valkey:9"),
    "database-of-litellm": workload("litellm-db", "registry.example.com/litellm/postgres:17"),
    "exporter": workload("x", "acme/litellm-exporter:1"),
    "cache-by-name": workload("x", "acme/litellm-redis:7.2.1"),
    "collector": workload("x", "otel/opentelemetry-collector:1", more=ARGS),
    "other-port": workload("x", "acme/ui:1", more=PORT),
    "other-config": workload("x", "acme/app:1", more='        args: ["--config", x]\n'),
    "named-like-it": workload("litellm-ui", "acme/app:1"),
    "a-secret": f"kind: Secret\nmetadata: {{name: litellm}}\nstringData: {{image: '{OFFICIAL}:v1.88.6'}}\n",
    "a-config": CONFIG.removesuffix("---\n"),
}


@pytest.mark.parametrize("text", OTHERS.values(), ids=OTHERS)
def test_what_is_another_product_is_no_news(cli, text):
    """Another product is not reported, and --container cannot choose it."""
    done = cli("inject", "--strict", stdin=f"{PLAIN}---\n{text}")
    assert (done.code, done.err) == (0, "Deployment/plain: patch 2.0.0 for LiteLLM 1.88.6\n")
    named = cli("inject", "--container", "app", stdin=f"{PLAIN}---\n{text}")
    assert set(patched(named.out)) == {"Deployment/plain"}


def custom(kind, api, spec, name="litellm"):
    """Return a custom object as YAML."""
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"


IMAGE = f"{{image: {{repository: {OFFICIAL}, tag: v1.83.14-stable}}}}"
ELSEWHERE = {
    "flux": (
        custom("HelmRelease", "helm.toolkit.fluxcd.io/v2", f"{{values: {IMAGE}}}", "ai"),
        "HelmRelease/ai",
        "spec.postRenderers",
    ),
    "flux-by-chart": (
        custom("HelmRelease", "helm.toolkit.fluxcd.io/v2beta2", "{chart: {spec: {chart: litellm-helm}}}", "ai"),
        "HelmRelease/ai",
        "helm template",
    ),
    "flux-folder": (
        custom("Kustomization", "kustomize.toolkit.fluxcd.io/v1", "{path: ./apps/litellm}"),
        "Kustomization/litellm",
        "kustomization.yaml",
    ),
    "argo": (
        custom("Application", "argoproj.io/v1alpha1", "{source: {chart: litellm-helm}}", "ai"),
        "Application/ai",
        "plugin",
    ),
    "argo-set": (
        custom("ApplicationSet", "argoproj.io/v1alpha1", "{template: {spec: {source: {path: litellm}}}}"),
        "ApplicationSet/litellm",
        "plugin",
    ),
    "kustomize": (
        "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nresources: [litellm.yaml]\n",
        "Kustomization",
        "components",
    ),
    "kustomize-without-kind": (
        f"resources: [a.yaml]\nimages: [{{name: x, newName: {OFFICIAL}}}]\n", "document 1", "components"
    ),
    "kustomize-of-a-chart": (
        "kind: Kustomization\nhelmCharts: [{name: litellm-helm, repo: oci://x}]\n", "Kustomization", "components"
    ),
    "flux-by-reference": (
        custom("HelmRelease", "helm.toolkit.fluxcd.io/v2", "{chartRef: {kind: OCIRepository, name: litellm}}", "ai"),
        "HelmRelease/ai",
        "helm template",
    ),
    "k3s": (custom("HelmChart", "helm.cattle.io/v1", "{chart: litellm-helm}"), "HelmChart/litellm", "helm"),
    "openshift-template": (
        ("apiVersion: template.openshift.io/v1\nkind: Template\nmetadata: {name: t}\nobjects:\n"
        f"- kind: Deployment\n  spec: {{template: {{spec: {{containers: [{{name: a, image: '{OFFICIAL}:${{T}}'}}]}}}}}}\n"),
        "Template/t",
        "oc process",
    ),
    "knative": (FLEET["Service/asia"], "Service/asia", "Knative"),
    "rollout": (
        custom("Rollout", "argoproj.io/v1alpha1", "{workloadRef: {kind: Deployment, name: litellm-x}}"),
        "Rollout/litellm",
        "--workload Deployment/litellm-x",
    ),
    "operator": (
        custom("LiteLLMProxy", "ai.example.com/v1", "{replicas: 2}", "main"), "LiteLLMProxy/main", "operator"
    ),
    "operator-by-image": (
        custom("Gateway2", "ai.example.com/v1", f"{{image: '{OFFICIAL}:v1.88.6'}}", "main"),
        "Gateway2/main",
        "operator",
    ),
    "compose": (f"services: {{llm: {{image: '{OFFICIAL}:v1.88.6'}}}}\n", "document 1", "Compose"),
    "values-of-a-chart": (f"image: {{repository: {OFFICIAL}}}\n", "document 1", "helm template"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "title", "way"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_what_leads_to_a_proxy_is_told_with_the_way_of_its_tool(cli, text, title, way):
    """An object that leads to a proxy is reported with its tool's way; alone it is an error."""
    alone = cli("inject", stdin=text)
    assert (alone.code, alone.out) == (1, "")
    (line,) = re.findall(rf"^{title}: left alone: .*\nhint: .*", alone.err, re.MULTILINE)
    assert way in line
    beside = cli("inject", stdin=f"{text}---\n{PLAIN}")
    assert beside.code == 0
    assert line.replace("document 1", "document 1") in beside.err
    assert cli("inject", "--strict", stdin=f"{text}---\n{PLAIN}").code == 1


NO_PROXY = {
    "flux-of-a-database": custom("HelmRelease", "helm.toolkit.fluxcd.io/v2", "{values: {image: {repository: bitnami/postgresql}}}", "litellm-postgres"),
    "argo-of-others": custom("Application", "argoproj.io/v1alpha1", "{source: {chart: redis}}", "cache"),
    "operators-model": custom("LiteLLMModel", "ai.example.com/v1", "{model: gpt-5.4}", "m"),
    "rollout-of-others": custom("Rollout", "argoproj.io/v1alpha1", "{workloadRef: {kind: Deployment, name: a}}", "a"),
}  # fmt: skip


@pytest.mark.parametrize("text", NO_PROXY.values(), ids=NO_PROXY)
def test_what_leads_to_no_proxy_is_no_news(cli, text):
    """An object that leads to no proxy is not reported."""
    done = cli("inject", "--strict", stdin=f"{text}---\n{PLAIN}")
    assert (done.code, done.err) == (0, "Deployment/plain: patch 2.0.0 for LiteLLM 1.88.6\n")


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("DaemonSet", "is a hook"),
        ("StatefulSet", "is a hook"),
        ("DeploymentConfig", "is a hook"),
        ("Deployment", "is a hook"),
    ],
)
@pytest.mark.parametrize("hook", ["helm.sh/hook: post-install", "argocd.argoproj.io/hook: Sync"])
def test_hooks_of_both_tools_are_left_alone(cli, kind, reason, hook):
    """Hooks of Helm and Argo CD are left alone, of any kind."""
    text = workload("x", f"{OFFICIAL}:v1.88.6", kind, meta=f"  annotations: {{{hook}}}\n")
    done = cli("inject", stdin=f"{PLAIN}---\n{text}")
    assert set(patched(done.out)) == {"Deployment/plain"}
    assert f"{kind}/x: left alone: it {reason}" in done.err


@pytest.mark.parametrize("owner", ["ReplicaSet", "StatefulSet", "LiteLLMProxy", "Rollout"])
def test_what_another_object_owns_is_left_alone(cli, owner):
    """An object with an owner is left alone."""
    meta = f"  ownerReferences: [{{kind: {owner}, name: o, controller: true}}]\n"
    text = workload("x", f"{OFFICIAL}:v1.88.6", meta=meta)
    done = cli("inject", stdin=f"{PLAIN}---\n{text}")
    assert set(patched(done.out)) == {"Deployment/plain"}
    assert f"Deployment/x: left alone: {owner}/o owns it, and would make it again" in done.err
    free = cli("inject", stdin=text.replace("controller: true", "controller: false"))
    assert set(patched(free.out)) == {"Deployment/x"}


@pytest.mark.parametrize(
    ("kind", "spec", "reason"),
    [
        ("StatefulSet", "", "a StatefulSet deletes the old pod"),
        ("DaemonSet", "", "a DaemonSet deletes a node's old pod"),
        ("Deployment", "  strategy: {type: Recreate}\n", "its strategy, Recreate,"),
        ("DeploymentConfig", "  strategy: {type: Recreate}\n", "its strategy, Recreate,"),
        ("Deployment", "  strategy: {rollingUpdate: {maxUnavailable: 1}}\n", "the only pod go"),
        (
            "Deployment",
            "  replicas: 3\n  strategy: {rollingUpdate: {maxUnavailable: 100%}}\n",
            "lets all 3 old pods go at once",
        ),
        ("Deployment", "", ""),
        ("Deployment", "  strategy: {rollingUpdate: {maxUnavailable: 25%}}\n", ""),
        ("Deployment", "  replicas: 2\n  strategy: {rollingUpdate: {maxUnavailable: 1}}\n", ""),
        ("DaemonSet", "  updateStrategy: {rollingUpdate: {maxSurge: 1}}\n", ""),
    ],
)
def test_where_a_refusal_is_an_outage_is_told(cli, kind, spec, reason):
    """A workload without other pods to serve after a refusal gets a warning with a way out."""
    done = cli("inject", stdin=workload("x", f"{OFFICIAL}:v1.88.6", kind, spec=spec))
    assert done.code == 0
    assert ("should the guard refuse, nothing serves" in done.err) == bool(reason)
    assert reason in done.err
    assert ("--on-unknown passthrough" in done.err) == bool(reason)


@pytest.mark.parametrize(("text", "title", "way"), ELSEWHERE.values(), ids=ELSEWHERE)
def test_doctor_tells_what_leads_to_a_proxy(cli, text, title, way):
    """`doctor` reports objects that lead to a proxy if it finds no proxy."""
    done = cli("doctor", stdin=text)
    assert done.code in (1, 2)  # 2: no object has a kind
    if done.code == 1:
        assert "nothing here runs LiteLLM's proxy; " in done.err
        assert title in done.err
        assert way in done.err or title == "Rollout/litellm"


@pytest.mark.parametrize("text", LOOKS.values(), ids=LOOKS)
def test_doctor_tells_what_looks_like_litellm(cli, text):
    """`doctor` reports a workload that looks like LiteLLM, with the command that patches it."""
    done = cli("doctor", stdin=text)
    assert done.code == 1
    assert "Deployment/x looks like LiteLLM: its " in done.err
    assert "hint: litellm-overlay inject --workload Deployment/x < MANIFESTS" in done.err


def test_a_rollout_whose_workload_gets_the_overlay_is_in_no_doubt(cli):
    """A Rollout with a workloadRef to a patched workload is not reported."""
    text = custom(
        "Rollout", "argoproj.io/v1alpha1", "{workloadRef: {kind: Deployment, name: plain}}"
    )
    done = cli("inject", "--strict", stdin=f"{text}---\n{PLAIN}")
    assert done.code == 0, done.err
    assert "Rollout/litellm: left alone: its pods are those of Deployment/plain" in done.err
