"""Reading a cluster, in good cases and failures, against a small API server over HTTP."""

from __future__ import annotations

import json
import ssl
import sys
import threading

import pytest
import trustme

from fakes.api_server import FakeApi, kubeconfig, serving
from litellm_overlay.cluster import client
from litellm_overlay.errors import ClusterError


def pod(name, namespace="llm"):
    return {"metadata": {"name": name, "namespace": namespace}}


@pytest.fixture
def api():
    with serving(FakeApi({"pods": [pod("a"), pod("b"), pod("c", "other")]})) as api:
        yield api


@pytest.fixture
def config(api, tmp_path):
    return kubeconfig(tmp_path / "config", api.url)


def names(items):
    return [item["metadata"]["name"] for item in items]


def test_lists_in_one_namespace_and_in_all(config):
    """A list has raw objects, of one namespace or all; the context gives the default namespace."""
    connection = client.connect(kubeconfig=config)
    assert (connection.context, connection.namespace) == ("here", "llm")
    assert names(connection.list("pods", "llm")) == ["a", "b"]
    assert names(connection.list("pods")) == ["a", "b", "c"]


def test_a_list_comes_in_pages(api, config):
    """A list in pages is read completely."""
    api.page = 1
    assert names(client.connect(kubeconfig=config).list("pods")) == ["a", "b", "c"]
    assert len(api.seen) == 3


def test_410_in_the_middle_of_a_list_starts_over_once(api, config):
    """A 410 between pages restarts the list once, without duplicates; a second one is an error."""
    api.page, api.gone = 2, 1
    connection = client.connect(kubeconfig=config)
    assert names(connection.list("pods")) == ["a", "b", "c"]
    api.gone = 2
    with pytest.raises(ClusterError, match="expired twice"):
        connection.list("pods")


def test_gets_one_object_or_none(config):
    """`get` returns an object, or None on 404."""
    connection = client.connect(kubeconfig=config)
    assert connection.get("pods", "llm", "a") == pod("a")
    assert connection.get("pods", "llm", "z") is None


def test_custom_resources_that_the_cluster_does_not_have_are_none(api, config):
    """On 404 a custom kind has no objects, but for a built-in kind it is an error."""
    api.missing = {"httproutes", "pods"}
    connection = client.connect(kubeconfig=config)
    assert connection.list("httproutes.v1.gateway.networking.k8s.io", "llm") == []
    assert api.seen[-1].startswith("/apis/gateway.networking.k8s.io/v1/namespaces/llm/httproutes?")
    with pytest.raises(ClusterError, match="is no Kubernetes API"):
        connection.list("pods")


def test_a_watch_goes_on_from_the_list(api, config):
    """A watch continues from the list's resourceVersion."""
    connection = client.connect(kubeconfig=config)
    connection.list("pods", "llm")
    connection.wait_for_change("pods", "llm", 5)
    assert "resourceVersion=7" in api.seen[-1]


def test_410_in_a_watch_means_list_again(api, config):
    """A 410 in a watch returns, as a change does."""
    api.gone = 1
    client.connect(kubeconfig=config).wait_for_change("pods", None, 5)
    assert api.gone == 0


def test_unreachable(config):
    """An unreachable server is an error that names it."""
    with pytest.raises(ClusterError, match=r"http://127\.0\.0\.1:9 cannot be reached") as failure:
        client.connect("elsewhere", config).list("pods")
    assert failure.value.exit_code == 4
    assert "Connection refused" in failure.value.hint


def test_a_password_in_the_servers_address_is_not_shown(tmp_path):
    """A password in the server's address is not part of its name in messages."""
    config = kubeconfig(tmp_path / "config", "http://me:secret-of-mine@127.0.0.1:9")
    assert client.connect(kubeconfig=config).server == "http://127.0.0.1:9"


def test_slow(api, config):
    """No answer within the timeout is an error, without a retry."""
    api.silent = threading.Event()
    try:
        with pytest.raises(ClusterError, match=r"did not answer within 0\.2 s"):
            client.connect(kubeconfig=config, timeout=0.2).list("pods")
    finally:
        api.silent.set()
    assert len(api.seen) == 1


def test_403_on_one_kind_names_verb_kind_and_namespace(api, config):
    """A 403 names verb, kind and namespace, and hints at the option that prints the rights."""
    api.forbidden = {"pods"}
    connection = client.connect(kubeconfig=config)
    assert connection.list("deployments") == []
    with pytest.raises(ClusterError, match="not allowed to list pods in the namespace llm") as no:
        connection.list("pods", "llm")
    assert "--rbac" in no.value.hint
    with pytest.raises(ClusterError, match="not allowed to list pods in all namespaces"):
        connection.list("pods")
    with pytest.raises(ClusterError, match="not allowed to watch pods"):
        connection.wait_for_change("pods", None, 5)


