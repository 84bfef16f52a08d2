"""Which folders does an interpreter import from? Answered by it, isolated and without `site`.

`locate` gives the text of this file to that interpreter on `-I -S -c`: then no .pth file, no
sitecustomize and nothing on PYTHONPATH runs, only the standard library. The answer is one line of
JSON: `imports`; `sites`, in which .pth files would count; and `prefixes`, that they lie below.
"""

from __future__ import annotations

import json
import site
import sys
from pathlib import Path


def main() -> dict[str, list[str]]:
    """Return the folders, those of a virtual environment too, which only `site` would find.

    Without system packages a virtual environment reads only its own .pth files. The other folders
    are searched all the same.
    """
    here = Path(sys.executable)
    prefixes = {sys.prefix, sys.exec_prefix, sys.base_prefix, sys.base_exec_prefix}
    prefixes |= {str(path.parent.parent) for path in (here, here.resolve())}
    every = [*site.getsitepackages(sorted(prefixes)), site.getusersitepackages()]
    own = here.parent.parent
    alone = _is_alone(own)
    return {
        "imports": [*sys.path, *every],
        "sites": site.getsitepackages([str(own)]) if alone else every,
        "prefixes": sorted(prefixes),
    }


def _is_alone(prefix: Path) -> bool:
    """Say whether this is a virtual environment that leaves out the system's packages."""
    try:
        text = (prefix / "pyvenv.cfg").read_text("utf-8", "replace")
    except OSError:
        return False
    words = ("".join(line.split()).lower() for line in text.splitlines())
    return "include-system-site-packages=true" not in words


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()) + "\n")
