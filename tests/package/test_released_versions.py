"""A later release renders an earlier one's pods byte for byte, and no change goes unnoticed.

Guard and catalogue have changed between the two releases, which are installed from their wheels.
"""

from __future__ import annotations

import json
import re
import shutil
import sys

import pytest
from uv import find_uv_bin

from fakes.endpoint_module import STOCK
from litellm_overlay.catalogue import releases
from support import scratch
from support.scratch import FIRST, SECOND

IMAGE = "ghcr.io/berriai/litellm:v1.88.6"
WORKLOAD = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: litellm}
spec:
  selector: {matchLabels: {app: litellm}}
  template:
    metadata: {labels: {app: litellm}}
    spec:
      containers:
      - name: litellm
        image: ghcr.io/berriai/litellm:v1.88.6
"""


@pytest.fixture(scope="module")
def wheels(two):
    """Return a function that runs a release's command from its wheel."""
    installed = {}
    for version in (FIRST, SECOND):
        (wheel,) = (two / "dist" / version).glob("*.whl")
        target = two.parent / version
        pip = (find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--python", sys.executable)
        scratch.run(*pip, "--target", target, wheel, cwd=two.parent)
        installed[version] = target

    def overlay(version, *arguments):
        command = [sys.executable, "-m", "litellm_overlay", *arguments]
        return scratch.run(*command, cwd=two.parent, PYTHONPATH=str(installed[version]))

    return overlay


def test_the_wheels_are_what_runs(wheels):
    """The installed wheels run, not this checkout, which comes later on the path."""
    assert [wheels(version, "--version").split()[-1] for version in (FIRST, SECOND)] == [
        FIRST,
        SECOND,
    ]


@pytest.mark.parametrize("format_", ["manifests", "patch", "kustomize"])
@pytest.mark.parametrize("patch", releases.load().patch_versions)
def test_pods_of_the_first_come_from_the_second_with_the_pin(two, wheels, patch, format_):
    """With the pin the second release renders the first one's pods and payload, byte for byte."""
    arguments = ["render", "--format", format_, "--image", IMAGE, "--patch", patch]
    rendered = []
    for version in (FIRST, SECOND):
        folder = two.parent / f"{format_}-{patch}-{version}"
        wheels(version, *arguments, "--folder", folder)
        files = {path.name: path.read_text() for path in folder.iterdir()}
        documents = [text for name in sorted(files) for text in files[name].split("\n---\n")]
        rendered.append({text.strip() for text in documents})
    first, second = rendered
    own = f"name: litellm-overlay-{patch}-"  # the two newest are there too
    others = {text for text in first if "\nkind: ConfigMap\n" in text and own not in text}
    assert first - others <= second
    assert any(own in text for text in first)
    assert sum(f"-{scratch.FIXED}-" in text for text in second - first) == len(second - first)
    assert f'litellm-overlay/patch-version: "{patch}"' in "\n".join(first)


def test_injected_pods_are_the_same(two, wheels):
    """With the old default as its pin the second release injects the same pods as the first.

    Without a pin it injects the fixed version.
    """
    (two.parent / "workload.yaml").write_text(WORKLOAD)

    def deployment(version, *arguments):
        command = "litellm_overlay", "inject", *arguments
        shell = f"{sys.executable} -m {' '.join(command)} < workload.yaml"
        path = str(two.parent / version)
        text = scratch.run("sh", "-c", shell, cwd=two.parent, PYTHONPATH=path)
        return next(it for it in text.split("---\n") if "kind: Deployment" in it)

    first = deployment(FIRST)
    assert deployment(SECOND, "--patch", scratch.DEFAULT) == first
    assert f"-{scratch.FIXED}-" in deployment(SECOND)


def test_a_lock_of_the_first_holds_in_the_second(two, wheels):
    """A lock of the first release works with the second, since the payload's digest is the same."""
    lock = two.parent / "litellm-overlay.lock"
    wheels(FIRST, "pin", "--image", IMAGE, "--lock", str(lock))
    arguments = ("render", "--format", "patch", "--lock", str(lock))
    assert wheels(SECOND, *arguments) == wheels(FIRST, *arguments)


def test_what_the_pod_would_write_is_what_its_own_guard_writes(two, wheels):
    """`diff` of a released version runs the released guard, not the fixed one."""
    path = two.parent / "endpoints.py"
    path.write_bytes(STOCK)
    asked = ("diff", str(path), "--output", "json", "--patch")
    first, second = (json.loads(wheels(it, *asked, scratch.DEFAULT)) for it in (FIRST, SECOND))
    assert second == first
    assert (first["decision"], first["upstream"]) == ("patched", "affected")
    fixed = json.loads(wheels(SECOND, *asked, scratch.FIXED))
    assert "# litellm-overlay, mended: " in fixed["diff"]
    assert fixed["stockSha256"] == first["stockSha256"]


@pytest.mark.parametrize(
    "content", [STOCK + b"# mine\n", STOCK[: STOCK.index(b"@router.websocket")]]
)
def test_what_the_released_guard_refuses(two, wheels, content):
    """A released guard refuses with its old messages, and `diff` exits with 3."""
    path = two.parent / "mine.py"
    path.write_bytes(content)
    messages = set()
    for version in (FIRST, SECOND):
        with pytest.raises(scratch.Failed) as refused:
            wheels(version, "diff", str(path), "--patch", scratch.DEFAULT)
        messages.add((refused.value.code, str(refused.value)))
    ((code, sentence),) = messages
    assert code == 3
    assert sentence.startswith("error: LiteLLM (version unknown) ")
    assert "\nhint: " in sentence


def test_only_the_new_version_has_what_is_new(two):
    """Only the new version has the fix and the table with the later file."""
    payloads = two / "patch" / "payloads"
    known = json.loads((two / scratch.CATALOGUE).read_text())["patch_versions"]
    assert {path.name for path in payloads.iterdir() if path.is_dir()} == known.keys()
    for version, entry in known.items():
        new = version == scratch.FIXED
        package = payloads / version / "endpoint_patch"
        assert ("mended" in (package / "edits.py").read_text()) is new
        assert (scratch.LATER in (package / "stock_files.json").read_text()) is new
        assert (entry["released_in"] == SECOND) is new


def test_the_table_alone_needs_no_new_version(again):
    """A release with only a new table has no new patch version, since guards recognize handlers."""
    scratch.change(again, scratch.TABLE, scratch.LATER, "e" * 64)
    scratch.script(again, "freeze_version.py", "--release", "90.3.0")
    scratch.script(again, "freeze_version.py", "--check")
    known = json.loads((again / scratch.CATALOGUE).read_text())["patch_versions"]
    assert "90.3.0" not in {entry["released_in"] for entry in known.values()}


def test_the_next_malware_reaches_the_pods_of_a_released_version(again):
    """A new malicious release reaches the pods of a released version, by the plan."""
    scratch.warn(again, "9.9.9")
    scratch.script(again, "freeze_version.py", "--check")
    arguments = ("render", "--format", "patch", "--image", IMAGE, "--patch", scratch.DEFAULT)
    command = (sys.executable, "-m", "litellm_overlay", *arguments)
    rendered = scratch.run(*command, cwd=again, PYTHONPATH=str(again / "patch"))
    assert re.search(r'"compromised":\[[^]]*"9\.9\.9"\]', rendered)


@pytest.mark.parametrize(
    ("version", "after", "sentence"),
    [
        (scratch.DEFAULT, scratch.DEFAULT, "is no version, or there is one already"),
        ("3.x", scratch.DEFAULT, "is no version, or there is one already"),
        ("9.0.0", "8.0.0", "there is no patch version 8.0.0 in patch/endpoint_patch"),
    ],
)
def test_a_version_that_cannot_begin(again, version, after, sentence):
    """A version that cannot begin is refused with a sentence, and nothing is written."""
    with pytest.raises(scratch.Failed) as refused:
        scratch.script(again, "begin_version.py", version, "--after", after)
    assert refused.value.code == 2
    assert sentence in str(refused.value)
    assert scratch.run("git", "status", "--porcelain", cwd=again) == ""


def touched(place):
    with (place / f"patch/payloads/{scratch.DEFAULT}/endpoint_patch/edits.py").open("a") as file:
        file.write("# x\n")


def touched_and_entered(place):
    """Change a file, and its digest in the catalogue."""
    touched(place)
    code = f"from litellm_overlay.catalogue import patch_files; print(patch_files.digest({scratch.DEFAULT!r}))"
    path = str(place / "patch")
    digest = scratch.run(sys.executable, "-c", code, cwd=place, PYTHONPATH=path).strip()
    known = json.loads((place / scratch.CATALOGUE).read_text())["patch_versions"]
    scratch.change(place, scratch.CATALOGUE, known[scratch.DEFAULT]["digest"], digest)


def taken_away(place):
    """Remove a version's files and its mark as released."""
    shutil.rmtree(place / "patch" / "payloads" / scratch.DEFAULT)
    catalogue = json.loads((place / scratch.CATALOGUE).read_text())
    del catalogue["patch_versions"][scratch.DEFAULT]["released_in"]
    (place / scratch.CATALOGUE).write_text(json.dumps(catalogue))


def folder_gone(place):
    shutil.rmtree(place / "patch" / "payloads" / scratch.DEFAULT)


def source_changed(place):
    name = f"patch/endpoint_patch/versions/v{scratch.DEFAULT.replace('.', '_')}/__init__.py"
    with (place / name).open("a") as file:
        file.write("# x\n")


def proof_changed(place):
    with (place / f"patch/payloads/{scratch.DEFAULT}/prove.py").open("a") as file:
        file.write("# x\n")


def template_changed(place):
    scratch.change(place, "manifests/_overlay.yaml.j2", "sizeLimit: 4Mi", "sizeLimit: 8Mi")


def pod_entered(place):
    """Change a template, and the recorded pods of the release."""
    template_changed(place)
    path = f"patch/payloads/{scratch.DEFAULT}/pod.yaml"
    scratch.change(place, path, "sizeLimit: 4Mi", "sizeLimit: 8Mi")


@pytest.mark.parametrize(
    ("act", "committed", "sentence"),
    [
        (touched, False, f"patch {scratch.DEFAULT} has the digest "),
        (touched_and_entered, True, f"patch {scratch.DEFAULT} is not what was released in commit "),
        (taken_away, True, f"patch {scratch.DEFAULT} was released in commit "),
        (
            folder_gone,
            False,
            f"{scratch.DEFAULT} is released, as the catalogue says, but has no folder",
        ),
        (source_changed, False, "is not what was released as patch "),
        (proof_changed, False, f"pods of patch {scratch.DEFAULT} are rendered otherwise than"),
        (template_changed, False, f"pods of patch {scratch.DEFAULT} are rendered otherwise than"),
        (pod_entered, True, f"patch {scratch.DEFAULT} is not what was released in commit "),
    ],
    ids=lambda item: getattr(item, "__name__", ""),
)
def test_what_was_released_cannot_change_unseen(again, act, committed, sentence):
    """`freeze_version.py --check` finds every change to a release, even a committed one."""
    act(again)
    if committed:
        scratch.commit(again, "Change what was released")
    with pytest.raises(scratch.Failed) as refused:
        scratch.script(again, "freeze_version.py", "--check")
    assert sentence in str(refused.value)
    assert "\nhint: " in str(refused.value)
