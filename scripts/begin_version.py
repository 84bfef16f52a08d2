"""Begin a patch version as a copy of another: to fix a guard, or an endpoint, once released.

    scripts/begin_version.py 2.0.1 --after 2.0.0

Copies the folder in `endpoint_patch`, and the entry in the catalogue; the new version fixes
the gaps that the old one does. It becomes the default if the old one was. Then change what is to
be changed; its tests, and `scripts/freeze_version.py && make generate`, are for you.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "patch"), str(ROOT / "scripts")]

from catalogue_files import CATALOGUE, write  # noqa: E402 - found by the line above
from litellm_overlay.catalogue import patch_files  # noqa: E402


def main() -> int:
    """Copy the old version's folder and catalogue entry, and add the new one to its gaps; return 0.

    If the old version was the default, the new one becomes it, in the chart too.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("version")
    parser.add_argument("--after", metavar="VERSION", required=True)
    options = parser.parse_args()
    version, after = options.version, options.after
    catalogue = json.loads(CATALOGUE.read_text("utf-8"))
    versions = catalogue["patch_versions"]
    old, new = (ROOT / "patch" / patch_files.folder(name) for name in (after, version))
    if not re.fullmatch(r"\d+\.\d+\.\d+", version, re.ASCII) or version in versions:
        parser.error(f"{version} is no version, or there is one already")
    if after not in versions or not old.is_dir():
        parser.error(f"there is no patch version {after} in patch/endpoint_patch")
    shutil.copytree(old, new, ignore=shutil.ignore_patterns("__pycache__"))
    about = new / "__init__.py"
    about.write_text(about.read_text("utf-8").replace(after, version), "utf-8")
    entry = {key: versions[after][key] for key in ("line", "summary")}
    digest = patch_files.digest(version)
    every = {**versions, version: {"digest": digest, **entry}}
    catalogue["patch_versions"] = {
        name: every[name] for name in sorted(every, key=patch_files.version_key)
    }
    for gap in catalogue["gaps"]:
        if after in gap["fixed_by"]:
            gap["fixed_by"].append(version)
    if catalogue["default_patch_version"] == after:
        catalogue["default_patch_version"] = version
        about = ROOT / "charts" / "litellm-overlay" / "Chart.yaml"
        lines = re.sub(
            r"(?m)^appVersion: .*$", f'appVersion: "{version}"', about.read_text("utf-8")
        )
        about.write_text(lines, "utf-8")
    write(CATALOGUE, catalogue)
    print(f"{version}: patch/{patch_files.folder(version)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
