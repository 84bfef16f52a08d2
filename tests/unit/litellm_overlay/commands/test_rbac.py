"""`--rbac` of status, verify and doctor: the rights printed are those that the verb uses."""

from __future__ import annotations

import pytest
import yaml

from fakes.api_server import FakeApi, kubeconfig, serving
from fakes.overlaid import workload

VERBS = ("status", "verify", "doctor")
PLACES = ([], ["-n", "llm"], ["-A"])


@pytest.fixture(autouse=True)
def _no_key(monkeypatch):
    """Remove the key from the environment."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


@pytest.fixture
def printed(cli, monkeypatch):
    """Return a function that returns {kind: object} of a verb's --rbac, without a cluster."""
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)

    def printed(*arguments):
        code, out, errors = cli(*arguments, "--rbac")
        assert (code, errors) == (0, "")
        return {item["kind"]: item for item in yaml.safe_load_all(out)}

    return printed


def allowed(role):
    """Return {(verb, group, plural, *names)} that a role allows."""
    return {
        (verb, group, plural, *rule.get("resourceNames", ()))
        for rule in role["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for plural in rule["resources"]
    }


def asked(path):
    """Return (in a namespace, the right as in `allowed`) for a list's path."""
    root, *parts = path.partition("?")[0].strip("/").split("/")
    group = "" if root == "api" else parts.pop(0)
    return "namespaces" in parts, ("list", group, parts[-1])


@pytest.mark.parametrize("verb", ["status", "doctor"])
def test_the_rights_are_those_that_the_verb_uses(verb, cli, printed, tmp_path, monkeypatch):
    """The printed rights are exactly those that the verb uses, in one namespace and in all."""
    roles = printed(verb, "-n", "llm")
    with serving(FakeApi({"deployments": [workload(patch="2.0.0")]})) as api:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", api.url)))
        code, _, errors = cli(verb, "-n", "llm", *["--from-cluster"] * (verb == "doctor"))
    assert (code, errors) == (0, "")
    used = set(map(asked, api.seen))
    watch = {("watch", "", "pods")} if verb == "status" else set()
    assert allowed(roles["Role"]) == {right for within, right in used if within} | watch
    everywhere = allowed(roles["ClusterRole"]) if "ClusterRole" in roles else set()
    assert everywhere == {right for within, right in used if not within}


def test_status_reads_neither_secrets_nor_more_than_four_kinds(printed):
    """`status` lists and watches four kinds, without Secrets, and writes nothing."""
    rights = allowed(printed("status", "-A")["ClusterRole"])
    assert {verb for verb, *_ in rights} == {"list", "watch"}
    assert {plural for _, _, plural in rights} == {
        *("pods", "deployments", "statefulsets", "daemonsets"),
    }


def test_verify_gets_one_secret_if_the_key_is_there(printed):
    """`verify` may get the one Secret with its key, and otherwise none."""
    base = {("list", "", "pods"), ("get", "", "configmaps")} | {
        (verb, "", f"pods/{door}") for verb in ("create", "get") for door in ("exec", "portforward")
    }
    assert allowed(printed("verify")["Role"]) == base
    with_secret = printed("verify", "--key-secret", "litellm-keys/master-key")["Role"]
    assert allowed(with_secret) == base | {("get", "", "secrets", "litellm-keys")}


def test_a_secret_without_key_is_a_usage_error(cli):
    """A Secret without a key name is a usage error, as without --rbac."""
    code, out, errors = cli("verify", "--rbac", "--key-secret", "litellm-keys")
    assert (code, out) == (2, "")
    assert "it is written SECRET/KEY" in errors


def test_doctor_needs_no_rights_in_one_namespace_that_hold_in_all(printed):
    """For one namespace doctor has a ClusterRole only for Gateways and IngressClasses."""
    roles = printed("doctor", "-n", "llm")
    assert {plural for *_, plural in allowed(roles["ClusterRole"])} == {
        *("gateways", "ingressclasses"),
    }
    other = printed("doctor", "-n", "other")
    assert roles["ClusterRoleBinding"]["metadata"] != other["ClusterRoleBinding"]["metadata"]


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("place", PLACES)
def test_roles_are_bound_to_the_account(verb, place, printed):
    """The roles are bound to a ServiceAccount in the namespace, or "default"."""
    objects = printed(verb, *place)
    account = objects.pop("ServiceAccount")["metadata"]
    expected = "llm" if place == ["-n", "llm"] else "default"
    assert account == {"name": f"litellm-overlay-{verb}", "namespace": expected}
    kinds = ["ClusterRole"] if place == ["-A"] else ["Role"]
    kinds += ["ClusterRole"] * (verb == "doctor" and place != ["-A"])
    assert sorted(objects) == sorted(each for kind in kinds for each in (kind, f"{kind}Binding"))
    for kind in kinds:
        role, binding = objects[kind], objects[f"{kind}Binding"]
        assert binding["roleRef"]["kind"] == kind
        assert binding["roleRef"]["name"] == role["metadata"]["name"]
        assert binding["subjects"] == [{"kind": "ServiceAccount", **account}]
        assert role["metadata"].get("namespace") == (expected if kind == "Role" else None)


@pytest.mark.parametrize("verb", VERBS)
def test_two_places_are_a_usage_error(verb, cli):
    """-A together with -n is a usage error, as without --rbac."""
    assert cli(verb, "--rbac", "-A", "-n", "llm")[0] == 2
