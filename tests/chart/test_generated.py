"""What scripts/sync_chart.py copies into the chart must be what it was copied from."""

from __future__ import annotations

import pytest
import yaml

import sync_chart
from fakes import helm
from litellm_overlay import __version__, catalogue, payload, plan, values
from litellm_overlay.errors import OverlayError

HINT = "python scripts/sync_chart.py"


def test_the_copies_are_equal():
    """Byte for byte: payloads, catalogue, the README's table; and nothing is left from before."""
    generated = sync_chart.generated()
    present = {
        str(path.relative_to(helm.CHART)): path.read_bytes()
        for path in helm.CHART.glob("files/**/*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    present["README.md"] = (helm.CHART / "README.md").read_bytes()
    assert present.keys() == generated.keys(), HINT
    differing = [name for name in present if present[name] != generated[name]]
    assert not differing, HINT


def test_versions():
    """The chart's is the package's; the application's is the patch that a pod gets by default."""
    chart = yaml.safe_load((helm.CHART / "Chart.yaml").read_text())
    assert chart["version"] == __version__
    assert chart["appVersion"] == catalogue.load().default_patch_version
    image = yaml.safe_load((helm.CHART / "values.yaml").read_text())["image"]
    assert image["tag"] == f"v{catalogue.load().newest_affected}"
    listed = f"image: {image['repository']}:{image['tag']}\n"
    assert listed in chart["annotations"]["artifacthub.io/images"]


@pytest.mark.parametrize("version", catalogue.load().patch_versions)
def test_a_config_map_holds_the_payload(version):
    """Every file of it and no other, to the byte, under a name that carries the digest."""
    digest = payload.digest(version)
    item = helm.objects(*helm.LEAST)["ConfigMap", f"litellm-{version}-{digest[:12]}"]
    expected = {
        path.replace("/", "."): content.decode() for path, content in payload.files(version).items()
    }
    assert item["data"] == expected
    assert item["immutable"] is True
    assert plan.is_payload(item)


def tags():
    """Return tags of every style, for releases on both sides of every border."""
    styles = ("v{}", "{}", "main-v{}-stable", "v{}-nightly", "v{}-stable.patch.2", "fips-v{}")
    releases = [
        "1.81.0",
        "1.82.1",
        "1.82.3",
        "1.82.7",
        "1.83.7",
        "1.83.10",
        "1.88.6",
        "1.89.0",
        "1.109.1",
        "9.9.9",
    ]
    yield from (style.format(release) for style in styles for release in releases)
    yield from ("v1.84.0-rc.1", "v1.84.0rc1", "v1.83.5-rc.7", "v1.84.0.dev2", "v1.84.0-dev.2")
    yield from ("latest", "main-stable", "1.9")


def test_tags_are_read_as_the_toolkit_reads_them():
    """The same path for the same image, or a refusal by both."""
    differing = {}
    for tag in tags():
        image = f"ghcr.io/berriai/litellm:{tag}"
        try:
            expected = plan.module_path(values.OverlayValues(), image, catalogue.load())
        except OverlayError:
            expected = None
        try:
            pod = helm.pod_of(*helm.LEAST, "--set-string", f"image.tag={tag}")
            found = pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"]
        except helm.Refused:
            found = None
        if found != expected:
            differing[tag] = (found, expected)
    assert not differing
