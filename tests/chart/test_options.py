"""Options for further objects: databases, scaling, routes, containers, and the operator's own."""

from __future__ import annotations

import pytest
import yaml

from litellm_overlay import checks
from litellm_overlay.catalogue import releases
from support import helm

KEY = "sk-proj-0123456789abcdef"


@pytest.fixture
def rendered(tmp_path):
    """Return a function that renders values and returns {(kind, name): object}."""

    def rendered(**values):
        path = tmp_path / "values.yaml"
        path.write_text(yaml.safe_dump(values))
        return helm.objects(*helm.LEAST, "--values", path)

    return rendered


def pod_of(items):
    """Return the Deployment's pod spec."""
    return items["Deployment", "litellm"]["spec"]["template"]["spec"]


def env_of(container):
    """Return {name: value} of a container's environment."""
    return {each["name"]: each.get("value") for each in container["env"]}


def test_migrations(rendered):
    """Migrations are a hook Job with the unpatched image, and the proxies then make none."""
    items = rendered(database={"secretName": "db"}, migrations={"enabled": True})
    job = items["Job", "litellm-migrations"]
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "pre-install,pre-upgrade"
    pod = job["spec"]["template"]["spec"]
    assert "initContainers" not in pod
    assert "serviceAccountName" not in pod  # a hook runs before it exists
    (container,) = pod["containers"]
    (proxy,) = pod_of(items)["containers"]
    assert container["image"] == proxy["image"]
    reference = {"secretKeyRef": {"name": "db", "key": "DATABASE_URL"}}
    for each, update in ((container, "false"), (proxy, "true")):
        assert {"name": "DATABASE_URL", "valueFrom": reference} in each["env"]
        assert env_of(each)["DISABLE_SCHEMA_UPDATE"] == update
    selector = items["Service", "litellm"]["spec"]["selector"]
    assert not selector.items() <= job["spec"]["template"]["metadata"]["labels"].items()


def test_the_other_http_client(rendered):
    """`disableAiohttpTransport` sets LiteLLM's variable; an operator's own entry stays alone."""
    name = "DISABLE_AIOHTTP_TRANSPORT"
    (proxy,) = pod_of(rendered())["containers"]
    assert name not in env_of(proxy)
    (proxy,) = pod_of(rendered(disableAiohttpTransport=True))["containers"]
    assert env_of(proxy)[name] == "True"
    own = {"name": name, "value": "False"}
    (proxy,) = pod_of(rendered(env=[own]))["containers"]
    assert [each for each in proxy["env"] if each["name"] == name] == [own]


def test_a_database_without_migrations(rendered):
    """Without a migrations Job the proxy gets the URL and migrates by itself."""
    items = rendered(database={"secretName": "db", "secretKey": "url"})
    assert not [kind for kind, _ in items if kind == "Job"]
    (proxy,) = pod_of(items)["containers"]
    assert "DATABASE_URL" in env_of(proxy)
    assert "DISABLE_SCHEMA_UPDATE" not in env_of(proxy)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"migrations": {"enabled": True}}, "migrations.enabled needs database.secretName"),
        (
            {"database": {"secretName": "db"}, "env": [{"name": "DATABASE_URL", "value": "x"}]},
            "env: DATABASE_URL is given twice",
        ),
        (
            {
                "disableAiohttpTransport": True,
                "env": [{"name": "DISABLE_AIOHTTP_TRANSPORT", "value": "False"}],
            },
            "env: DISABLE_AIOHTTP_TRANSPORT is given twice",
        ),
        (
            {
                "database": {"secretName": "db"},
                "migrations": {"enabled": True},
                "patch": {"enabled": False},
                "image": {"tag": "v1.82.7"},
            },
            "LiteLLM 1.82.7 is malware",
        ),
        (
            {"autoscaling": {"enabled": True, "targetCPUUtilizationPercentage": None}},
            "autoscaling needs targetCPUUtilizationPercentage or metrics",
        ),
        ({"httpRoute": {"enabled": True}}, "at '/httpRoute/parentRefs': minItems"),
        ({"commonLabels": {"app.kubernetes.io/name": "x"}}, "app.kubernetes.io~1name"),
        ({"extraContainers": [{"name": "litellm"}]}, "at '/extraContainers/0/name': 'not' failed"),
        (
            {"extraContainers": [{"name": "x", "env": [{"name": "A_KEY", "value": "hush"}]}]},
            "A_KEY",
        ),
        (
            {"extraInitContainers": [{"name": "x", "args": ["--a", KEY]}]},
            "extraInitContainers[0].args",
        ),
        ({"extraObjects": [{"kind": "ConfigMap"}]}, "at '/extraObjects/0': missing properties"),
        (
            {
                "extraObjects": [
                    {
                        "apiVersion": "v1",
                        "kind": "ConfigMap",
                        "metadata": {"name": "x"},
                        "data": {"a": KEY},
                    }
                ]
            },
            "extraObjects[0].data.a holds a secret in clear text",
        ),
    ],
)
def test_refused_with_a_sentence(rendered, values, said):
    """Missing values, duplicate variables and keys in clear text are refused; no key is shown."""
    with pytest.raises(helm.Refused) as refusal:
        rendered(**values)
    assert said in str(refusal.value)
    assert "hush" not in str(refusal.value)
    assert KEY not in str(refusal.value)


