"""Generate files of the chart: payloads, a script, part of the catalogue, a table of values.

    python scripts/sync_chart.py

They are copies, since Helm warns of every symbolic link; tests/chart checks that they are current.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from packaging.version import Version

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "patch"))

from litellm_overlay.catalogue import patch_files, releases  # noqa: E402 - found by the line above

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from litellm_overlay.catalogue.releases import Catalogue, Release

CHART = ROOT / "charts" / "litellm-overlay"
PAYLOADS, INDEX = "files/payload/", "files/payloads.json"
KEPT = 2  # the default of patch.keepNewest
LIMIT = 1_000_000  # bytes; Kubernetes allows 1,048,576 in a Secret
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"


def main() -> int:
    """Write all generated files, delete other ones; return 1 if the chart would be too large."""
    files = generated()  # all of it first, so that an error leaves the chart as it is
    values = json.dumps(yaml.safe_load((CHART / "values.yaml").read_text()))
    kept = [*json.loads(files[INDEX])][-KEPT:]
    if (size := stored(files, kept, len(values))) > LIMIT:
        print(
            f"error: a release of this chart would be about {size:,} bytes, and Helm stores"
            f" {LIMIT:,}\nhint: carry fewer patch versions: docs/release.md",
            file=sys.stderr,
        )
        return 1
    shutil.rmtree(CHART / "files", ignore_errors=True)
    for name, content in files.items():
        path = CHART / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return 0


def stored(files: dict[str, bytes], kept: Iterable[str], values: int) -> int:
    """Return an upper estimate of the bytes that Helm stores; `values` is the values' length.

    The formula, with measured factors, is that of the helper `litellm-overlay.refuseTooLarge`.
    """
    index = json.loads(files[INDEX])
    carried = sum(len(text) for name, text in files.items() if name.startswith(PAYLOADS))
    rendered = sum(
        len(files[name]) for version in kept for name in index[version]["files"].values()
    )
    return 60_000 + carried * 62 // 100 + rendered * 44 // 100 + values


def generated() -> dict[str, bytes]:
    """Return path in the chart -> content."""
    catalogue = releases.load()
    files = payloads(sorted(catalogue.patch_versions, key=patch_files.version_key))
    files["files/catalogue.json"] = extract(catalogue).encode()
    files["files/drain.sh"] = (ROOT / "manifests" / "drain.sh").read_bytes()
    values, readme = (CHART / "values.yaml").read_text(), (CHART / "README.md").read_text()
    files["README.md"] = with_table(readme, values).encode()
    return files


def payloads(versions: Iterable[str]) -> dict[str, bytes]:
    """Return the payloads' files, and an index: version -> its proof, and path -> file.

    A file that several versions share is included once. Helm stores the chart in each release, of
    at most 1 MiB, and the versions share most of the guard.
    """
    index: dict[str, dict[str, Any]] = {}
    files: dict[str, bytes] = {}
    first: dict[tuple[str, bytes], str] = {}

    def carry(version: str, path: str, content: bytes) -> str:
        name = first.setdefault((path, content), f"{PAYLOADS}{version}/{path}")
        files[name] = content
        return name

    for version in versions:
        index[version] = {
            "proof": carry(version, patch_files.PROOF, patch_files.proof(version).encode()),
            "files": {
                path: carry(version, path, content)
                for path, content in patch_files.files(version).items()
            },
        }
    return {**files, INDEX: (json.dumps(index, indent=1) + "\n").encode()}


def extract(catalogue: Catalogue) -> str:
    """Return the catalogue's JSON for templates, which cannot compare versions as PEP 440 does.

    A "fixed" release has the indexes of those `gaps` that the bridge fixes in it.
    """
    bridge = catalogue.default_patch_version
    gaps = [gap for gap in catalogue.gaps if bridge in gap.fixed_by]

    def row(release: Release) -> dict[str, Any]:
        facts: dict[str, Any] = {
            "state": release.state,
            "paths": [item.path for item in catalogue.paths_of(release.version)],
            "advisories": [item.id for item in release.advisories],
        }
        if release.state == "fixed":
            facts["gaps"] = [gaps.index(gap) for gap in release.gaps if gap in gaps]
        return facts

    rows = [f"    {json.dumps(it.version)}: {json.dumps(row(it))}" for it in catalogue.releases]
    head = {
        "defaultPatchVersion": catalogue.default_patch_version,
        "malicious": {
            "releases": [release.version for release in catalogue.in_state("malicious")],
            "images": dict(catalogue.malicious_images),
        },
        "patchVersions": {name: item.digest for name, item in catalogue.patch_versions.items()},
        "newest": catalogue.releases[-1].version,
        "lines": lines(catalogue),
        "gaps": [gap.what for gap in gaps],
        "patchVersionsByAge": sorted(catalogue.patch_versions, key=patch_files.version_key),
    }
    text = json.dumps(head, indent=2).removesuffix("\n}")
    return text + ',\n  "releases": {\n' + ",\n".join(rows) + "\n  }\n}\n"


def lines(catalogue: Catalogue) -> dict[str, list[str]]:
    """Return line (1.106) -> its newest release, and a version of it that Helm can compare."""
    newest = {}
    for release in catalogue.releases:
        version = Version(release.version)
        line = ".".join(map(str, version.release[:2]))
        comparable = f"{version.base_version}{'-0' if version.is_prerelease else ''}"
        newest[line] = [release.version, comparable]
    return newest


def with_table(readme: str, values: str) -> str:
    """Return the README with its table of values rewritten."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = [
        f"| `{key}` | `{json.dumps(default)}` | {what} |"
        for key, default, what in described(values)
    ]
    table = "\n".join(["| value | default | what it does |", "| --- | --- | --- |", *rows])
    return f"{before}{BEGIN}{table}\n{END}{after}"


def described(values: str) -> Iterator[tuple[str, Any, str]]:
    """Yield dotted key, default and comment of each value that follows a `# --` comment."""
    defaults = yaml.safe_load(values)
    comment: list[str] = []
    parents: list[str] = []
    for line in values.splitlines():
        text = line.strip()
        if text.startswith("# -- "):
            comment = [text.removeprefix("# -- ")]
        elif text.startswith("# ") and comment:
            comment.append(text.removeprefix("# "))
        elif match := re.match(r"( *)(\w+):", line):
            parents = [*parents[: len(match[1]) // 2], match[2]]
            if comment:
                value: Any = defaults
                for key in parents:
                    value = value[key]
                yield ".".join(parents), value, " ".join(comment)
            comment = []


if __name__ == "__main__":
    sys.exit(main())
