"""The bill of materials of a release, CycloneDX 1.6 in JSON: the same text each time.

It lists what the wheel brings: patch versions with their digests, and Python packages as they are
resolved for Python 3.13 on Linux from what the package index had at the commit's time. A user's
environment may resolve to others within the same bounds.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import subprocess
import uuid
from typing import TYPE_CHECKING

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL
from uv import find_uv_bin

from litellm_overlay.errors import OverlayError

if TYPE_CHECKING:
    from pathlib import Path

NAME = "litellm-overlay"
PYTHON = "3.13"


def bill(source: Path, version: str, commit: str, epoch: int) -> str:
    """Return the text for a source tree; `epoch` is the time of `commit`, in seconds.

    Raises OverlayError if the dependencies cannot be resolved.
    """
    made = dt.datetime.fromtimestamp(epoch, dt.timezone.utc)
    root = Component(
        name=NAME,
        version=version,
        type=ComponentType.APPLICATION,
        bom_ref=NAME,
        purl=PackageURL("pypi", name=NAME, version=version),
        licenses=[DisjunctiveLicense(id="Apache-2.0")],
        properties=[Property(name=f"{NAME}:commit", value=commit)],
    )
    bom = Bom(serial_number=uuid.uuid5(uuid.NAMESPACE_URL, f"{NAME}@{version}#{commit}"))
    bom.metadata.timestamp, bom.metadata.component = made, root
    resolved = resolve(source, made)
    packages = {name: _package(name, number) for name, (number, _) in resolved.items()}
    for name, component in packages.items():
        bom.components.add(component)
        for parent in resolved[name][1]:
            bom.register_dependency(packages.get(parent, root), [component])
    for patch in _patches(source):
        bom.components.add(patch)
        bom.register_dependency(root, [patch])
    text = make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string(indent=2)
    return f"{text}\n"


def resolve(source: Path, when: dt.datetime) -> dict[str, tuple[str, list[str]]]:
    """Return package -> version and the names of the packages that require it, perhaps ours."""
    done = subprocess.run(
        [find_uv_bin(), "pip", "compile", "--quiet", "--no-header", "--annotation-style", "line",
         "--python-version", PYTHON, "--python-platform", "linux",
         "--exclude-newer", when.isoformat(), "pyproject.toml"],
        cwd=source, capture_output=True, check=False, text=True,
    )  # fmt: skip
    if done.returncode:
        raise OverlayError(
            f"the dependencies cannot be resolved:\n{done.stderr.strip()}",
            "the package index is asked for them; is it out of reach?",
        )
    pinned = re.findall(r"^([\w.-]+)==(\S+) +# via (.+)$", done.stdout, re.MULTILINE)
    return {
        name: (version, [parent.partition(" ")[0] for parent in parents.split(", ")])
        for name, version, parents in pinned
    }


def _package(name: str, version: str) -> Component:
    purl = PackageURL("pypi", name=name, version=version)
    return Component(
        name=name, version=version, type=ComponentType.LIBRARY, bom_ref=str(purl), purl=purl
    )


def _patches(source: Path) -> list[Component]:
    """Return the patch versions; a payload's digest covers many files, so it is a property."""
    text = (source / "patch/litellm_overlay/catalogue/catalogue.json").read_text("utf-8")
    return [
        Component(
            name=f"{NAME}-patch",
            version=version,
            type=ComponentType.FILE,
            bom_ref=f"{NAME}-patch@{version}",
            properties=[Property(name=f"{NAME}:payload-digest", value=entry["digest"])],
        )
        for version, entry in json.loads(text)["patch_versions"].items()
    ]
