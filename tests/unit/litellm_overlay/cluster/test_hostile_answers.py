"""Any answer from an API server, or from something in its place, ends in a sentence."""

from __future__ import annotations

import json
import unicodedata

import pytest

from fakes.api_server import FakeApi, kubeconfig, serving
from litellm_overlay.cluster import client

ANSWERS = {
    "items-of-another-type": b'{"items":5}',
    "items-as-text": b'{"items":"x"}',
    "items-as-mapping": b'{"items":{"a":1}}',
    "items-that-are-no-objects": b'{"items":[5,null,[],"x"]}',
    "metadata-of-another-type": b'{"metadata":[],"items":[]}',
    "metadata-as-text": b'{"metadata":"x","items":[{"metadata":[]}]}',
    "continue-of-another-type": b'{"metadata":{"continue":5},"items":[]}',
    "a-list": b"[]",
    "nothing": b"",
    "a-number": b"1" * 5000,
    "deep": b"[" * 20_000,
    "deep-and-whole": b'{"items":' + b"[" * 500 + b"]" * 500 + b"}",
    "objects-in-pieces": b'{"items":[{"metadata":{"name":[],"namespace":{}},"spec":[],"status":"x"}]}',
    "templates-in-pieces": b'{"items":[{"spec":{"template":{"spec":{"containers":{"a":"litellm"}}}}}]}',
    "containers-in-pieces": (
        b'{"items":[{"spec":{"template":{"metadata":[],"spec":{"containers":'
        b'[{"image":"litellm:v1.88.6","name":[],"env":"x"}]}}}}]}'
    ),
}
VERBS = [["status"], ["verify"], ["doctor", "--from-cluster"], ["pin", "--from-cluster", "--check"]]
SIGNS = "a\x1b]0;planted\x07\x9b31m\u202e\u2028b\nx"


@pytest.fixture
def api(tmp_path, monkeypatch):
    """Serve a fake API; set KUBECONFIG to it."""
    with serving(FakeApi()) as api:
        monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "config", api.url)))
        monkeypatch.setenv("LITELLM_KEY", "sk-x")
        monkeypatch.chdir(tmp_path)
        yield api


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_any_answer_is_a_sentence_and_an_exit_code(api, cli, verb, answer):
    """Any answer gives an exit code and a sentence, with every verb that reads a cluster."""
    api.answer = answer
    more = ["--key-env", "LITELLM_KEY"] if verb == ["verify"] else []
    code, out, err = cli(*verb, *more)
    assert code in (0, 1, 4, 5)
    assert "Traceback" not in out + err
    assert code == 0 or err.splitlines()[-1].startswith(("error: ", "hint: "))


@pytest.mark.parametrize("url", [
    "http://127.0.0.1:9/?token=secret", "http://127.0.0.1:9/x?a=b&token=secret#secret",
    "http://me:se/secret@127.0.0.1:9", "http://me:secret@127.0.0.1:9/?token=secret",
])  # fmt: skip
def test_no_secret_of_a_server_is_printed(url, tmp_path, monkeypatch, cli):
    """Secrets in the server's address are not printed, neither in errors nor in headings."""
    config = kubeconfig(tmp_path / "config", url)
    assert "secret" not in client.connect(kubeconfig=config).server
    monkeypatch.setenv("KUBECONFIG", str(config))
    code, out, err = cli("status")
    assert code == 4
    assert "secret" not in out + err


@pytest.mark.parametrize("output", ["text", "wide", "json", "yaml"])
def test_nothing_in_any_field_moves_a_cursor(api, cli, output):
    """Control characters and line breaks in any field do not reach the output."""
    container = {"name": SIGNS, "image": f"ghcr.io/berriai/litellm:v1.88.6{SIGNS}"}
    plain = {"name": "litellm", "image": "ghcr.io/berriai/litellm:v1.88.6"}
    mount = {"name": "litellm-overlay-output", "subPath": SIGNS, "mountPath": SIGNS}
    report = json.dumps(
        {"decision": "refused", "message": SIGNS, "hint": SIGNS, "litellmVersion": SIGNS}
    )
    guard = {"name": "litellm-overlay", "image": SIGNS, "command": ["python3", "/x/endpoint_patch"]}
    spec = {"containers": [plain | {"volumeMounts": [mount]}, container], "initContainers": [guard]}
    state = {"terminated": {"exitCode": 3, "message": report, "reason": SIGNS}}
    status = {
        "initContainerStatuses": [{"name": "litellm-overlay", "imageID": SIGNS, "state": state}]
    }
    api.objects = {
        "deployments": [
            {
                "metadata": {
                    "name": f"d{SIGNS}",
                    "namespace": "llm",
                    "labels": {"helm.sh/chart": SIGNS},
                },
                "spec": {"template": {"metadata": {"annotations": {"x": SIGNS}}, "spec": spec}},
            }
        ],
        "pods": [
            {"metadata": {"name": f"p{SIGNS}", "namespace": "llm"}, "spec": spec, "status": status}
        ],
    }
    for verb in (["status", "--output", output], ["doctor", "--from-cluster"]):
        _, out, err = cli(*verb)
        text = (out + err).replace("\n", "")
        assert [
            each for each in text if unicodedata.category(each) in {"Cc", "Cf", "Zl", "Zp"}
        ] == []
        assert "planted" in text
        assert not any(line.startswith("x") for line in out.splitlines())
