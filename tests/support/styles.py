"""Workloads as text in every style that people and tools write: block, flow, JSON, and mixed.

A seed determines a text. `inject` and then `inject --remove` must give back its exact bytes.
"""

from __future__ import annotations

import json
import random

# Strings that YAML 1.1, YAML 1.2 or Kubernetes' parser reads as something else when unquoted.
TRICKY = [
    "1e3", "1.5e3", "12e5", "0o17", "017", "08", "y", "n", "Y", "N", "yes", "off", "on", "true",
    "null", "~", "", "0x1F", "1_000", "12:30:45", "2001-02-03", "=", "<<", ".5", "+1", "-0", ".inf",
    "NaN", "0b11", " padded ", "a: b", "a #b", "#c", "- d", "[e]", "{f}", "*g", "&h", "!i", "%j",
    "@k", "`l", "it's", 'say "so"', "tab\there", "line\nbreak", "end\n", "\\", "é", "日本", "🙂",
]  # fmt: skip
IMAGE = "ghcr.io/berriai/litellm:v1.88.6"


def workload(choose):
    """Return a Deployment whose lists and mappings are filled, empty, null or missing."""
    container = {"name": "litellm", "image": IMAGE}
    maybe(choose, container, "volumeMounts", [{"name": "a", "mountPath": "/a"}], [])
    maybe(choose, container, "env", variables(choose), [])
    maybe(choose, container, "command", ["sh", "-c", choose.choice(TRICKY)], [])
    containers = [container, *choose.choice([[], [{"name": "side", "image": "busybox:1"}]])]
    choose.shuffle(containers)
    pod = {"containers": containers}
    maybe(choose, pod, "volumes", [{"name": "a", "emptyDir": {}}], [])
    maybe(choose, pod, "initContainers", [{"name": "wait", "image": "busybox:1"}], [])
    maybe(choose, pod, "nodeSelector", {"x": choose.choice(TRICKY)}, {})
    template = {"spec": shuffled(choose, pod)}
    metadata: dict[str, object] = {}
    maybe(choose, metadata, "labels", {"app": choose.choice(TRICKY)}, {})
    maybe(choose, metadata, "annotations", {"x/y": choose.choice(TRICKY)}, {})
    maybe(choose, template, "metadata", metadata, {})
    labels = {f"l{number}": choose.choice(TRICKY) for number in range(choose.randrange(3))}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "proxy", "labels": labels},
        "spec": {"replicas": 2, "template": shuffled(choose, template)},
    }


def variables(choose):
    """Return environment variables with values that are easily misread."""
    return [
        {"name": f"V{number}", "value": choose.choice(TRICKY)}
        for number in range(choose.randrange(1, 4))
    ]


def maybe(choose, mapping, key, full, empty):
    """Set a key to a value, to an empty one, to null, or leave it out."""
    value = choose.choice([full, full, empty, None, ...])
    if value is not ...:
        mapping[key] = value


def shuffled(choose, mapping):
    """Return a mapping with its keys in random order."""
    pairs = list(mapping.items())
    choose.shuffle(pairs)
    return dict(pairs)


def text(seed):
    """Return the text for a seed: JSON, or one to three YAML documents. One is a workload."""
    choose = random.Random(seed)
    if choose.random() < 0.2:
        return in_json(choose, workload(choose))
    written = Writer(choose).document(workload(choose))
    others = ["kind: Service\nmetadata: {name: x}  # odd\n", "# only a comment\n"]
    parts = [written, *choose.sample(others, choose.randrange(3))]
    choose.shuffle(parts)
    made = choose.choice(["", "---\n", "--- # first\n"]) + "---\n".join(parts)
    if choose.random() < 0.2 and not made.endswith("|\n"):
        made = made.removesuffix("\n")
    if choose.random() < 0.2:
        made = made.replace("\n", "\r\n")
    return choose.choice(["", "", "", "\ufeff"]) + made


def in_json(choose, data):
    """Return JSON as programs print it, sometimes as a List of two items."""
    if choose.random() < 0.4:
        data = {"apiVersion": "v1", "kind": "List", "items": [data, {"kind": "Service"}]}
    layout = choose.choice(
        [{"indent": 2}, {"indent": 4}, {"indent": "\t"}, {"separators": (",", ":")}, {}]
    )
    made = json.dumps(data, ensure_ascii=False, **layout)
    if choose.random() < 0.5 and max(made) < "\U00010000":  # Kubernetes rejects surrogate pairs
        made = json.dumps(data, **layout)
    return made + choose.choice(["", "\n"])