def test_autoscaling(rendered):
    """With autoscaling the Deployment has no replica count."""
    items = rendered(autoscaling={"enabled": True, "maxReplicas": 9}, replicaCount=3)
    assert "replicas" not in items["Deployment", "litellm"]["spec"]
    scaler = items["HorizontalPodAutoscaler", "litellm"]["spec"]
    assert scaler["scaleTargetRef"]["name"] == "litellm"
    assert (scaler["minReplicas"], scaler["maxReplicas"]) == (2, 9)
    assert scaler["metrics"][0]["resource"]["target"]["averageUtilization"] == 70


def test_a_route_that_doctor_likes(rendered):
    """The HTTPRoute has no timeout, and doctor finds nothing."""
    items = rendered(
        httpRoute={"enabled": True, "parentRefs": [{"name": "public"}], "hostnames": ["a.example"]},
        replicaCount=2,
    )
    (rule,) = items["HTTPRoute", "litellm"]["spec"]["rules"]
    assert rule["timeouts"] == {"request": "0s"}
    assert rule["backendRefs"] == [{"name": "litellm", "port": 4000}]
    assert checks.findings(items.values(), releases.load()) == ()


def test_metrics(rendered):
    """A PodMonitor selects the proxies and names their port."""
    items = rendered(podMonitor={"enabled": True, "endpoint": {"scheme": "http"}})
    spec = items["PodMonitor", "litellm"]["spec"]
    labels = items["Deployment", "litellm"]["spec"]["template"]["metadata"]["labels"]
    assert spec["selector"]["matchLabels"].items() <= labels.items()
    (endpoint,) = spec["podMetricsEndpoints"]
    assert endpoint["scheme"] == "http"
    (proxy,) = pod_of(items)["containers"]
    assert endpoint["port"] in [port["name"] for port in proxy["ports"]]


def test_labels_of_all_objects(rendered):
    """Common labels are on all objects and pods, but not in selectors, which are immutable."""
    items = rendered(commonLabels={"team": "llm"}, podLabels={"team": "mine", "own": "z"})
    assert {item["metadata"]["labels"]["team"] for item in items.values()} == {"llm"}
    deployment = items["Deployment", "litellm"]["spec"]
    assert deployment["template"]["metadata"]["labels"]["team"] == "mine"
    assert "team" not in deployment["selector"]["matchLabels"]
    assert "team" not in items["Service", "litellm"]["spec"]["selector"]


def test_further_containers(rendered):
    """Further init containers come after the guard, or alone without the overlay."""
    more = {"extraInitContainers": [{"name": "wait"}], "extraContainers": [{"name": "metrics"}]}
    pod = pod_of(rendered(**more, priorityClassName="high"))
    assert [each["name"] for each in pod["initContainers"]] == ["litellm-overlay", "wait"]
    assert [each["name"] for each in pod["containers"]] == ["litellm", "metrics"]
    assert pod["priorityClassName"] == "high"
    stock = pod_of(rendered(**more, patch={"enabled": False}))
    assert [each["name"] for each in stock["initContainers"]] == ["wait"]


def test_further_objects(rendered):
    """Templates in further objects are evaluated; a Secret or SealedSecret may hold a key."""
    sealed = {"password": "AgBy3i4OJSWK+PiTySYZZA9rO43cGDEq"}
    given = [
        {"kind": "ConfigMap", "metadata": {"name": "{{ .Release.Name }}-x"}, "data": {"a": "b"}},
        {"kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"key": KEY}},
        {"kind": "SealedSecret", "metadata": {"name": "s"}, "spec": {"encryptedData": sealed}},
    ]
    items = rendered(extraObjects=[{"apiVersion": "v1", **each} for each in given])
    assert items["ConfigMap", "litellm-x"]["data"] == {"a": "b"}
    assert items["Secret", "keys"]["stringData"] == {"key": KEY}
    assert items["SealedSecret", "s"]["spec"]["encryptedData"] == sealed


def test_probes(rendered):
    """Probes take another path and threshold, and keep their short grace period."""
    path = "/llm/health/readiness"
    (proxy,) = pod_of(rendered(startupProbe={"path": path, "failureThreshold": 120}))["containers"]
    assert proxy["startupProbe"] == {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": 5,
        "timeoutSeconds": 5,
        "failureThreshold": 120,
        "terminationGracePeriodSeconds": 30,
    }
