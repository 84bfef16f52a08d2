"""Values for LiteLLM's charts: lists are merged, and pitfalls avoided or refused."""

from __future__ import annotations

import pytest
import yaml

from fakes import payloads as fake
from litellm_overlay.catalogue import releases
from litellm_overlay.errors import ValuesError
from litellm_overlay.names import OUTPUT_VOLUME, PAYLOAD_VOLUME
from litellm_overlay.overlay import chart_values, formats, values

CATALOGUE = releases.load()
IMAGE = {"repository": "r/litellm", "tag": "v1.88.6"}
MINE = {
    "image": IMAGE,
    "volumes": [{"name": "a", "emptyDir": {}}],
    "volumeMounts": [{"name": "a", "mountPath": "/a"}],
    "extraInitContainers": [{"name": "wait", "image": "busybox"}],
    "extraResources": [{"kind": "Secret", "metadata": {"name": "s"}}],
    "migrationJob": {"extraInitContainers": [{"name": "wait", "image": "busybox"}]},
}


def make(format_, *files, options=""):
    """Return the rendered values, parsed."""
    operator_values = values.load(options)
    chart, proxy = chart_values.read(
        formats.CHARTS[format_], chart_values.merge(files), operator_values
    )
    planner = fake.planner(operator_values)
    files = formats.make(format_, planner, planner.plan(proxy), chart)
    return yaml.safe_load(files["values.yaml"])


def names(items):
    """Return the names of objects or list items."""
    return [item.get("name") or item["metadata"]["name"] for item in items]


def test_the_lists_of_the_operator_are_kept():
    """The operator's lists are kept in ours, since Helm replaces lists."""
    made = make("litellm-helm-values", MINE)
    maps = names(fake_maps(made))
    assert names(made["extraInitContainers"]) == ["litellm-overlay", "wait"]
    assert names(made["volumes"]) == ["a", "litellm-overlay-payload", "litellm-overlay-output"]
    assert names(made["volumeMounts"]) == ["a", "litellm-overlay-output"]
    assert names(made["extraResources"]) == ["s", *maps]
    assert len(maps) == len(CATALOGUE.patch_versions)


def fake_maps(made):
    """Return the ConfigMaps among the extra resources."""
    return [item for item in made["extraResources"] if item["kind"] == "ConfigMap"]


def test_the_migrations_job_gets_a_file_to_mount():
    """The migrations Job, a hook with shared mounts, gets an init container for the file."""
    made = make("litellm-helm-values", MINE)
    ours, theirs = made["migrationJob"]["extraInitContainers"]
    assert ours["name"] == "litellm-overlay-stock"
    source, target = ours["command"][1:]
    (mount,) = [item for item in made["volumeMounts"] if item["name"] == OUTPUT_VOLUME]
    assert source == mount["mountPath"]
    assert target == f"{ours['volumeMounts'][0]['mountPath']}/{mount['subPath']}"
    assert PAYLOAD_VOLUME not in names(ours["volumeMounts"])
    assert theirs["name"] == "wait"


def test_a_job_that_is_off_gets_nothing():
    """A disabled migrations Job gets nothing."""
    assert "migrationJob" not in make(
        "litellm-helm-values", MINE, {"migrationJob": {"enabled": False}}
    )


def test_the_gateway_has_its_own_section_and_no_shared_job():
    """For the chart `litellm` the values are under `gateway`, without a Job."""
    made = make("litellm-chart-values", {"gateway": MINE})
    assert set(made) == {"gateway", "extraResources"}
    assert names(made["gateway"]["extraInitContainers"]) == ["litellm-overlay", "wait"]


def test_no_go_template_is_in_what_a_chart_may_pass_through_tpl():
    """The values have no `{{`, which a chart's `tpl` would evaluate."""
    made = make("litellm-chart-values", {"gateway": MINE})
    for config_map in fake_maps(made):
        assert "{{" not in str(config_map)
    assert "{{" not in str(made["gateway"])


def test_a_payload_is_the_same_by_every_way():
    """The payload's ConfigMaps are the same in all formats, so operators can switch."""
    operator_values = values.load("")
    text = formats.payload(fake.planner(operator_values))["payload.yaml"]
    for format_, mine in (
        ("litellm-helm-values", MINE),
        ("litellm-chart-values", {"gateway": MINE}),
    ):
        assert fake_maps(make(format_, mine)) == list(yaml.safe_load_all(text))


def test_made_twice_is_made_once():
    """Rendering with the overlay's own values among the operator's changes nothing."""
    for format_, mine in (
        ("litellm-helm-values", MINE),
        ("litellm-chart-values", {"gateway": MINE, "extraResources": MINE["extraResources"]}),
    ):
        made = make(format_, mine)
        assert make(format_, mine, made) == made


def test_the_image_is_written_so_that_proxy_and_init_container_run_the_same():
    """The image is written, so that proxy and init container have the same one."""
    made = make("litellm-helm-values", MINE, options="image: {repository: x/litellm, tag: v1.82.3}")
    assert made["image"] == {"repository": "x/litellm", "tag": "v1.82.3"}
    assert made["extraInitContainers"][0]["image"] == "x/litellm:v1.82.3"
    digest = "sha256:" + "0" * 64
    made = make(
        "litellm-helm-values",
        options=f"image: {{repository: x/litellm, tag: v1.88.6, digest: '{digest}'}}",
    )
    assert made["image"]["tag"] == f"v1.88.6@{digest}"


def test_what_the_proxy_runs_as_is_read_from_the_values():
    """Security context, pull policy, PATH and PYTHONPATH come from the operator's values."""
    mine = {
        "image": {**IMAGE, "pullPolicy": "Always"},
        "securityContext": {"runAsUser": 65534},
        "podSecurityContext": {"seccompProfile": {"type": "RuntimeDefault"}},
        "envVars": {"PATH": "/opt/bin", "KEY": "sk-secret"},
        "extraEnvVars": [{"name": "PYTHONPATH", "value": "/plugins"}],
    }
    (ours,) = make("litellm-helm-values", mine)["extraInitContainers"]
    assert names(ours["env"]) == ["LITELLM_OVERLAY_PLAN", "PATH", "PYTHONPATH"]
    assert ours["imagePullPolicy"] == "Always"
    assert ours["securityContext"]["runAsUser"] == 65534
    assert "seccompProfile" not in ours["securityContext"]


def test_files_are_merged_as_helm_does():
    """Values files are merged as by Helm: mappings by key, lists as a whole."""
    assert chart_values.merge([{"a": {"b": 1, "c": [1]}}, {"a": {"c": [2]}, "d": None}]) == {
        "a": {"b": 1, "c": [2]},
        "d": None,
    }


@pytest.mark.parametrize(
    ("mine", "options", "sentence"),
    [
        ({}, "", "image.repository and image.tag not set in the chart's values"),
        ({"image": {"repository": "r/litellm"}}, "", "image.tag not set in the chart's values"),
        ({"image": "r"}, "", "image in the chart's values must be a mapping"),
        ({"image": IMAGE, "volumes": {}}, "", None),
        ({"image": IMAGE, "volumes": {"a": 1}}, "", "volumes in the chart's values must be a list"),
        ({}, "image: {repository: r, digest: 'sha256:" + "0" * 64 + "'}", "has no tag"),
    ],
)
def test_values_that_do_not_tell_are_refused(mine, options, sentence):
    """Values with a missing or wrong key are refused with its name."""
    if sentence is None:
        assert make("litellm-helm-values", mine, options=options)
        return
    with pytest.raises(ValuesError, match=sentence):
        make("litellm-helm-values", mine, options=options)