class Writer:
    """A writer of YAML that chooses a style for each value."""

    def __init__(self, choose):
        self.choose = choose
        self.deep = choose.choice([0, 2])
        self.flow = choose.choice([0, 0.1, 0.4])
        self.comments = choose.choice([0, 0.1, 0.4])
        self.anchors = 0

    def document(self, data):
        """Return a document in block style, with some values in flow style."""
        return self.mapping(data, 0)

    def mapping(self, data, indent):
        """Return the lines of a mapping, all indented."""
        return "".join(self.pair(key, value, indent) for key, value in data.items())

    def pair(self, key, value, indent):
        """Return the lines of a key and its value."""
        space = " " * indent
        head = f"{self.comment(indent)}{space}{self.key(key)}:"
        if not isinstance(value, (dict, list)) or not value or self.choose.random() < self.flow:
            return f"{head}{self.inline(value, indent)}\n"
        if key == "labels" and self.choose.random() < 0.5:
            self.anchors += 1
            head += f" &a{self.anchors}"
        head += self.trailing()
        if isinstance(value, dict):
            return f"{head}\n{self.mapping(value, indent + 2)}"
        return f"{head}\n{self.items(value, indent + self.deep)}"

    def items(self, data, indent):
        """Return the lines of a list."""
        made = []
        for item in data:
            made.append(self.comment(indent))
            if not isinstance(item, dict) or not item or self.choose.random() < self.flow:
                made.append(f"{' ' * indent}-{self.inline(item, indent)}\n")
            elif self.choose.random() < 0.15:
                made.append(f"{' ' * indent}-{self.trailing()}\n{self.mapping(item, indent + 2)}")
            else:
                kept, self.comments = self.comments, 0  # no comment between the dash and its key
                (key, value), *rest = item.items()
                body = self.pair(key, value, indent + 2)
                self.comments = kept
                body += self.mapping(dict(rest), indent + 2)
                made.append(f"{' ' * indent}- {body[indent + 2 :]}")
        return "".join(made)

    def inline(self, value, indent):
        """Return the rest of the line after a colon or a dash; a literal block has more lines."""
        if value is None:
            null = self.choose.choice(["", " null", " ~", " NULL"])
            return null + self.trailing()
        if isinstance(value, str) and "\n" in value and self.choose.random() < 0.5:
            return self.block(value, indent)
        return f" {self.in_flow(value)}{self.trailing()}"

    def block(self, value, indent):
        """Return a text as a literal block."""
        chomp = "" if value.endswith("\n") else "-"
        lines = value.removesuffix("\n").split("\n")
        return f" |{chomp}" + "".join(f"\n{' ' * (indent + 2)}{line}" for line in lines)

    def in_flow(self, value):
        """Return a value in flow style."""
        pad = self.choose.choice(["", "", " "])
        if isinstance(value, dict):
            pairs = (f"{self.key(key)}: {self.in_flow(each)}" for key, each in value.items())
            return "{" + pad + ", ".join(pairs) + pad + "}"
        if isinstance(value, list):
            return "[" + pad + ", ".join(map(self.in_flow, value)) + pad + "]"
        return (
            json.dumps(value) if value is None or not isinstance(value, str) else self.word(value)
        )

    def word(self, value):
        """Return a scalar, quoted where YAML could read it as something else."""
        if value == IMAGE or (value.isalpha() and value.isascii() and value not in TRICKY):
            return value if self.choose.random() < 0.7 else f'"{value}"'
        if value.isprintable() and self.choose.random() < 0.5:
            return "'" + value.replace("'", "''") + "'"
        return json.dumps(value, ensure_ascii=False)

    def key(self, key):
        """Return a key, sometimes quoted."""
        return f'"{key}"' if self.choose.random() < 0.1 else key

    def comment(self, indent):
        """Return a comment line, a blank line, or ""."""
        if self.choose.random() >= self.comments:
            return ""
        return self.choose.choice(["\n", f"{' ' * indent}# why\n", f"{' ' * indent}# a: [b\n"])

    def trailing(self):
        """Return a comment to put after a value, or ""."""
        return (
            self.choose.choice(["  # c", " # [d"]) if self.choose.random() < self.comments else ""
        )
