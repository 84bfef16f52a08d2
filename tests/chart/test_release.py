"""A later release of the chart renders an earlier one's pods, within what Helm can store."""

from __future__ import annotations

import base64
import gzip
import json
import random
import re
import shutil
import tarfile

import pytest
import yaml

import chart_archive
import sync_chart
from litellm_overlay.catalogue import patch_files, releases
from support import helm, scratch

PATCHES = releases.load().patch_versions


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Return the archives of two releases, between which guard and catalogue change."""
    return scratch.charts(tmp_path_factory.mktemp("release"))


def parts(chart, *arguments):
    """Return the text of the pod template, and {name: text of the data} of the payloads."""
    texts = helm.template(*helm.LEAST, *arguments, chart=chart).split("\n---\n")
    (deployment,) = (text for text in texts if "\nkind: Deployment\n" in text)
    payloads = {}
    for text in texts:
        if "component: payload\n" in text:
            head, data = text.split("\ndata:\n")
            payloads[yaml.safe_load(head)["metadata"]["name"]] = data
    return deployment.partition("\n  template:\n")[2], payloads


def of_version(payloads, patch):
    """Return (name, data) of the one payload of a patch version."""
    (result,) = ((name, data) for name, data in payloads.items() if f"-{patch}-" in name)
    return result


@pytest.mark.parametrize("patch", PATCHES)
def test_pods_of_the_first_come_from_the_second_with_the_pin(two, patch):
    """With the pin the second release renders the first one's pods and payload, byte for byte."""
    pin = ("--set-string", f"patch.version={patch}")
    (pod, payloads), (later_pod, later_payloads) = (parts(chart, *pin) for chart in two)
    assert f'patch-version: "{patch}"' in pod
    assert later_pod == pod
    assert of_version(later_payloads, patch) == of_version(payloads, patch)


def test_who_does_not_pin_gets_the_fixed_one(two):
    """Without a pin the second release has the fixed version, and still the first one's payload.

    So `kubectl rollout undo` works.
    """
    (pod, payloads), (later_pod, later_payloads) = map(parts, two)
    assert parts(two[1], "--set-string", f"patch.version={scratch.DEFAULT}")[0] == pod
    assert f'patch-version: "{scratch.FIXED}"' in later_pod
    assert of_version(later_payloads, scratch.DEFAULT) == of_version(payloads, scratch.DEFAULT)


def test_the_archive_has_what_helm_would_pack(two, tmp_path):
    """Our archive has the files of `helm package`, and renders as the chart does."""
    first, _ = two
    with tarfile.open(first) as archive:
        archive.extractall(tmp_path, filter="data")
    chart = tmp_path / "litellm-overlay"
    helm.run("package", chart, "--destination", tmp_path)
    (packed,) = tmp_path.glob("*.tgz")

    def members(path):
        with tarfile.open(path) as archive:
            return {item.name: archive.extractfile(item).read() for item in archive.getmembers()}

    ours, theirs = members(first), members(packed)
    about = "litellm-overlay/Chart.yaml"
    assert yaml.safe_load(ours.pop(about)) == yaml.safe_load(theirs.pop(about))
    assert ours == theirs
    assert helm.template(*helm.LEAST, chart=first) == helm.template(*helm.LEAST, chart=chart)


def versions_of(*arguments, chart=helm.CHART):
    """Return the patch versions whose payload is rendered."""
    _, payloads = parts(chart, *arguments)
    return [re.search(r"-(\d+\.\d+\.\d+)-", name)[1] for name in payloads]


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    """Return a chart with eleven more patch versions, whose files have nothing in common."""
    chart = tmp_path_factory.mktemp("many") / "litellm-overlay"
    shutil.copytree(helm.CHART, chart)
    own = {version: patch_files.files(version) for version in PATCHES}
    shuffle = random.Random(11)
    for minor in range(1, 12):
        own[f"3.{minor}.0"] = {
            path: b"\n".join(sorted(text.split(b"\n"), key=lambda _: shuffle.random()))
            for path, text in own[scratch.DEFAULT].items()
        }
    return write(chart, own)


