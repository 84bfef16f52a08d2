"""Copy into the chart what it carries: payloads, what it asks of the catalogue, its README's table.

    python scripts/sync_chart.py

Helm warns of every symbolic link, so these are copies; tests/chart holds them equal.
"""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from litellm_overlay import catalogue, payload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.catalogue import Catalogue

CHART = Path(__file__).parents[1] / "charts" / "litellm-overlay"
BEGIN, END = "<!-- values: begin -->\n", "<!-- values: end -->\n"


def main() -> None:
    """Write all generated files; those that are no longer generated go."""
    files = generated()  # all of it first, so that an error leaves the chart as it is
    shutil.rmtree(CHART / "files", ignore_errors=True)
    for name, content in files.items():
        path = CHART / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def generated() -> dict[str, bytes]:
    """Return path in the chart -> content."""
    known = catalogue.load()
    files = {
        f"files/payload/{version}/{path}": content
        for version in known.patch_versions
        for path, content in payload.files(version).items()
    }
    files["files/catalogue.json"] = extract(known).encode()
    values, readme = (CHART / "values.yaml").read_text(), (CHART / "README.md").read_text()
    files["README.md"] = with_table(readme, values).encode()
    return files


def extract(known: Catalogue) -> str:
    """Return the catalogue's JSON for templates, which cannot compare versions as PEP 440 does."""
    rows = [
        f"    {json.dumps(release.version)}: "
        + json.dumps(
            {
                "state": release.state,
                "paths": [item.path for item in known.paths_of(release.version)],
                "advisories": [item.id for item in release.advisories],
            }
        )
        for release in known.releases
    ]
    head = {
        "defaultPatchVersion": known.default_patch_version,
        "patchVersions": {name: item.digest for name, item in known.patch_versions.items()},
    }
    text = json.dumps(head, indent=2).removesuffix("\n}")
    return text + ',\n  "releases": {\n' + ",\n".join(rows) + "\n  }\n}\n"


def with_table(readme: str, values: str) -> str:
    """Return the README with its table of values made anew."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = [
        f"| `{key}` | `{json.dumps(default)}` | {what} |"
        for key, default, what in described(values)
    ]
    table = "\n".join(["| value | default | what it does |", "| --- | --- | --- |", *rows])
    return f"{before}{BEGIN}{table}\n{END}{after}"


def described(values: str) -> Iterator[tuple[str, Any, str]]:
    """Yield dotted key, default and comment of each value that has a `# --` comment before it."""
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
    main()
