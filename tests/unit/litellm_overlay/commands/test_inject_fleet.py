"""`inject` on a fleet: it patches no wrong pod, and reports everything that looks like LiteLLM."""

from __future__ import annotations

import re

import pytest
import yaml

from support.fleet_manifests import FLEET, STREAM, patched

SILENT = {"Deployment/cache", "StatefulSet/db"}


def told(err):
    """Return the fleet's titles that stderr mentions."""
    titles = re.findall(r"^(?:warning: |error: )?([A-Z]\w+/[\w-]+): ", err, re.MULTILINE)
    return {each for each in titles if each in FLEET}


def test_two_proxies_in_a_pod_are_a_question(cli):
    """Two proxies in a pod are an error; the rest is reported, and nothing is written."""
    done = cli("inject", stdin=STREAM)
    assert (done.code, done.out) == (1, "")
    assert "Deployment/pair: runs LiteLLM's image in several containers: blue, green" in done.err
    assert told(done.err) == set(FLEET) - SILENT


def test_a_stream_is_told_completely(cli):
    """Each workload that looks like LiteLLM is reported: its patch, or the reason and a hint."""
    done = cli("inject", "--workload", "!Deployment/pair", stdin=STREAM)
    assert done.code == 0
    assert set(patched(done.out)) == {"Deployment/plain", "StatefulSet/old"}
    assert told(done.err) == set(FLEET) - SILENT
    for title, why in {
        "Deployment/ours": "it looks like LiteLLM",
        "Deployment/worker": "LITELLM_JOB_ROLE",
        "Job/migrate": "comes to an end by itself",
        "Deployment/smoke": "a hook",
        "Deployment/sync": "a hook",
        "Service/asia": "Knative",
        "ReplicaSet/own-1-a": "ReplicaSet/own-1 owns it",
        "Deployment/pair": "left out, by !Deployment/pair",
    }.items():
        (line,) = re.findall(rf"^{title}: left alone: .*", done.err, re.MULTILINE)
        assert why in line
    assert "warning: StatefulSet/old: a StatefulSet deletes the old pod before" in done.err


VALUES = """\
workloads:
- {workload: Deployment/ours, litellmVersion: 1.86.2, container: app}
- {workload: Deployment/pair, container: "blue,green", patch: {version: 1.0.0}}
- {workload: StatefulSet/old, onUnknown: passthrough}
- {workload: Deployment/plain, patch: {mode: http-fallback}}
- {workload: "*/asia", leaveOut: true}
"""


def test_one_values_file_patches_those_that_are_meant(cli, tmp_path):
    """A values file gives each workload its container, release, patch and mode."""
    values = tmp_path / "values.yaml"
    values.write_text(VALUES.replace('- {workload: "*/asia", leaveOut: true}\n', ""))
    strict = cli("inject", "--values", values, "--strict", stdin=STREAM)
    assert (strict.code, strict.out) == (1, "")
    assert "error: --strict: left alone in doubt: Service/asia" in strict.err
    done = cli("inject", "--values", values, stdin=STREAM)
    venv = (
        "/app/.venv/lib/python3.13/site-packages/litellm/proxy/response_api_endpoints/endpoints.py"
    )
    found = patched(done.out)
    assert found == {
        "Deployment/plain": {"app": venv},
        "StatefulSet/old": {"app": found["StatefulSet/old"]["app"]},
        "Deployment/ours": {"app": venv},
        "Deployment/pair": {"blue": venv, "green": venv},
    }
    assert found["StatefulSet/old"]["app"].startswith("/usr/lib/")
    plans = {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]["initContainers"][0]["env"][0][
            "value"
        ]
        for item in yaml.safe_load_all(done.out)
        if f"{item['kind']}/{item['metadata']['name']}" in found
    }
    assert '"mode":"http-fallback"' in plans["plain"]
    assert '"onUnknown":"passthrough"' in plans["old"]
    assert '"patchVersion":"1.0.0"' in plans["pair"]
    assert '"onUnknown":"fail"' in plans["ours"]
    assert cli("inject", "--remove", stdin=done.out).out == STREAM


def test_a_dry_run_is_the_list_alone(cli, tmp_path):
    """--dry-run prints the report on stdout, without manifests."""
    values = tmp_path / "values.yaml"
    values.write_text(VALUES)
    done = cli("inject", "--values", values, "--dry-run", stdin=STREAM)
    assert (done.code, done.err) == (0, "")
    assert told(done.out) == set(FLEET) - SILENT
    assert "apiVersion" not in done.out


def test_a_name_of_a_container_chooses_among_what_looks_like_litellm(cli):
    """--container chooses among workloads that look like LiteLLM, never a cache or database."""
    done = cli("inject", "--container", "app", "--workload", "!Deployment/pair", stdin=STREAM)
    assert done.code == 0
    assert set(patched(done.out)) == {"Deployment/plain", "StatefulSet/old", "Deployment/ours"}
    assert told(done.err) == set(FLEET) - SILENT


def test_a_name_that_is_nowhere_is_refused(cli):
    """A container name that does not exist is refused."""
    done = cli("inject", "--container", "ap", "--workload", "!Deployment/pair", stdin=STREAM)
    assert (done.code, done.out) == (1, "")
    assert "no container in these manifests is named ap" in done.err