def write(chart, own):
    """Replace a chart's payloads; return the chart."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(patch_files, "files", own.__getitem__)
        for name, content in sync_chart.payloads(own).items():
            (chart / name).parent.mkdir(parents=True, exist_ok=True)
            (chart / name).write_bytes(content)
    known = json.loads((chart / "files" / "catalogue.json").read_text())
    known["patchVersionsByAge"] = list(own)
    known["patchVersions"] = {
        version: known["patchVersions"].get(version, "0" * 64) for version in own
    }
    (chart / "files" / "catalogue.json").write_text(json.dumps(known))
    return chart


@pytest.fixture
def several(many, tmp_path):
    """Return a chart with the first three of those versions."""
    chart = tmp_path / "litellm-overlay"
    shutil.copytree(many, chart)
    known = json.loads((chart / "files" / "catalogue.json").read_text())
    kept = known["patchVersionsByAge"] = known["patchVersionsByAge"][: len(PATCHES) + 3]
    (chart / "files" / "catalogue.json").write_text(json.dumps(known))
    for folder in (chart / "files" / "payload").iterdir():
        if folder.name not in kept:
            shutil.rmtree(folder)
    return chart


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ((), "3.2.0 3.3.0"),
        (("--set", "patch.keepNewest=1"), "3.3.0"),
        (("--set", "patch.keepNewest=1", "--set-string", "patch.version=3.2.0"), "3.2.0 3.3.0"),
        (
            ("--set", "patch.keepNewest=1", "--set-json", 'patch.keepVersions=["1.0.0","3.1.0"]'),
            "1.0.0 3.1.0 3.3.0",
        ),
        (("--set", "patch.keepNewest=1,patch.enabled=false"), "3.3.0"),
    ],
)
def test_which_payloads_are_rendered(several, given, kept):
    """The newest payloads are rendered, the pinned or default one, and those to keep."""
    only = ("--show-only", "templates/payload.yaml")
    items = yaml.safe_load_all(helm.template(*helm.LEAST, *given, *only, chart=several))
    results = {item["metadata"]["labels"]["app.kubernetes.io/version"] for item in items}
    assert results == {
        *kept.split(),
        scratch.DEFAULT if "patch.version" not in str(given) else "3.3.0",
    }


def secret(chart, *arguments):
    """Return the number of bytes that Helm stores of a release: base64 of gzip of JSON."""

    def data(path):
        return base64.b64encode(path.read_bytes()).decode()

    names = [name for path, name in chart_archive.members(chart)]
    not_files = ("templates/", "Chart.yaml", "values.", ".helmignore")
    release = {
        "name": "litellm",
        "info": {"status": "deployed", "notes": (chart / "templates" / "NOTES.txt").read_text()},
        "chart": {
            "metadata": yaml.safe_load((chart / "Chart.yaml").read_text()),
            "templates": [
                {"name": name, "data": data(chart / name)}
                for name in names
                if name.startswith("templates/")
            ],
            "values": yaml.safe_load((chart / "values.yaml").read_text()),
            "schema": data(chart / "values.schema.json"),
            "files": [
                {"name": name, "data": data(chart / name)}
                for name in names
                if not name.startswith(not_files)
            ],
        },
        "manifest": helm.template(*helm.LEAST, *arguments, chart=chart),
    }
    return len(base64.b64encode(gzip.compress(json.dumps(release).encode())))


def estimated(chart, kept):
    """Return the chart's estimate of that number, with its own values."""
    files = {
        path.relative_to(chart).as_posix(): path.read_bytes()
        for path in (chart / "files").rglob("*")
        if path.is_file()
    }
    values = json.dumps(yaml.safe_load((chart / "values.yaml").read_text()))
    return sync_chart.stored(files, kept, len(values))


def test_the_estimate_is_never_too_small(several):
    """The estimate is never too small, and at most a third too large."""
    for chart, kept in (
        (helm.CHART, [*PATCHES]),
        (several, ["2.0.0", "3.2.0", "3.3.0"]),
    ):
        real, guess = secret(chart), estimated(chart, kept)
        assert real <= guess <= real * 4 // 3


def test_a_release_that_helm_could_not_store_is_refused(many):
    """A release too large for Helm is refused with its size, the limit and a cure."""
    with pytest.raises(helm.Refused) as refused:
        helm.template(*helm.LEAST, "--set", "patch.keepNewest=99", chart=many)
    match = re.search(
        r"about (\d+) kB, and Helm can store 1,048: the payloads of (\d+) patch", str(refused.value)
    )
    every = json.loads((many / "files" / "payloads.json").read_text())
    assert int(match[2]) == len(every)
    assert abs(int(match[1]) - estimated(many, every) // 1000) <= 1
    assert "Lower patch.keepNewest" in str(refused.value)


def test_large_values_count(tmp_path):
    """A config of a megabyte is refused."""
    noise = random.Random(1).randbytes(500_000).hex()
    big = tmp_path / "values.yaml"
    big.write_text(yaml.safe_dump({"config": {"litellm_settings": {"noise": noise}}}))
    with pytest.raises(helm.Refused, match="values of 10"):
        helm.template(*helm.LEAST, "--values", big)


def test_a_version_to_keep_must_be_there():
    """A version to keep that does not exist is refused, before a pod waits for its payload."""
    given = ("--set-json", 'patch.keepVersions=["9.9.9"]')
    with pytest.raises(helm.Refused, match=r"keepVersions: there is no patch version 9\.9\.9 in"):
        helm.template(*helm.LEAST, *given)
