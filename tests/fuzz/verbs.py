"""Inputs by seed for each verb that reads others' data: command line, stdin and files."""

from __future__ import annotations

import contextlib
import random
from dataclasses import dataclass, field
from pathlib import Path

from fakes import endpoint_module
from fuzz import inputs
from litellm_overlay import lock
from litellm_overlay.catalogue import releases
from litellm_overlay.overlay import values
from litellm_overlay.overlay.plan import Planner
from support import litellm_chart

RELEASES = ["1.88.6", "1.82.3", "1.82.7", "1.90.0", "1.120.3", "v1.84.0-rc.1", "2.0", "1.89.2"]
IMAGES = [
    "ghcr.io/berriai/litellm:v1.88.6", "ghcr.io/berriai/litellm:main-stable", "litellm:v1.82.7",
    f"ghcr.io/berriai/litellm:v1.86.2@sha256:{'a' * 64}", "acme/litellm:v1.86.2-acme-1.0.3",
    f"x.io:5000/litellm@sha256:{'b' * 64}",
]  # fmt: skip
WORKLOADS = ["Deployment/proxy", "!Deployment/proxy", "deploy/llm/*", "*", "Pod/a?b", "litellm"]
VALUES = [
    {"image": {"repository": "ghcr.io/berriai/litellm", "tag": "v1.88.6"}, "name": "x"},
    {"litellmVersion": "1.86.2", "modulePath": "/app/x/endpoints.py", "container": "litellm"},
    {"patch": {"version": "2.0.0", "onFixed": "patch", "mode": "websocket", "drainFile": "/d/x"}},
    {"workloads": [{"workload": "Deployment/proxy", "container": "a", "leaveOut": True}]},
    {"env": [{"name": "PATH", "value": "/x"}], "initResources": {"limits": {"memory": "1Gi"}}},
    {"onUnknown": "patch", "expectedSha256": "a" * 64, "podSecurityContext": {"runAsUser": 1}},
]  # fmt: skip
CHART_VALUES = [
    {"image": {"repository": "ghcr.io/berriai/litellm", "tag": "v1.88.6"}, "volumes": [{}]},
    {"gateway": {"image": {"repository": "ghcr.io/berriai/litellm", "tag": "v1.88.6"}, "x": 1}},
    {"extraInitContainers": [{"name": "a"}], "volumeMounts": [{"name": "a", "mountPath": "/x"}]},
    {"securityContext": {"runAsUser": 1}, "podAnnotations": {"a": "b"}, "extraResources": [{}]},
]  # fmt: skip


@dataclass
class Given:
    """An input: words, stdin, {path: content}, and the API server's answers by plural."""

    words: list[str]
    stdin: str = ""
    files: dict[str, str | bytes] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] | None = None


def given(verb, seed):
    """Return the input of a verb for a seed."""
    choose = random.Random(f"{verb} {seed}")
    made = _MAKERS[verb](choose)
    # The system rejects a NUL in a command line.
    words = [each.replace("\0", "0") for each in made.words]
    return Given(words, made.stdin, made.files, made.answers)


def _inject(choose):
    more = []
    if choose.random() < 0.1:
        more += ["--workload", inputs.word(choose, WORKLOADS)]
    if choose.random() < 0.05:
        more += ["--container", inputs.word(choose, ["litellm", "a,b"])]
    if choose.random() < 0.05:
        more += ["--litellm", inputs.word(choose, RELEASES)]
    if choose.random() < 0.05:
        more += ["--image-name", inputs.word(choose, ["app", "lite*"])]
    more += choose.choice([[], [], [], ["--strict"], ["--dry-run"], ["--drain"]])
    files = {}
    if choose.random() < 0.1:
        files["values.yaml"] = inputs.mapping(choose, VALUES)
        more += ["--values", "values.yaml"]
    text = inputs.manifests(choose)
    if choose.random() < 0.08:
        text = inputs.resource_list(choose, VALUES)
    return _named(choose, ["inject", *more], text, files)


