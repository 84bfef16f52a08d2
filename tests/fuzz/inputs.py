"""Inputs to the verbs, one per seed: texts and objects, most of them damaged in places."""

from __future__ import annotations

import copy
import functools
import json
from pathlib import Path

import yaml

from fakes import objects as fake
from fakes import overlaid as fleet
from fakes import payloads
from litellm_overlay.overlay import inject, values
from support import styles

GOLDEN = Path(__file__).parents[1] / "golden"
# In a printed command "planted" must be quoted, unless a cut has left only a plain word. "benign"
# needs no quotes.
WORDS = [
    "x;planted", "$(planted)", "`planted`", "x |planted", "x &&planted", "';planted;'", "x ;planted",
    '";planted;"', '"$(planted)"', "-o=planted", "--planted", "x --planted", "x -planted",
    "x\nplanted-line", "x\rplanted-line", "x >planted", "../benign", "~/planted", "*planted*",
    "planted\x1b]0;planted\x07", "planted\x9b31m", "planted\u202eb", "planted\u2066b",
    "planted\u200bb", "planted\u2028planted-line", "\ufeffplanted", "planted\x85planted-line",
    "planted\x00b", "planted" * 700, "planted é日本🙂", "planted\ud83d", "${planted}", "{{planted}}",
    "[bold]planted[/bold]", "[/planted]", "\x1b[31mplanted", "planted\\", "planted %s {0} %(a)s",
    "planted: {a", "#planted", "planted\thint: rm", "!planted", "benign@sha256:b", "%benign",
]  # fmt: skip
TYPES = [
    None, True, 5, -1, 1.5, float("inf"), 10**30, "", "x", [], {}, [[]], [None], [5], {"a": None}, {"name": []},
    "null", " ", "0", "[", "{}",
]  # fmt: skip
PIECES = [
    "*a", "&a ", "<<: *a", "!!binary ", "? ", "|", "|+\n", ">-\n", "\t", "\x00", "\ufeff", "\r", "\r\n", "---",
    "...", "--- x", "%YAML 1.2\n", "[", "]", "{", "}", ",", ":", " :", "- ", "-", "#", "'", '"', "\\", "~", "null",
    "\u2028", "\x85", "\x1b[31m", "=", "<<", "!", "@", "`", "containers", "litellm", "litellm-overlay-output", "é🙂",
    "[" * 300, "{a: " * 300, "- " * 300, "  ", "\n", "\n\n", "{{ .Values.x }}", "${X}", "items", "kind: List\n",
    "kind: ConfigMap\n", "initContainers:\n", "volumes: []\n", "volumeMounts: ~\n", "metadata: null\n",
]  # fmt: skip


def mutated(choose, text):
    """Return the text after up to four random changes."""
    for _ in range(choose.choice([0, 1, 1, 1, 2, 4])):
        text = choose.choice(_WAYS)(choose, text)
    return text


def _cut(choose, text):
    start = choose.randrange(len(text) + 1)
    return text[:start] + text[start + choose.choice([1, 2, 5, 30]) :]


def _put(choose, text):
    at = choose.randrange(len(text) + 1)
    return text[:at] + choose.choice(PIECES) + text[at:]


def _word(choose, text):
    """Replace a word by a hostile one, at times quoted as in JSON."""
    results = [part for part in text.split() if part[-1:].isalnum() and part[:1].isalnum()]
    if not results:
        return text
    new = choose.choice(WORDS)
    return text.replace(
        choose.choice(results), choose.choice([new, _quoted(new)]), choose.choice([1, -1])
    )


def _quoted(text):
    return json.dumps(text, ensure_ascii=choose_ascii(text))


def choose_ascii(text):
    """Tell whether JSON must escape the text: a lone surrogate cannot be encoded."""
    return any("\ud800" <= char <= "\udfff" for char in text)


def _lines(choose, text):
    lines = text.split("\n")
    a, b = choose.randrange(len(lines)), choose.randrange(len(lines))
    how = choose.randrange(5)
    if how == 0:
        lines[a], lines[b] = lines[b], lines[a]
    elif how == 1:
        lines.insert(a, lines[b])
    elif how == 2:
        lines[a] = choose.choice([" ", "  ", "\t"]) + lines[a]
    elif how == 3:
        lines[a] = lines[a].removeprefix("  ")
    else:
        del lines[min(a, b) : min(a, b) + choose.choice([1, 1, 3, 20])]
    return "\n".join(lines)


def _value(choose, text):
    """Replace the value after a colon by one of another type."""
    lines = text.split("\n")
    at = choose.randrange(len(lines))
    key, colon, _ = lines[at].partition(":")
    if colon:
        lines[at] = f"{key}: {_json(choose.choice(TYPES))}"
    return "\n".join(lines)


def _end(choose, text):
    return text[: choose.randrange(len(text) + 1)]


_WAYS = [_cut, _put, _put, _word, _word, _word, _lines, _lines, _value, _value, _end]


def damaged_bytes(choose, content):
    """Return bytes with some of them changed, or with the end cut off."""
    content = bytearray(content)
    for _ in range(choose.choice([0, 1, 1, 4])):
        content[choose.randrange(len(content))] = choose.randrange(256)
    return bytes(content[: choose.choice([len(content), choose.randrange(len(content))])])


