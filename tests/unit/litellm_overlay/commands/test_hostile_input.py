"""Inputs that the fuzz tests (tests/fuzz) found: each gives a sentence and does no harm."""

from __future__ import annotations

import json

import pytest
import yaml

from fakes.api_server import kubeconfig
from fakes.overlaid import workload
from litellm_overlay.overlay.json_text import to_json

CHART_VALUES = "image: {{repository: litellm, tag: v1.88.6}}\n{}: [{{name: {}}}]\n"


@pytest.mark.parametrize("name", ["[]", "{}", "{a: b}", "5", "null"])
@pytest.mark.parametrize("key", ["initContainers", "volumes", "containers"])
def test_a_name_may_be_anything(cli, name, key):
    """Any name of another container or volume is accepted and kept."""
    item = workload(patch="2.0.0")
    item["spec"]["template"]["spec"][key].append({"name": yaml.safe_load(name), "image": "x"})
    text = json.dumps(item)
    for words in (["inject", "--remove"], ["inject"], ["doctor"]):
        done = cli(*words, stdin=text)
        assert done.code in (0, 1, 5), done.err
        assert "Traceback" not in done.err
    assert cli("inject", "--remove", stdin=text).code == 0


@pytest.mark.parametrize("name", ["[]", "{}", "{a: b}", "5", "null"])
@pytest.mark.parametrize("key", ["extraInitContainers", "volumes", "volumeMounts"])
def test_a_name_in_a_chart_s_values_may_be_anything(cli, tmp_path, name, key):
    """Any name in a chart's values is accepted."""
    mine = tmp_path / "mine.yaml"
    mine.write_text(CHART_VALUES.format(key, name))
    done = cli("render", "--format", "litellm-helm-values", "--chart-values", mine)
    assert done.code == 0, done.err
    assert yaml.safe_load(done.out)[key]


def test_unknown_keys_of_two_types_are_named(cli, tmp_path):
    """Unknown keys of different types give an error that names one."""
    values = tmp_path / "values.yaml"
    values.write_text("image: {repository: litellm, 5: a, other: b}\n")
    done = cli("render", "--values", values)
    assert done.code == 2
    assert "image has no key '5'" in done.err


def test_contexts_of_two_types_are_named(cli, tmp_path, monkeypatch):
    """Contexts with names of different types are listed in the error."""
    entry = {"context": {"cluster": "fake", "user": "me"}}
    contexts = [{"name": 5, **entry}, {"name": "here", **entry}]
    config = kubeconfig(tmp_path / "config", "http://127.0.0.1:9", contexts=contexts)
    monkeypatch.setenv("KUBECONFIG", str(config))
    done = cli("status", "--context", "gone")
    assert done.code == 4
    assert "there are: 5, here" in done.err


@pytest.mark.parametrize("sign", ["\ufeff", "\u202e", "\x9b31m", "\x1b[31m", "\u200b"])
@pytest.mark.parametrize("verb", [["releases"], ["check-upgrade", "--to"], ["pin", "--image"]])
def test_a_word_of_the_command_line_moves_no_cursor(cli, verb, sign):
    """Control characters in a command-line word do not reach the output."""
    for word in (f"v1.84.0{sign}", f"x{sign}/litellm:v1.88.6", f"litellm:v1.82.7{sign}"):
        done = cli(*verb, word)
        assert sign not in done.out + done.err


@pytest.mark.parametrize("tag", ["v1.84.0$(x)", "v1.84.0;x", "v1.84.0 x", "main-v1.2.3-`x`"])
def test_what_no_tag_can_be_is_none(cli, tag):
    """A word that cannot be a tag is refused."""
    done = cli("releases", tag)
    assert done.code == 2
    assert "neither a version nor an image reference" in done.err


@pytest.mark.parametrize("char", ["\u200b", "\u202e", "\u2066", "\x9b", "\u2028", "\xad", "\ue000"])
def test_what_is_printed_as_json_hides_nothing(char):
    """JSON output escapes invisible characters, keeps others, and reads back unchanged."""
    text = to_json({"a": f"x{char}é日本🙂"})
    assert char not in text
    assert "é日本🙂" in text
    assert json.loads(text) == yaml.safe_load(text) == {"a": f"x{char}é日本🙂"}


@pytest.mark.parametrize("verb", [["status"], ["doctor", "--from-cluster"], ["verify"]])
def test_a_namespace_that_is_no_text_is_a_sentence(cli, tmp_path, monkeypatch, verb):
    """A namespace that is not valid UTF-8 gives an error."""
    config = kubeconfig(tmp_path / "config", "http://127.0.0.1:9")
    monkeypatch.setenv("KUBECONFIG", str(config))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-x")
    for namespace in ("\udcff", "a\udc80b"):
        done = cli(*verb, "--namespace", namespace)
        assert done.code == 4
        assert "error: " in done.err


HOSTILE_NAMES = [
    "*a",
    "x\nkind: Secret",
    "\x1b[31m",
    "x: y",
    "true",
    "5",
    "null",
    "1e3",
    "a #b",
    "{a: b}",
]


@pytest.mark.parametrize("text", HOSTILE_NAMES, ids=repr)
def test_a_namespace_becomes_no_yaml(cli, text):
    """A namespace of the manifests stays a string in our ConfigMaps, whatever it contains."""
    item = workload()
    item["metadata"]["namespace"] = text
    done = cli("inject", stdin=json.dumps(item))
    assert done.code == 0, done.err
    made = list(yaml.safe_load_all(done.out))
    assert {each["kind"] for each in made} == {"ConfigMap", "Deployment"}
    assert {each["metadata"]["namespace"] for each in made} == {text}
    assert json.loads(cli("inject", "--remove", stdin=done.out).out) == item


@pytest.mark.parametrize("text", [*HOSTILE_NAMES, ["x"], {"a": "b"}, 5], ids=repr)
def test_a_pull_policy_becomes_no_yaml(cli, text):
    """The proxy's imagePullPolicy stays a string in the init container, whatever it contains."""
    item = workload()
    item["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = text
    done = cli("inject", stdin=json.dumps(item))
    assert done.code == 0, done.err
    *_, made = yaml.safe_load_all(done.out)
    (init,) = made["spec"]["template"]["spec"]["initContainers"]
    assert init["imagePullPolicy"] == text
    assert "privileged" not in json.dumps(init)


@pytest.mark.parametrize("name", ["true", "5", "null", "on", "1e3", "a-b"])
def test_a_name_of_an_option_stays_a_text(cli, name):
    """A name from an option stays a string in the manifests."""
    words = ("--image", "litellm:v1.88.6", "--workload", name, "--namespace", name)
    done = cli("render", *words)
    assert done.code == 0, done.err
    for each in yaml.safe_load_all(done.out):
        assert each["metadata"]["namespace"] == name