def _named(choose, words, text, files):
    """Return an input with the manifests on stdin or in a named file."""
    if choose.random() < 0.85:
        return Given(words, text, files)
    named = choose.choice([["in/a.yaml"], ["-f", "in/a.yaml"], ["-R", "in"], ["-"]])
    if named == ["-"]:
        return Given([*words, *named], text, files)
    return Given([*words, *named], "", {**files, "in/a.yaml": text})


def _remove(choose):
    more = ["--workload", inputs.word(choose, WORKLOADS)] if choose.random() < 0.1 else []
    text = inputs.with_overlay(choose) if choose.random() < 0.8 else inputs.manifests(choose)
    verb = choose.choice([["inject", "--remove"], ["uninject"]])
    return _named(choose, [*verb, *more], text, {})


def _doctor(choose):
    output = choose.choice(["text", "text", "json", "yaml"])
    some = inputs.with_overlay if choose.random() < 0.2 else inputs.manifests
    return _named(choose, ["doctor", "--output", output], some(choose), {})


def _render(choose):
    form = choose.choice(["manifests", "patch", "payload", "patch", "litellm-helm-values"])
    files = {"values.yaml": inputs.mapping(choose, VALUES)}
    more = ["--values", "values.yaml"]
    if choose.random() < 0.8:
        more += ["--image", inputs.word(choose, IMAGES) if choose.random() < 0.2 else IMAGES[0]]
    if choose.random() < 0.1:
        more += [choose.choice(["--workload", "--namespace"]), inputs.word(choose, ["a", "b.c"])]
    if choose.random() < 0.1:
        more += ["--set", inputs.word(choose, ["mode=http-fallback", "historyBytes=1", "x"])]
    if form == "payload" and choose.random() < 0.7:
        form = "patch"
    if form.startswith("litellm"):
        return _chart_values(choose, form, more, files)
    return Given(["render", "--format", form, *more], "", files)


def _chart_values(choose, form, more, files):
    form = choose.choice([form, "litellm-chart-values"])
    files["mine.yaml"] = inputs.mapping(choose, CHART_VALUES)
    return Given(["render", "--format", form, *more, "--chart-values", "mine.yaml"], "", files)


def _chart(choose):
    texts = choose.choice([litellm_chart.shared_image, litellm_chart.own_image])()
    name = choose.choice(list(texts))
    texts = {**texts, name: inputs.mutated(choose, texts[name])}
    files = {f"chart/{path}": text for path, text in texts.items()}
    if choose.random() < 0.4:
        chart = inputs.damaged_bytes(choose, litellm_chart.packed(texts))
        files = {"chart.tgz": chart}
    files["mine.yaml"] = inputs.mapping(choose, CHART_VALUES)
    more = ["--subchart", inputs.word(choose, ["litellm"])] if choose.random() < 0.3 else []
    form = choose.choice(["litellm-helm-values", "litellm-chart-values"])
    words = [
        "render",
        "--format",
        form,
        "--chart-values",
        "mine.yaml",
        "--chart",
        next(iter(files)).partition("/")[0],
        *more,
    ]
    return Given([*words, "--image", IMAGES[0]], "", files)


def _diff(choose):
    stock = choose.choice([endpoint_module.STOCK, endpoint_module.FIXED]).decode()
    more = choose.choice([[], ["--stat"], ["--output", "json"], ["--on-fixed", "patch"]])
    target = "./endpoints.py" if choose.random() < 0.8 else inputs.word(choose, RELEASES[2:])
    words = ["diff", target, "--offline", *more]
    return Given(words, "", {"endpoints.py": inputs.mutated(choose, stock)})