def test_401(api, tmp_path):
    """A 401 is an error without the token."""
    config = kubeconfig(tmp_path / "config", api.url, {"token": "secret-of-mine"})
    with pytest.raises(ClusterError, match="does not accept the credentials") as failure:
        client.connect(kubeconfig=config).list("pods")
    assert "secret-of-mine" not in failure.value.message + failure.value.hint


def test_no_api_server(api, config):
    """A server that does not speak the API, such as a login page, is an error."""
    api.answer = b"<html>"
    with pytest.raises(ClusterError, match="does not speak the Kubernetes API"):
        client.connect(kubeconfig=config).list("pods")


def test_an_unknown_context_lists_those_there_are(config):
    """An unknown context is an error whose hint lists the others."""
    with pytest.raises(ClusterError, match="there is no context there") as failure:
        client.connect("there", config)
    assert "elsewhere, here" in failure.value.hint


def test_kubeconfig_files_are_merged(api, config, tmp_path, monkeypatch):
    """KUBECONFIG can name several files; missing ones are ignored, as by kubectl."""
    second = kubeconfig(tmp_path / "two", api.url, contexts=[], users=[], clusters=[])
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'none'}:{config}:{second}")
    assert names(client.connect().list("pods", "llm")) == ["a", "b"]


def test_no_kubeconfig(tmp_path, monkeypatch):
    """Without a kubeconfig there is an error, whether it was named or not."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(ClusterError, match="there is no kubeconfig"):
        client.connect()
    with pytest.raises(ClusterError, match=r"there is no kubeconfig .*none"):
        client.connect(kubeconfig=tmp_path / "none")


@pytest.mark.parametrize(
    "text",
    [
        "users: [{name: me, user: {token: secret-of-mine}}]\n: : [",
        "[secret-of-mine]",
        "secret-of-mine",
        "",
        (
            "current-context: c\ncontexts: [{name: c, context: {cluster: x, user: y}}]\n"
            "clusters: []\nusers: [{name: y, user: {token: secret-of-mine}}, {user: secret-of-mine}]"
        ),
    ],
)
def test_a_broken_kubeconfig_is_one_sentence_without_its_secrets(tmp_path, text):
    """A broken kubeconfig is an error without quoting its secrets."""
    broken = tmp_path / "config"
    broken.write_text(text)
    with pytest.raises(ClusterError, match=r"cannot be used|no current context") as failure:
        client.connect(kubeconfig=broken)
    assert "secret-of-mine" not in failure.value.message + failure.value.hint


def plugin(*arguments):
    return {
        "exec": {
            "apiVersion": "client.authentication.k8s.io/v1",
            "command": sys.executable,
            "args": list(arguments),
        }
    }


def test_exec_credentials(api, tmp_path):
    """A command can provide the credentials, as with cloud providers."""
    results = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": {"token": "good-token"},
    }
    user = plugin("-c", f"print({json.dumps(results)!r})")
    config = kubeconfig(tmp_path / "config", api.url, user)
    assert names(client.connect(kubeconfig=config).list("pods", "llm")) == ["a", "b"]


@pytest.mark.parametrize("code", ["raise SystemExit('secret-of-mine')", "print('secret-of-mine')"])
def test_a_command_for_credentials_that_fails_is_named(api, tmp_path, caplog, code):
    """A failed command for credentials is named without its output, and no request is made."""
    config = kubeconfig(tmp_path / "config", api.url, plugin("-c", code))
    with pytest.raises(ClusterError, match="command for credentials") as failure:
        client.connect(kubeconfig=config)
    assert sys.executable in failure.value.message
    assert "secret-of-mine" not in caplog.text + failure.value.message
    assert api.seen == []


def test_in_a_cluster_without_kubeconfig(tmp_path, monkeypatch):
    """In a pod the service account, its namespace and the cluster's CA are used."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.crt")
    (tmp_path / "token").write_text("good-token")
    (tmp_path / "namespace").write_text("llm\n")
    monkeypatch.setattr(client, "_SERVICE_ACCOUNT", tmp_path)
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with serving(FakeApi({"pods": [pod("a")]}), context) as api:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", api.url.rpartition(":")[2])
        connection = client.connect()
        assert (connection.context, connection.namespace) == (None, "llm")
        assert names(connection.list("pods", "llm")) == ["a"]
        trustme.CA().cert_pem.write_to_path(tmp_path / "ca.crt")
        with pytest.raises(ClusterError, match="no secure connection"):
            client.connect().list("pods")
    (tmp_path / "token").unlink()
    with pytest.raises(ClusterError, match="no service account token"):
        client.connect()
