"""Find endpoints.py the way the proxy would: through the interpreter of the `litellm` command.

The working directory does not count: many images carry a second, unused copy in /app/litellm.

That interpreter is asked twice. At first it is isolated, so that only its standard library runs,
and says which folders it imports from. Only when no malware is found there does it start as the
proxy would start it, with its .pth files and PYTHONPATH.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from endpoint_patch import traces
from endpoint_patch.errors import ModuleNotFoundInImageError

if TYPE_CHECKING:
    from collections.abc import Iterable

_TIMEOUT_SECONDS = 60
_OWN_FOLDER = '"$(dirname -- "$(realpath -- "$0")")"'  # how uv writes it in a relocatable venv


@dataclass(frozen=True, slots=True)
class Located:
    """What the proxy's interpreter answered.

    `litellm_version` is None where no metadata belongs to the file; `versions` are all that are
    installed; `shadow` is an unchecked .pyc that Python would import in the file's place; `startup`
    is what runs unasked whenever that interpreter starts.
    """

    path: str
    litellm_version: str | None
    versions: tuple[str, ...]
    python: str
    shadow: str | None
    startup: traces.Startup = field(default_factory=traces.Startup)


def locate(path: str | None = None, also: Iterable[str] = ()) -> Located:
    """Ask the interpreter that owns the `litellm` command on PATH, or on another search path.

    `also` are malicious releases of which the plan tells.
    """
    command = shutil.which("litellm", path=path)
    if command is None:
        raise ModuleNotFoundInImageError(f"There is no `litellm` command on {path or 'PATH'}.")
    script = Path(command).resolve()
    interpreter = interpreter_of(script)
    startup = _scan(interpreter, script.parent, also)
    answer = _ask(interpreter, "import_site.py", str(script.parent))
    traces.scan(answer["folders"], (), also=also)  # what a start-up line has added to the path
    if answer["relative"]:
        raise ModuleNotFoundInImageError(
            "PYTHONPATH has an empty or relative entry, so what the proxy imports depends on its"
            " working directory.",
            "Give PYTHONPATH absolute entries only, in both containers.",
        )
    path = answer["path"]
    if path is None or Path(path).name != "endpoints.py":
        raise ModuleNotFoundInImageError(
            f"{interpreter[0]} (Python {answer['python']}) does not find LiteLLM's endpoints.py"
            f" as a source file{f', but {path}' if path else ''}."
        )
    return Located(
        path,
        answer["version"],
        tuple(answer["versions"]),
        answer["python"],
        answer["shadow"],
        startup,
    )


def interpreter_of(script: Path) -> list[str]:
    """Return the command that a console script's first lines name, with its options.

    pip, uv and distlib write three forms: the path itself, `/usr/bin/env name`, and, where the
    path has spaces or is long, a line of sh that Python reads as a string.
    """
    try:
        with script.open("rb") as file:
            head = file.read(4096).decode("utf-8", "surrogateescape")
    except OSError as error:
        raise ModuleNotFoundInImageError(f"Could not read {script}: {error.strerror}.") from error
    words = _words(head, script.parent)
    if not words or not re.match(r"(python|pypy)", Path(words[0]).name):
        raise ModuleNotFoundInImageError(f"{script} is not a console script of a Python package.")
    return words


def _words(head: str, folder: Path) -> list[str]:
    first, _, rest = head.partition("\n")
    words = first[2:].split() if first.startswith("#!") else []
    if words[:1] == ["/bin/sh"]:
        line = rest.partition("\n")[0].replace(_OWN_FOLDER, shlex.quote(str(folder)))
        match = re.fullmatch(r"'''exec' (.+) \"\$0\" \"\$@\"", line.strip())
        try:
            return shlex.split(match[1]) if match else []
        except ValueError:
            return []
    if words and Path(words[0]).name == "env":
        name, *options = [word for word in words[1:] if word != "-S"] or [""]
        return [shutil.which(name) or "", *options]
    return words


def _scan(interpreter: list[str], script_folder: Path, also: Iterable[str]) -> traces.Startup:
    """Look for malware before that interpreter starts in a way that would run it."""
    answer = _ask([*interpreter, "-I", "-S"], "import_folders.py")
    # Relative entries are refused later, by an interpreter that starts in / and has obeyed them.
    search_path = [
        str(Path("/", each)) for each in os.environ.get("PYTHONPATH", "").split(os.pathsep)
    ]
    imports = [str(script_folder), *search_path, *answer["imports"]]
    places = [*answer["prefixes"], os.environ.get("HOME", "")]
    return traces.scan(imports, answer["sites"], places, also=also)


def _ask(interpreter: list[str], name: str, *arguments: str) -> dict[str, Any]:
    """Run one of our files there, and return its answer."""
    program = resources.files("endpoint_patch").joinpath(name).read_text("utf-8")
    try:
        done = subprocess.run(
            [*interpreter, "-c", program, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            cwd="/",
            timeout=_TIMEOUT_SECONDS,
            check=True,
        )
        # What .pth files print comes before it.
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError) as error:
        stderr = getattr(error, "stderr", None) or b""
        last = stderr.decode(errors="replace").strip().splitlines()[-1:] or [type(error).__name__]
        raise ModuleNotFoundInImageError(
            f"{interpreter[0]}, the interpreter of the `litellm` command, did not answer: {last[0]}"
        ) from error
    return answer
