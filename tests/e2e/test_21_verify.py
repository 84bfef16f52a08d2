"""Story 21: `verify` makes a turn in each pod of a real cluster and hashes the file it runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from e2e.kit.stories import MASTER_KEY, until
from e2e.kit.verbs import kubeconfig_of_rights, rights

SECRET = "litellm-keys/master-key"


@pytest.fixture(scope="module", autouse=True)
def installed(namespace):
    """Install the chart with two pods, so that one can fail."""
    namespace.install(namespace.values("venv", replicaCount=2))


def verify(namespace, *arguments, **environ):
    """Return exit code, stdout and stderr of `verify`; neither may show the key."""
    done = subprocess.run(
        [sys.executable, "-m", "litellm_overlay", "verify", "-n", namespace.name, *arguments],
        env={**os.environ, "KUBECONFIG": str(namespace.world.cluster.kubeconfig), **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert MASTER_KEY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_every_pod_works(namespace):
    """Every pod's handshake, turns and file are right, with a key from a Secret."""
    code, said, errors = verify(namespace, "--key-secret", SECRET, "--output", "json")
    assert (code, errors) == (0, "")
    results = json.loads(said)
    assert {result["pod"] for result in results} == {
        pod["metadata"]["name"] for pod in namespace.pods()
    }
    for result in results:
        assert (result["decision"], result["verdict"], result["faults"]) == ("patched", "works", [])


def test_the_rights_that_rbac_prints(namespace, tmp_path):
    """The printed rights suffice; without the right to the Secret the error names it."""
    arguments, file = ("--key-secret", SECRET), tmp_path / "kubeconfig"
    kubeconfig_of_rights(namespace, file, rights(namespace, "verify", *arguments))
    code, said, errors = verify(namespace, *arguments, "--kubeconfig", str(file))
    assert (code, errors, said.count("ok  ")) == (0, "", 2)
    kubeconfig_of_rights(namespace, file, rights(namespace, "verify"))
    assert verify(namespace, "--kubeconfig", str(file), OPENAI_API_KEY=MASTER_KEY)[0] == 0
    code, _, errors = verify(namespace, *arguments, "--kubeconfig", str(file))
    assert code == 4
    assert errors.startswith(
        f"error: not allowed to get secrets in the namespace {namespace.name} (403)\n"
    )


@pytest.mark.parametrize("door", ["exec", "portforward"])
@pytest.mark.parametrize("kept", ["get", "create"])
def test_none_of_the_rights_that_rbac_prints_is_too_much(namespace, tmp_path, door, kept):
    """Each verb of pods/exec and pods/portforward is needed: without it no pod can be asked."""
    objects = rights(namespace, "verify")
    (rule,) = (rule for rule in objects[1]["rules"] if f"pods/{door}" in rule["resources"])
    rule["resources"].remove(f"pods/{door}")
    one = {"apiGroups": [""], "resources": [f"pods/{door}"], "verbs": [kept]}
    objects[1]["rules"].append(one)
    file = kubeconfig_of_rights(namespace, tmp_path / "kubeconfig", objects)
    code, said, _ = verify(namespace, "--kubeconfig", str(file), OPENAI_API_KEY=MASTER_KEY)
    assert (code, said.count("not allowed to ")) == (5, 2)


def test_the_key_from_elsewhere(namespace, tmp_path):
    """The key can come from a file or an environment variable."""
    key = tmp_path / "key"
    key.write_text(f"{MASTER_KEY}\n")
    assert verify(namespace, "--key-file", str(key))[0] == 0
    assert verify(namespace, "--key-env", "MINE", MINE=MASTER_KEY)[0] == 0


def test_a_wrong_key(namespace):
    """A wrong key fails in every pod, with exit code 5."""
    code, said, errors = verify(namespace, "--key-env", "MINE", MINE="sk-wrong")
    assert code == 5
    assert said.startswith("NO  ")
    assert errors == "error: Codex does not work in 2 of 2 pods\n"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--key-env", "NOBODY_HAS_IT"], 2, "No key: the variable NOBODY_HAS_IT is empty"),
        (["--key-secret", "litellm-keys"], 2, "it is written SECRET/KEY"),
        (["--key-secret", "litellm-keys/none"], 1, "has no Secret litellm-keys with a key none"),
        (["--key-secret", SECRET, "-l", "app=none"], 1, "no pod carries the overlay in the name"),
        (["--key-secret", SECRET, "--context", "none"], 4, "there is no context none"),
    ],
)
def test_bad_input(namespace, arguments, code, sentence):
    """Bad input ends with a sentence and its own exit code, before any output."""
    ended, said, errors = verify(namespace, *arguments)
    assert (ended, said) == (code, "")
    assert sentence in errors


def test_another_model_than_the_proxy_has(namespace):
    """A model that the proxy does not have fails in each pod."""
    code, said, _ = verify(namespace, "--key-secret", SECRET, "--model", "no-such-model")
    assert code == 5
    assert said.count("NO  ") == 2


def test_a_pod_that_is_not_ready(namespace):
    """A pod that is not ready is named with the guard's decision; the others are still tested."""
    namespace.install(namespace.values("changed", replicaCount=2), wait=False)

    def seen():
        code, said, _ = verify(namespace, "--key-secret", SECRET)
        return code == 5 and "not ready: the guard's decision is refused" in said and said

    assert until(seen, "the refused pod").count("ok  ") == 2
