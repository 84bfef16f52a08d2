"""Write the digest of every patch version's payload into the catalogue, or compare.

    scripts/freeze_version.py           write
    scripts/freeze_version.py --check   compare, write nothing; exit code 1 if one differs

A released patch version never changes. So once a version is released, a digest that differs means
that the change belongs into a new version.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "patch"), str(ROOT / "scripts")]

from litellm_overlay import payload  # noqa: E402
from map_releases import CATALOGUE, write  # noqa: E402 - found by the line above


def main() -> int:
    """Write or compare."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    options = parser.parse_args()
    catalogue = json.loads(CATALOGUE.read_text("utf-8"))
    differing = 0
    for version, entry in catalogue["patch_versions"].items():
        digest = payload.digest(version)
        if entry["digest"] != digest:
            differing += 1
            print(f"{version}: catalogue {entry['digest'] or 'none'}, payload {digest}")
        entry["digest"] = digest
    if options.check:
        return 1 if differing else 0
    write(CATALOGUE, catalogue)
    return 0


if __name__ == "__main__":
    sys.exit(main())