def damaged(choose, value, times=None):
    """Return a copy of nested lists and dicts with some places damaged."""
    value = copy.deepcopy(value)
    for _ in range(times or choose.choice([1, 1, 2, 4, 8])):
        inside, key = value, None
        while isinstance(inside, (dict, list)) and inside:
            above = inside
            key = choose.choice(list(inside) if isinstance(inside, dict) else range(len(inside)))
            inside = above[key]
            if choose.random() < 0.12:
                break
        if key is None:
            return value
        what = choose.random()
        if what < 0.5:
            above[key] = choose.choice(WORDS)
        elif what < 0.8:
            above[key] = copy.deepcopy(choose.choice(TYPES))
        elif what < 0.9:
            del above[key]
        elif isinstance(above, dict):
            above[choose.choice(WORDS)] = above.pop(key)
        else:
            above.append(copy.deepcopy(above[key]))
    return value


@functools.cache
def texts():
    """Return streams of manifests, as people and tools write them."""
    written = [path.read_text() for path in sorted(GOLDEN.glob("inject-*/input.yaml"))]
    bad_days = [each for each in objects() if "kind" in each]
    written += [yaml.safe_dump_all([each, *bad_days[:2]]) for each in bad_days]
    return [*written, json.dumps({"kind": "List", "items": bad_days})]


@functools.cache
def overlaid():
    """Return streams with the overlay and small payloads."""
    planner = payloads.planner(values.load("name: x"))
    return [inject.inject(styles.text(seed), planner).text for seed in range(60)]


@functools.cache
def objects():
    """Return objects that doctor or status reports on, such as workloads and their pods."""
    patched = fleet.workload(patch="2.0.0")
    refused = fleet.report("refused")
    return [
        patched, fleet.workload("plain"), fleet.workload("set", "StatefulSet"),
        fleet.workload("moving", image="ghcr.io/berriai/litellm:main-stable"),
        fleet.pod(patched, 0, fleet.report(stockSha256="a" * 64, modulePath="/x/endpoints.py")),
        fleet.pod(patched, 1, refused, **fleet.crashing(refused)), fleet.pod(patched, 2, "cut {"),
        fake.overlaid("ghcr.io/berriai/litellm:v1.90.0"), fake.stock(),
        fake.pod({"decision": "passthrough", "message": "m", "hint": "h"}), fake.service(),
        fake.config_map("payload-1.0.0"), fake.ingress("nginx"), fake.ingress("alb"),
        fake.custom("HTTPRoute", rules=[{"backendRefs": [{"name": "litellm"}]}]),
        fake.custom("HelmRelease", chart={"spec": {"chart": "litellm"}}),
        fake.custom("Rollout", workloadRef={"kind": "Deployment", "name": "litellm"}),
    ]  # fmt: skip


def manifests(choose):
    """Return a stream of manifests, in most cases damaged."""
    kind = choose.random()
    if kind < 0.35:
        return mutated(choose, styles.text(choose.randrange(10**6)))
    if kind < 0.6:
        return mutated(choose, choose.choice(texts()))
    listed = [damaged(choose, each) for each in choose.sample(objects(), choose.choice([1, 2, 4]))]
    if kind < 0.7:
        return _json({"kind": "List", "items": listed})
    return "\n---\n".join(map(_json, listed))


def resource_list(choose, specs):
    """Return the ResourceList that kustomize gives to a function, damaged in places."""
    whole = {
        "apiVersion": "config.kubernetes.io/v1", "kind": "ResourceList",
        "items": [damaged(choose, each) for each in choose.sample(objects(), 2)],
        "functionConfig": {"kind": "Inject", "spec": choose.choice([{}, *specs])},
    }  # fmt: skip
    whole = damaged(choose, whole) if choose.random() < 0.3 else whole
    text = yaml.safe_dump(whole) if choose.random() < 0.5 else _json(whole)
    return mutated(choose, text) if choose.random() < 0.3 else text


def with_overlay(choose):
    """Return a stream of manifests with the overlay, damaged in places."""
    return mutated(choose, choose.choice(overlaid()))


def answers(choose):
    """Return an API server's answers: {plural: (status code, body)}."""
    results = {"Deployment": [], "Pod": [], "": []}
    for each in choose.sample(objects(), choose.choice([2, 4, 8])):
        kind = each.get("kind", "Pod")
        results.setdefault(kind, []).append(
            damaged(choose, each) if choose.random() < 0.8 else each
        )
    made = {}
    for kind, listed in results.items():
        metadata = choose.choice([{}, {}, {"resourceVersion": "7"}, *TYPES])
        body = _json({"metadata": metadata, "items": listed})
        if choose.random() < 0.05:
            body = mutated(choose, body)
        code = 200 if choose.random() < 0.97 else choose.choice([401, 403, 404, 410, 500, 302])
        made[f"{kind.lower()}s"] = (code, body.encode(errors="surrogatepass"))
    return made


def word(choose, plain):
    """Return a command-line word: right, changed, or hostile."""
    made = choose.choice(plain)
    kind = choose.random()
    if kind < 0.3:
        at = choose.randrange(len(made) + 1)
        return (
            choose.choice(["", made[:at]]) + choose.choice(WORDS) + choose.choice(["", made[at:]])
        )
    return made if kind < 0.5 else mutated(choose, made)


def mapping(choose, wholes):
    """Return a mapping as YAML or JSON, in most cases damaged."""
    if choose.random() < 0.5:
        return mutated(choose, yaml.safe_dump(choose.choice(wholes)))
    return _json(damaged(choose, choose.choice(wholes), choose.choice([1, 1, 1, 2])))


def _json(value):
    return json.dumps(value)