@pytest.mark.parametrize(
    ("workloads", "names"),
    [
        (["Deployment/plain"], {"Deployment/plain"}),
        (["deploy/plain", "sts/old"], {"Deployment/plain", "StatefulSet/old"}),
        (["*/o*", "!StatefulSet/*"], {"Deployment/ours"}),
        (["StatefulSet/any/old"], {"StatefulSet/old"}),
        (["plain"], {"Deployment/plain"}),
    ],
)
def test_workloads_are_chosen_by_pattern(cli, workloads, names):
    """--workload takes patterns for kind, namespace and name, or for the name alone."""
    options = [part for each in workloads for part in ("--workload", each)]
    done = cli("inject", "--container", "app", *options, stdin=STREAM)
    assert done.code == 0, done.err
    assert set(patched(done.out)) == names
    assert told(done.err) >= {"Deployment/worker", "Job/migrate"}


@pytest.mark.parametrize(
    ("workload_", "code", "sentence"),
    [
        ("Deployment/pla", 2, "no workload in these manifests is called so"),
        ("Deployment/a/b/c", 2, "names no workload"),
        ("$(reboot)", 2, "names no workload"),
        ("Job/migrate", 1, "Job/migrate: it is a Job, which comes to an end by itself"),
        ("StatefulSet/db", 1, "docker.io/library/postgres:17.5.1, is another product's"),
        ("ReplicaSet/own-1-a", 1, "ReplicaSet/own-1 owns it"),
    ],
)
def test_what_cannot_be_meant_is_refused(cli, workload_, code, sentence):
    """A --workload that matches nothing suitable is refused, with its name."""
    done = cli("inject", "--workload", workload_, "--litellm", "1.86.2", stdin=STREAM)
    assert (done.code, done.out) == (code, "")
    assert sentence in done.err


def test_a_second_call_leaves_the_first_overlay_in(cli):
    """A second call keeps the first overlay, and one overlay can be removed alone."""
    first = cli("inject", "--workload", "Deployment/plain", "--patch", "1.0.0", stdin=STREAM)
    both = cli("inject", "--workload", "Deployment/ours", "--container", "app", stdin=first.out)
    assert set(patched(both.out)) == {"Deployment/plain", "Deployment/ours"}
    assert (
        first.out.count('"patchVersion":"1.0.0"') == both.out.count('"patchVersion":"1.0.0"') == 1
    )
    assert "Deployment/plain: left alone: it is not among the workloads" in both.err
    kinds = [item["kind"] for item in yaml.safe_load_all(both.out)]
    assert kinds.count("ConfigMap") == 2
    again = cli("inject", "--workload", "Deployment/ours", "--container", "app", stdin=both.out)
    assert again.out == both.out
    less = cli("inject", "--remove", "--workload", "Deployment/plain", stdin=both.out)
    assert set(patched(less.out)) == {"Deployment/ours"}
    assert cli("inject", "--remove", stdin=less.out).out == STREAM


def test_without_a_name_what_carries_the_overlay_stays_as_it_is(cli):
    """A call without names leaves existing overlays as they are."""
    first = cli("inject", "--workload", "Deployment/ours", stdin=STREAM)
    both = cli("inject", "--workload", "!Deployment/pair", stdin=first.out)
    assert set(patched(both.out)) == {"Deployment/plain", "StatefulSet/old", "Deployment/ours"}
    assert "Deployment/ours: left alone: it carries the overlay already" in both.err


def test_an_image_name_can_count_as_litellm(cli):
    """`--image-name`, with a wildcard, makes other images count as LiteLLM."""
    stream = "---\n".join(
        [FLEET["Deployment/plain"], FLEET["Deployment/ours"], FLEET["Deployment/cache"]]
    )
    done = cli("inject", "--image-name", "lite-llm-*", stdin=stream)
    assert done.code == 0, done.err
    assert set(patched(done.out)) == {"Deployment/plain", "Deployment/ours"}


def test_workloads_of_one_name_are_told_by_their_namespaces(cli):
    """Workloads with one name are distinguished by their namespaces."""
    one, two = (
        FLEET["Deployment/plain"].replace("name: plain", f"name: plain\n  namespace: {home}")
        for home in ("one", "two")
    )
    done = cli("inject", "--workload", "Deployment/one/plain", stdin=f"{one}---\n{two}")
    assert "Deployment/one/plain: patch 2.0.0 for LiteLLM 1.88.6" in done.err
    assert "Deployment/two/plain: left alone" in done.err
    workloads = [item for item in yaml.safe_load_all(done.out) if item["kind"] == "Deployment"]
    inits = [item["spec"]["template"]["spec"].get("initContainers") for item in workloads]
    assert [bool(each) for each in inits] == [True, False]


def test_a_payload_that_one_workload_pins_is_there(cli, tmp_path):
    """A payload that one workload pins is rendered, even if `keepNewest` excludes it."""
    values = tmp_path / "values.yaml"
    values.write_text(
        "patch: {keepNewest: 1}\n"
        "workloads: [{workload: Deployment/plain, patch: {version: 1.0.0}}]\n"
    )
    stream = f"{FLEET['StatefulSet/old']}---\n{FLEET['Deployment/plain']}"
    done = cli("inject", "--values", values, stdin=stream)
    items = list(yaml.safe_load_all(done.out))
    names = {item["metadata"]["name"] for item in items if item["kind"] == "ConfigMap"}
    wanted = {
        volume["configMap"]["name"]
        for item in items
        if item["kind"] != "ConfigMap"
        for volume in item["spec"]["template"]["spec"]["volumes"]
        if "configMap" in volume
    }
    assert len(wanted) == 2
    assert wanted <= names
    assert cli("inject", "--values", values, stdin=done.out).out == done.out
    assert cli("inject", "--remove", stdin=done.out).out == stream