def _pin(choose):
    output = ["--output", choose.choice(["text", "json"]), "--check"]
    words = ["pin", "--image", inputs.word(choose, IMAGES), *output]
    files = {}
    if choose.random() < 0.3:
        words += ["--litellm", inputs.word(choose, RELEASES)]
    if choose.random() < 0.2:
        words += ["--patch", inputs.word(choose, ["1.0.0", "2.0.0"])]
    if choose.random() < 0.2:
        words += ["--values", "values.yaml"]
        files["values.yaml"] = inputs.mapping(choose, VALUES)
    if choose.random() < 0.4:
        files[lock.NAME] = _lock(choose)
    return Given(words, "", files)


def _lock(choose):
    planner = Planner.from_values(values.load("", image=IMAGES[0]))
    return inputs.mutated(choose, lock.to_text(lock.to_pin(planner)))


def _releases(choose):
    output = ["--output", choose.choice(["table", "json"]), "--offline"]
    if choose.random() < 0.15:
        return Given(["releases", "--sha256", inputs.word(choose, ["a" * 64]), *output])
    targets = [inputs.word(choose, [*IMAGES, *RELEASES]) for _ in range(choose.choice([1, 1, 2]))]
    return Given(["releases", *output, "--", *targets])


def _check_upgrade(choose):
    words = ["check-upgrade", "--to", inputs.word(choose, [*IMAGES, *RELEASES]), "--offline"]
    files = {}
    if choose.random() < 0.5:
        words += ["--from", inputs.word(choose, [*IMAGES, *RELEASES])]
    if choose.random() < 0.4:
        words += ["--lock", "x.lock"]
        files["x.lock"] = _lock(choose)
    return Given([*words, "--output", choose.choice(["text", "json"])], "", files)


def _status(choose):
    output = choose.choice(["table", "table", "wide", "json", "yaml"])
    more, files = [], {}
    if choose.random() < 0.2:
        more, files = ["--lock", "x.lock"], {"x.lock": _lock(choose)}
    where = choose.choice([[], ["-A"], ["--namespace", inputs.word(choose, ["llm"])]])
    words = ["status", "--output", output, *more, *where]
    return Given(words, "", files, inputs.answers(choose))


def _verify(choose):
    key = ["--key-env", "LITELLM_KEY"]
    if choose.random() < 0.2:
        key = ["--key-secret", inputs.word(choose, ["litellm-keys/master-key"])]
    output = ["--output", choose.choice(["table", "json"]), "--offline"]
    return Given(["verify", *key, *output], "", {}, inputs.answers(choose))


def _doctor_cluster(choose):
    output = choose.choice(["text", "text", "json", "yaml"])
    words = ["doctor", "--from-cluster", "--output", output]
    return Given(words, "", {}, inputs.answers(choose))


def _pin_cluster(choose):
    more = ["--workload", inputs.word(choose, ["proxy"])] if choose.random() < 0.3 else []
    output = ["--output", choose.choice(["text", "json"])]
    words = ["pin", "--from-cluster", *output, *more]
    if choose.random() < 0.5:
        return Given([*words, "--check"], "", {}, inputs.answers(choose))
    return Given(words, "", {lock.NAME: _lock(choose)}, inputs.answers(choose))


_MAKERS = {
    "inject": _inject,
    "inject --remove": _remove,
    "doctor": _doctor,
    "render": _render,
    "render --chart": _chart,
    "diff": _diff,
    "pin": _pin,
    "releases": _releases,
    "check-upgrade": _check_upgrade,
    "status": _status,
    "verify": _verify,
    "doctor --from-cluster": _doctor_cluster,
    "pin --from-cluster": _pin_cluster,
}
VERBS = list(_MAKERS)
CATALOGUE = releases.load()


@contextlib.contextmanager
def laid_out(files):
    """Write an input's files into the working folder; remove them when the block ends."""
    paths = [Path(name) for name in files]
    try:
        for path in paths:
            path.parent.mkdir(parents=True, exist_ok=True)
            text = files[str(path)]
            path.write_bytes(
                text if isinstance(text, bytes) else text.encode(errors="surrogatepass")
            )
        yield
    finally:
        for path in paths:
            path.unlink(missing_ok=True)
