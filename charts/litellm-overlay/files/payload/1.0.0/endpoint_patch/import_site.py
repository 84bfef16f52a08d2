"""Where would the proxy import endpoints.py from? Answered in the proxy's own interpreter.

`locate` gives the text of this file to that interpreter on `-c`, with the folder of the `litellm`
command as its only argument. The answer is one line of JSON, the last one on stdout. LiteLLM is
looked up, never imported: its import is slow, and nothing of it should run before the check.
`import_folders` has been asked before, and no malware was found where it said.
"""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import importlib.util
import json
import os
import sys
from pathlib import Path

UNCHECKED_HASH = 1  # PEP 552: hash-based, and never compared with the source


def main(script_folder: str) -> dict[str, object]:
    """Return where the module is, its releases, and whatever would make that answer worthless."""
    if sys.path[:1] == [""]:  # -c puts the working directory here, a script its own folder
        sys.path[0] = script_folder
    answer: dict[str, object] = {
        "python": ".".join(map(str, sys.version_info[:3])),
        "path": None,
        "version": None,
        "shadow": None,
        "folders": [folder for folder in sys.path if folder],
        "relative": not sys.flags.ignore_environment and _has_relative_entries(),
    }
    installed = _installed("litellm")
    # From 1.110 on the proxy is a distribution of its own, in the same folder.
    answer["versions"] = [item.version for item in [*installed, *_installed("litellm-proxy")]]
    package = importlib.util.find_spec("litellm")
    if package is None or package.origin is None:
        return answer
    root = Path(package.origin).parent
    module = importlib.machinery.PathFinder.find_spec(
        "litellm.proxy.response_api_endpoints.endpoints",
        [str(root / "proxy" / "response_api_endpoints")],
    )
    if module is None or module.origin is None:
        return answer
    answer["path"] = module.origin
    answer["version"] = next((item.version for item in installed if _owns(item, root)), None)
    answer["shadow"] = _shadow(module.cached)
    return answer


def _installed(name: str) -> list[importlib.metadata.Distribution]:
    """Return every distribution of a name, hidden by another or not."""
    return [item for item in importlib.metadata.distributions(name=name) if item.version]


def _has_relative_entries() -> bool:
    """Say whether PYTHONPATH makes the import depend on the proxy's working directory."""
    value = os.environ.get("PYTHONPATH") or "/"
    return not all(Path(item).is_absolute() for item in value.split(os.pathsep))


def _owns(distribution: importlib.metadata.Distribution, package: Path) -> bool:
    """Say whether it installed this package folder; PYTHONPATH may have put another in front."""
    return Path(str(distribution.locate_file("litellm"))).resolve() == package.resolve()


def _shadow(cached: str | None) -> str | None:
    """Return the .pyc that Python would take without a look at the source, if there is one."""
    try:
        head = Path(cached or "").read_bytes()[:8]
    except OSError:
        return None
    unchecked = head == importlib.util.MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little")
    return cached if unchecked else None


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(sys.argv[1])) + "\n")
