"""YAML and JSON that would exhaust memory, time or stack are refused; other texts are read."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import yaml

from litellm_overlay.errors import OverlayError
from litellm_overlay.objects import yaml_tree

LAUGHS = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{','.join([f'*{chr(97 + n)}'] * 10)}]\n" for n in range(9)
)
TALL = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} {'[' * 9}*a{n - 1}{']' * 9}\n" for n in range(1, 60))
HOSTILE = {
    "aliases-that-explode": LAUGHS,
    "aliases-that-explode-in-mappings": LAUGHS.replace("[", "{x: [").replace("]", "]}"),
    "aliases-that-are-deep": TALL,
    "contains-itself": "a: &a [*a]",
    "contains-itself-in-a-mapping": "a: &a {b: {c: *a}}",
    "merges-itself": "a: &a\n  <<: *a\n",
    "lists": "[" * 20_000,
    "mappings": '{"a":' * 20_000,
    "whole-lists": "[" * 20_000 + "]" * 20_000,
    "block": "\n".join(f"{' ' * n}a:" for n in range(1000)),
    "dashes": "- " * 20_000 + "x",
    "no-anchor": "a: *b",
    "two-documents": "a: 1\n...\n---\nb: 2",
    "unfinished": 'a: "b',
    "tabs": "a:\n\t- b",
    "nul": "a\x00b",
    "control": "a: \x1b[31m",
    "list-as-key": "? [a]\n: b",
    "mapping-as-key": "{{ .Values.x }}",
    "half-a-character": '{"a": "\\ud83d"}',
    "no-character": '"\\UFFFFFFFF"',
    "other-version": "%YAML 9.9\n---\na",
}


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml_tree._Loader], ids=["python", "libyaml"])
@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_hostile_is_a_sentence(text, loader, monkeypatch):
    """A hostile text is refused with a sentence that names the cause."""
    monkeypatch.setattr(yaml_tree, "_Loader", loader)
    with pytest.raises(OverlayError) as refused:
        yaml_tree.load(text, "the file")
    assert refused.value.message.startswith("the file ")
    assert "\n" not in refused.value.message


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("", None),
        ("# c\n", None),
        ("- =\n- 2001-02-30\n- 0x_\n- 12:30\n- 1_000", ["=", "2001-02-30", "0x_", "12:30", "1_000"]),
        ("a: !!python/object:os.system x", {"a": "x"}),
        ("a: !!binary aGk=", {"a": "aGk="}),
        ("{a: &x {b: 1}, c: {<<: *x, d: 2}, e: {<<: [*x, {b: 3, f: 4}]}}",
         {"a": {"b": 1}, "c": {"b": 1, "d": 2}, "e": {"b": 1, "f": 4}}),
        ("<<: x", {}),
        ("a: 1\na: 2", {"a": 2}),
        ("[1, -2, 0o17, 017, 0x1F, 1.5, 1e3, .5, yes, Off, ~, null, 'null', \"1\", 08]",
         [1, -2, 15, 15, 31, 1.5, 1000.0, 0.5, True, False, None, None, "null", "1", 8.0]),
        ("9" * 5000, float("inf")),
        (json.dumps({"a": ["\t", "🙂\\", '"'], "b": "\u2028"}, indent="\t"),
         {"a": ["\t", "🙂\\", '"'], "b": "\u2028"}),
    ],
)  # fmt: skip
def test_what_people_write_is_read(text, data):
    """Ordinary texts become data that JSON could hold; dates stay strings."""
    assert yaml_tree.load(text) == data


PROGRAM = """
import contextlib, io, json, resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (5, 5))
from litellm_overlay import cli
texts, verb = json.load(sys.stdin), sys.argv[1:]
cli.root.main(verb + ["--help"], standalone_mode=False)  # so that all is imported
resource.setrlimit(resource.RLIMIT_AS, (300 << 20, 300 << 20))
found = []
for text in texts:
    said, told = io.StringIO(), io.StringIO()
    sys.argv = ["litellm-overlay", *verb]
    sys.stdin = io.TextIOWrapper(io.BytesIO(text.encode()))
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        try:
            cli.main()
        except SystemExit as end:
            code = end.code
    found.append([code, said.getvalue(), told.getvalue()])
print("\\n" + json.dumps(found))
"""


@pytest.mark.parametrize("verb", [["inject"], ["inject", "--remove"], ["doctor"]], ids=" ".join)
def test_no_verb_that_reads_manifests_is_exhausted(verb):
    """Each verb that reads manifests handles hostile texts within 5 s of CPU and 300 MiB."""
    texts = [HOSTILE[each] for each in HOSTILE if each not in {"two-documents", "other-version"}]
    streams = [f"containers:\n---\n{it}\n# containers litellm-overlay-output" for it in texts]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *verb],
        input=json.dumps(streams), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    for text, (code, said, told) in zip(
        texts, json.loads(done.stdout.splitlines()[-1]), strict=True
    ):
        assert code in (1, 2), text[:80]
        assert said == ""
        assert told.startswith("error: ")
        assert "Traceback" not in told


NOT_OBJECTS = [
    '{"items":5}', "items: 5", "kind: List\nitems: {a: b}", "metadata: []", "kind: []", "5", '"x"', "[]", "[[]]", "true", "null",
    "kind: Deployment\nmetadata: []\nspec: {template: {spec: {containers: [{image: litellm:v1.88.6, name: a}]}}}",
    "kind: Deployment\nmetadata: {annotations: x, ownerReferences: 3, name: {}}\nspec: {template: {metadata: 4, spec: {containers: [{image: litellm:v1.88.6, name: a, env: x}]}}}",
    "kind: Deployment\nspec: {template: {spec: {containers: {a: litellm}}}}",
    "kind: Deployment\nspec: {template: {spec: {containers: [litellm, 5, null, [], {image: 5, name: []}]}}}",
    "kind: Pod\nspec: {containers: [{image: [], name: litellm}], initContainers: 5, volumes: x}",
    "kind: List\nitems: [5, null, [], {kind: 5}, {kind: Deployment, spec: litellm}]",
    "kind: HelmRelease\nmetadata: litellm\nspec: litellm", "services: litellm", "resources: [litellm]",
    "kind: Rollout\nspec: {workloadRef: litellm}",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_OBJECTS)
@pytest.mark.parametrize("verb", ["inject", "doctor"])
def test_what_is_no_object_is_a_sentence(cli, text, verb):
    """Documents that are no objects, or contain odd values, give an exit code and a sentence."""
    code, _, err = cli(verb, stdin=f"# containers litellm\n{text}\n")
    assert code in (0, 1, 2, 5), err
    assert "Traceback" not in err
    assert code == 0 or "error: " in err
