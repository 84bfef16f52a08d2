"""The chart's values, and its errors for wrong ones."""

from __future__ import annotations

import json

import pytest
import yaml

from support import helm

TEXT = (helm.CHART / "values.yaml").read_text()
VALUES = yaml.safe_load(TEXT)
EVERYTHING = yaml.safe_load((helm.CHART / "ci" / "everything-values.yaml").read_text())


GROUPS = [key for key in VALUES if f"\n{key}:\n  # -- " in TEXT]


def leaves(values, path=()):
    """Yield the path of each documented value; in a group, of each value of the group."""
    for key, value in values.items():
        if not path and key in GROUPS:
            yield from leaves(value, (key,))
        else:
            yield (*path, key)


def value_at(values, path):
    for key in path:
        values = values[key]
    return values


@pytest.mark.parametrize("path", [*leaves(VALUES)], ids=".".join)
def test_one_case_sets_every_value(path):
    """ci/everything-values.yaml changes every value, apart from `enabled` and `create`."""
    given = value_at(EVERYTHING, path)
    assert given != value_at(VALUES, path) or path[-1] in ("enabled", "create")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("replicas=3", "additional properties 'replicas' not allowed"),
        ("image.tga=v1.88.6", "at '/image': additional properties 'tga' not allowed"),
        ("patch.mdoe=websocket", "at '/patch': additional properties 'mdoe' not allowed"),
        ("patch.mode=websockets", "at '/patch/mode': value must be one of 'websocket', 'http-f"),
        ("patch.keepNewest=0", "at '/patch/keepNewest': minimum: got 0, want 1"),
        ("patch.keepVersions={2.0}", "at '/patch/keepVersions/0': '2.0' does not match pattern"),
        (
            "onUnknown=ignore",
            "at '/onUnknown': value must be one of 'fail', 'passthrough', 'patch'",
        ),
        ("patch.maxMessageBytes=10", "at '/patch/maxMessageBytes': minimum: got 10, want 1,024"),
        ("patch.sessionLifetimeSeconds=10", "minimum: got 10, want 60"),
        ("patch.historyBytes=5", "at '/patch/historyBytes': minimum: got 5, want 1.048576"),
        ("patch.heartbeatSeconds=-1", "minimum: got -1, want 1"),
        ("patch.heartbeatSeconds=300", "at '/patch/heartbeatSeconds': maximum: got 300, want 240"),
        ("patch.heartbeatMaxSeconds=0", "at '/patch/heartbeatMaxSeconds': minimum: got 0, want 1"),
        ("modulePath=endpoints.py", "at '/modulePath': 'endpoints.py' does not match pattern"),
        ("modulePath=/a/../endpoints.py", "at '/modulePath': 'not' failed"),
        ("image.repository=ghcr.io/berriai/litellm:v1", "at '/image/repository': 'ghcr.io/berriai"),
        ("image.digest=abc", "at '/image/digest': 'abc' does not match pattern"),
        ("drain.timeoutSeconds=0", "at '/drain/timeoutSeconds': minimum: got 0, want 5"),
        ("ingress.enabled=true", "at '/ingress/hosts': minItems: got 0, want 1"),
        ("onUnknown=patch", "onUnknown=patch and expectedSha256 go together. The file's sha256 "),
        ("patch.onFixed=patch,patch.version=1.0.0", "patch.onFixed=patch needs the bridge, and pa"),
        ("patch.version=3.0.0", "there is no patch version 3.0.0 in this chart; known: 1.0.0, 2."),
        ("image.tag=v1.82.7", "LiteLLM 1.82.7 is malware. Never run it; choose another image.tag"),
        ("image.tag=v1.82.7,patch.enabled=false", "LiteLLM 1.82.7 is malware"),
        ("image.tag=v1.107.0,litellmVersion=1.86.2", "LiteLLM 1.107.0 is malware. Never run it"),
        ("image.tag=v1.81.0", "LiteLLM 1.81.0 has no Responses WebSocket endpoint; there is noth"),
        ("image.tag=v1.83.7", "exist in 2 layouts. Set modulePath to the right one: /usr/lib/py"),
        (
            "image.tag=v1.96.1",
            "LiteLLM 1.96.1 is not in this chart's catalogue. Set modulePath, an",
        ),
        ("litellmVersion=1.96.1,modulePath=/a/endpoints.py", "LiteLLM 1.96.1 is not in this chart"),
        ("image.tag=v1.999.0,litellmVersion=1.107.0", "LiteLLM 1.107.0 is malware. Never run it"),
        ("image.tag=v1.107.0,litellmVersion=1.999.0", "LiteLLM 1.107.0 is malware. Never run it"),
        ("image.tag=2026.11.26", "does not tell which LiteLLM is inside. Set litellmVersion, or "),
        ("image.tag=main-stable", "does not tell which LiteLLM is inside. Set litellmVersion, or "),
        ("image.tag=", "does not tell which LiteLLM is inside. Set litellmVersion, or modulePath"),
        ("terminationGracePeriodSeconds=60", "must be drain.timeoutSeconds and 30 more, 150 or"),
        ("env[0].name=A,env[0].value=3", "at '/env/0/value': got number, want string"),
        ("env[0].name=A,env[0].valeu=b", "at '/env/0': additional properties 'valeu' not allowed"),
        ("env[0].name=A,env[1].name=A", "env: A is given twice"),
        (
            "env[0].name=LITELLM_MASTER_KEY",
            "env: LITELLM_MASTER_KEY is given twice; masterKey sets",
        ),
        ("extraArgs={--port=80}", "at '/extraArgs/0': 'not' failed"),
        ("extraArgs={--config=/a}", "at '/extraArgs/0': 'not' failed"),
        ("extraArgs={-c,/a}", "at '/extraArgs/0': 'not' failed"),
        ("extraArgs={-c/a}", "at '/extraArgs/0': 'not' failed"),
        ("imagePullSecrets[0].nmae=a", "at '/imagePullSecrets/0': missing property 'name'"),
        ("masterKey.secretKey=a b", "at '/masterKey/secretKey': 'a b' does not match pattern"),
        ("ingress.className=a b", "at '/ingress/className': 'a b' does not match pattern"),
        ("podLabels.app\\.kubernetes\\.io/name=a", "at '/podLabels/app.kubernetes.io~1name': "),
        ("podAnnotations.checksum/config=a", "at '/podAnnotations/checksum~1config': false schema"),
        (
            "masterKey.secretName=",
            "masterKey.secretName is required: the Secret that holds LiteLLM",
        ),
    ],
)
def test_refused_with_a_sentence(given, sentence):
    """A wrong value is refused with a sentence about it."""
    with pytest.raises(helm.Refused) as refusal:
        helm.template(*helm.LEAST, "--set", given)
    message = str(refusal.value)
    assert sentence in message
    assert len(message.splitlines()) <= 9


