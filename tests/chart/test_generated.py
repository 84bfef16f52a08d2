"""The files that scripts/sync_chart.py copies into the chart equal their sources."""

from __future__ import annotations

import json
import shutil

import pytest
import yaml

import sync_chart
from litellm_overlay import __version__
from litellm_overlay.catalogue import assessment, releases
from litellm_overlay.errors import NotInCatalogueError, OverlayError
from litellm_overlay.objects.access import is_payload
from litellm_overlay.overlay import payload, plan, values
from support import helm

HINT = "python scripts/sync_chart.py"


def test_the_copies_are_equal():
    """The chart's copies are equal to their sources, and no old file is left."""
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
    """The chart has the package's version, the default patch as appVersion, and the right image."""
    chart = yaml.safe_load((helm.CHART / "Chart.yaml").read_text())
    assert chart["version"] == __version__
    assert chart["appVersion"] == releases.load().default_patch_version
    image = yaml.safe_load((helm.CHART / "values.yaml").read_text())["image"]
    assert image["tag"] == f"v{releases.load().newest_affected}"
    listed = f"image: {image['repository']}:{image['tag']}\n"
    assert listed in chart["annotations"]["artifacthub.io/images"]


@pytest.mark.parametrize("version", releases.load().patch_versions)
def test_a_config_map_holds_the_payload(version):
    """A payload's ConfigMap has exactly its files, and the digest in its name."""
    digest = payload.digest(version)
    item = helm.objects(*helm.LEAST)["ConfigMap", f"litellm-{version}-{digest[:12]}"]
    expected = {
        path.replace("/", "."): content.decode() for path, content in payload.files(version).items()
    }
    assert item["data"] == expected
    assert item["immutable"] is True
    assert is_payload(item)


def tags():
    """Yield image tags on both sides of every limit, and some without a release."""
    styles = ("v{}", "main-v{}-stable")
    releases = [
        "1.81.0",
        "1.82.1",
        "1.82.3",
        "1.82.7",
        "1.83.7",
        "1.83.10",
        "1.88.6",
        "1.89.0",
        "1.96.1",
        "1.109.1",
        "1.109.99",
        "1.999.0",
        "2026.11.26",
    ]
    yield from (style.format(release) for style in styles for release in releases)
    yield from ("v1.999.0-rc.1", "v1.83.99-stable.patch.1")
    yield from ("v1.84.0-rc.1", "v1.84.0rc1", "v1.83.5-rc.7", "v1.84.0.dev2", "v1.84.0-dev.2")
    yield from ("latest", "main-stable", "1.9")


def forms_of(version):
    """Return the image tags that a release can have, with pre-releases in both spellings."""
    dashed = version.replace("rc", "-rc.").replace(".dev", "-dev.")
    heads = [
        f"{head}{name}" for head in ("", "v", "main-v", "fips-v") for name in {version, dashed}
    ]
    tails = ("", "-stable", "-nightly", "-stable.1", "-stable.patch.2", "-alpine")
    return [f"{head}{tail}" for head in heads for tail in tails]


def read_by_toolkit(tag):
    """Return the catalogue's release for an image tag, or None."""
    try:
        assessed = assessment.assess(f"ghcr.io/berriai/litellm:{tag}", releases.load()).release
    except NotInCatalogueError:
        return None
    return None if assessed.state == releases.UNREVIEWED else assessed.version


READ = """\
{{- $known := (.Files.Get "files/catalogue.json" | fromJson).releases }}
{{- range .Files.Get "files/tags.json" | fromJsonArray }}
{{- $values := dict "image" (dict "tag" .) }}
{{ . | quote }}: {{ include "litellm-overlay.release" (dict "Values" $values "releases" $known) | quote }}
{{- end }}
"""


def test_every_release_is_read_as_the_toolkit_reads_it(tmp_path):
    """The chart reads each form of every release's tag as the toolkit does."""
    chart = tmp_path / "chart"
    shutil.copytree(helm.CHART, chart)
    versions = [release.version for release in releases.load().releases]
    tags = [tag for release in versions for tag in forms_of(release)]
    (chart / "files" / "tags.json").write_text(json.dumps(tags))
    (chart / "templates" / "read.yaml").write_text(READ)
    only = ("--show-only", "templates/read.yaml")
    data = yaml.safe_load(helm.template(*helm.LEAST, *only, chart=chart))
    assert data.keys() == set(tags)
    for tag in tags:
        assert (data[tag] if data[tag] in versions else None) == read_by_toolkit(tag), tag


def test_tags_are_read_as_the_toolkit_reads_them():
    """Chart and toolkit choose the same path for an image tag, or both refuse it."""
    differing, planner = {}, plan.Planner.from_values(values.OverlayValues())
    for tag in tags():
        proxy = plan.from_values(values.OverlayValues(image=f"ghcr.io/berriai/litellm:{tag}"))
        try:
            expected = planner.plan(proxy).module_path
        except OverlayError:
            expected = None
        try:
            pod = helm.pod_of(*helm.LEAST, "--set-string", f"image.tag={tag}")
            result = pod["spec"]["containers"][0]["volumeMounts"][0]["mountPath"]
        except helm.Refused:
            result = None
        if result != expected:
            differing[tag] = (result, expected)
    assert not differing
