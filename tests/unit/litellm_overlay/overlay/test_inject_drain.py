"""`inject --drain`: its additions to an operator's manifests, and their removal."""

from __future__ import annotations

import copy
import json

import pytest
import yaml

from fakes import objects as fake
from litellm_overlay import checks, names
from litellm_overlay.catalogue import releases
from litellm_overlay.errors import OverlayError
from litellm_overlay.objects.manifests import Document, documents, objects
from litellm_overlay.overlay import pod_edits, templates, values
from litellm_overlay.overlay.inject import inject, remove
from litellm_overlay.overlay.plan import Planner, from_values
from litellm_overlay.overlay.pod_edits import Place

HEAD = (
    "# mine\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: litellm}\nspec:\n  template:\n"
)
BLOCK = (
    HEAD
    + """\
    spec:
      terminationGracePeriodSeconds: GRACE
      containers:
      - name: litellm  # the proxy
        image: ghcr.io/berriai/litellm:v1.88.6
        args: [--config, /c.yaml, --port, "4100"]
        lifecycle: LIFECYCLE
      - name: sidecar
        image: envoyproxy/envoy:v1.30
        lifecycle:
          preStop: {sleep: {seconds: 5}}
"""
)
WITHOUT = BLOCK.replace("      terminationGracePeriodSeconds: GRACE\n", "").replace(
    "        lifecycle: LIFECYCLE\n", ""
)
STYLES = {
    "block": WITHOUT,
    "no line feed at the end": WITHOUT.rstrip("\n"),
    "CRLF": WITHOUT.replace("\n", "\r\n"),
    "a null": BLOCK.replace("GRACE", "90").replace("LIFECYCLE", "null"),
    "an empty mapping": BLOCK.replace("GRACE", "90").replace("LIFECYCLE", "{}"),
    "a mapping": BLOCK.replace("GRACE", "90").replace("LIFECYCLE", "{stopSignal: SIGINT}"),
    "a mapping in block style": BLOCK.replace("GRACE", "600").replace(
        "LIFECYCLE", "\n          stopSignal: SIGINT  # mine"
    ),
    "JSON": json.dumps(yaml.safe_load(WITHOUT)),
    "JSON on lines": json.dumps(yaml.safe_load(WITHOUT), indent=2) + "\n",
    "flow": "{" + json.dumps(yaml.safe_load(WITHOUT))[1:],
}


def drained(text, seconds=120, **more):
    """Return the text after `inject --drain`."""
    return inject(text, Planner.from_values(values.load("", drain_seconds=seconds, **more))).text


def pod(text):
    """Return the pod spec of the one Deployment in a stream."""
    result = (item for part in documents(text) for _, item in objects(part))
    (item,) = (it for it in result if it["kind"] == "Deployment")
    return item["spec"]["template"]["spec"]


@pytest.mark.parametrize("style", STYLES)
def test_in_and_out_again(style):
    """In each style the drain can be removed and repeated, and goes without --drain."""
    given = STYLES[style]
    overlaid = drained(given)
    assert remove(overlaid) == given
    assert drained(overlaid) == overlaid
    plain = inject(given, Planner.from_values(values.load(""))).text
    assert inject(overlaid, Planner.from_values(values.load(""))).text == plain


@pytest.mark.parametrize(
    ("style", "seconds", "grace"),
    [("block", 120, 150), ("a null", 60, 90), ("a mapping in block style", 120, 600)],
)
def test_what_the_proxy_gets(style, seconds, grace):
    """The proxy gets both hooks, a volume and a grace period; a given one limits the drain."""
    result = pod(drained(STYLES[style]))
    assert result["terminationGracePeriodSeconds"] == grace
    proxy, sidecar = result["containers"]
    hooks = proxy["lifecycle"]
    assert hooks["preStop"]["exec"]["command"][3:] == [
        "drain",
        names.DRAIN_FILE,
        str(seconds),
        "4100",
    ]
    assert hooks["postStart"]["exec"]["command"] == ["rm", "-f", names.DRAIN_FILE]
    assert {"name": "litellm-overlay-drain", "mountPath": names.DRAIN_PATH} in proxy["volumeMounts"]
    assert {"name": "litellm-overlay-drain", "emptyDir": {"sizeLimit": "1Mi"}} in result["volumes"]
    assert sidecar["lifecycle"] == {"preStop": {"sleep": {"seconds": 5}}}
    plan = json.loads(result["initContainers"][0]["env"][0]["value"])
    assert plan["settings"]["drainFile"] == names.DRAIN_FILE