@pytest.mark.parametrize("path", [*leaves(VALUES), *((key,) for key in GROUPS)], ids=".".join)
def test_null(path):
    """A value set to null renders, or is refused with a sentence that names what is missing.

    The other values turn everything on, so that every template is rendered.
    """
    every = ("--values", helm.CHART / "ci" / "everything-values.yaml")
    try:
        helm.template(*every, "--set", f"{'.'.join(path)}=null,existingConfigMap=null")
    except helm.Refused as refusal:
        text = str(refusal)
        sentences = (
            f"missing property '{path[-1]}'",
            "masterKey.secretName is required",
            "migrations.enabled needs database.secretName",
            "does not tell which LiteLLM is inside",
            "Set modulePath to the right one",
            "onUnknown=patch and expectedSha256 go together",
        )
        assert any(sentence in text for sentence in sentences), text


def test_as_a_subchart():
    """The schema accepts `global`, which Helm passes to subcharts."""
    assert helm.template(*helm.LEAST, "--set", "global.imageRegistry=x")


@pytest.mark.parametrize("name", ["a.b", "1", "1-litellm", "7.litellm", "x.litellm"])
def test_a_release_name_that_kubernetes_refuses_is_a_sentence(name):
    """A release name that a Service cannot have is refused with a hint at fullnameOverride."""
    with pytest.raises(helm.Refused, match=r"Kubernetes refuses for a Service") as refusal:
        helm.run("template", name, helm.CHART, *helm.LEAST)
    assert "set fullnameOverride" in str(refusal.value)
    assert helm.run("template", name, helm.CHART, *helm.LEAST, "--set", "fullnameOverride=llm")


@pytest.mark.parametrize("name", ["a", "a-1", "litellm", "x" * 53])
def test_other_release_names_are_taken(name):
    """Other release names are accepted."""
    assert helm.run("template", name, helm.CHART, *helm.LEAST)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, None),  # the default fits 4 GiB
        ({"resources.limits.memory": "8Gi"}, 512 << 20),
        ({"resources.limits.memory": "8Gi", "extraArgs": ["--num_workers", "4"]}, 128 << 20),
        ({"resources.limits.memory": "2000M", "extraArgs": ["--num_workers=2"]}, 62_500_000),
        ({"env": [{"name": "NUM_WORKERS", "value": "2"}]}, 128 << 20),
        ({"env": [{"name": "NUM_WORKERS", "value": "many"}]}, None),
        ({"resources.limits.memory": "16Mi"}, 1 << 20),
        ({"resources.limits.memory": "1.5Gi"}, None),
        ({"resources.limits.memory": None}, None),
        ({"resources": None}, None),
        ({"patch.historyBytes": 5_000_000, "resources.limits.memory": "8Gi"}, 5_000_000),
    ],
)
def test_what_a_worker_may_remember_follows_from_its_memory(given, expected):
    """The history per worker is a sixteenth of the memory limit, shared by the workers.

    An explicit value counts instead.
    """
    sets = [f"{key}={json.dumps(value)}" for key, value in given.items()]
    deployment = helm.of_kind(
        "Deployment",
        "--set=masterKey.secretName=keys",
        *(part for each in sets for part in ("--set-json", each)),
    )
    (guard,) = deployment["spec"]["template"]["spec"]["initContainers"]
    plan = json.loads(guard["env"][0]["value"])
    assert plan["settings"].get("historyBytes") == expected