def test_doctor_has_nothing_more_to_say():
    """`doctor` then has no finding about the drain."""
    deployment = fake.stock()
    deployment["spec"]["replicas"] = 2
    text = drained(yaml.safe_dump(deployment))
    results = [item for part in documents(text) for _, item in objects(part)]
    topics = {each.topic for each in checks.findings(results, releases.load())}
    assert not topics & {"no-drain", "short-grace", "one-replica"}


@pytest.mark.parametrize(
    ("grace", "lifecycle", "said"),
    [
        ("30", "{}", "its terminationGracePeriodSeconds of 30 leaves no time to drain"),
        ("90", "{preStop: {sleep: {seconds: 5}}}", "has a preStop hook of its own"),
        ("90", "{postStart: {exec: {command: [x]}}}", "has a postStart hook of its own"),
        ("90", "{preStop: null}", "has a preStop hook of its own"),
        ("null", "{}", "its terminationGracePeriodSeconds of 0 leaves no time to drain"),
        ("[90]", "{}", "its terminationGracePeriodSeconds of 0 leaves no time to drain"),
    ],
)
def test_what_is_there_stays(grace, lifecycle, said):
    """Other hooks and shorter times are refused, with the workload's name."""
    text = BLOCK.replace("GRACE", grace).replace("LIFECYCLE", lifecycle)
    with pytest.raises(OverlayError, match=r"^Deployment/litellm: ") as error:
        drained(text)
    assert said in error.value.message
    own = [{"workload": "Deployment/litellm", "drain_seconds": 0}]
    more = {"workloads": tuple(own)}
    assert "litellm-overlay/drain" not in drained(text, **more)


def test_the_drain_of_a_rendered_proxy_is_not_ours_to_take():
    """`--remove` leaves the drain of a rendered proxy, which is its own."""
    overlaid = inject(STYLES["block"], Planner.from_values(values.load(""))).text
    theirs = overlaid.replace(
        'args: [--config, /c.yaml, --port, "4100"]\n',
        'args: [--config, /c.yaml, --port, "4100"]\n'
        f"        lifecycle: {{postStart: {{exec: {{command: [rm, -f, {names.DRAIN_FILE}]}}}}}}\n",
    )
    assert theirs != overlaid
    assert pod(remove(theirs))["containers"][0]["lifecycle"]["postStart"]


@pytest.mark.parametrize("port", ["[]", "9" * 5000, "4100x", ""])
def test_a_port_that_is_none(port):
    """For a port that is no number the hook uses LiteLLM's default."""
    text = WITHOUT.replace('"4100"', f'"{port}"')
    command = pod(drained(text))["containers"][0]["lifecycle"]["preStop"]["exec"]["command"]
    assert command[-1] == "4000"
    assert remove(drained(text)) == text


def test_names_that_are_no_texts():
    """Containers, volumes and mounts with odd names are ignored."""
    odd = "      - 5\n      - {name: [a], image: x}\n      - {name: {a: b}, image: y}\n"
    text = WITHOUT.replace("      - name: litellm", f"{odd}      - name: litellm")
    text += "      volumes: [{name: [a]}, 5]\n"
    overlaid = drained(text)
    assert "preStop" in pod(overlaid)["containers"][3]["lifecycle"]
    assert remove(overlaid) == text


@pytest.mark.parametrize("style", STYLES)
def test_what_was_read_stays_as_it_was(style):
    """A document's parsed data does not change when the overlay is added or removed."""
    plain = Document(STYLES[style])
    before = copy.deepcopy(plain.data)
    operator_values = values.load("", drain_seconds=120, image="ghcr.io/berriai/litellm:v1.88.6")
    plan = Planner.from_values(operator_values).plan(from_values(operator_values))
    where = ("spec", "template")
    place = Place(where, "Deployment/litellm", ("litellm",))
    overlaid = pod_edits.add(plain, [(place, templates.render_fragment(plan))])
    assert plain.data == before
    there = copy.deepcopy(overlaid.data)
    assert pod_edits.remove(overlaid, [place]).data == before
    assert overlaid.data == there
