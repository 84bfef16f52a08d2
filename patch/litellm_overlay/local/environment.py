"""Install stock LiteLLM with uv into the cache, with its dependencies as of the release's date.

An old LiteLLM has open version ranges. Resolved today, it would get a FastAPI that is too new. So
uv ignores everything that was uploaded more than three days after the release.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from uv import find_uv_bin

from litellm_overlay.catalogue import releases
from litellm_overlay.errors import OverlayError
from litellm_overlay.local import overrides
from litellm_overlay.local.cache import Progress, cache_root, locked, removed_on_failure

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDPOINTS = Path("litellm/proxy/response_api_endpoints/endpoints.py")
PYTHONS = ((3, 10), (3, 13))  # oldest and newest that affected releases, and their wheels, support
GRACE = dt.timedelta(days=3)  # for dependencies that were released together with LiteLLM
# Variables that would leak the caller's environment into the new one.
LEAKS = {"CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_EXCLUDE_NEWER", "UV_PYTHON", "VIRTUAL_ENV"}


@dataclass(frozen=True, slots=True)
class LiteLLMEnvironment:
    """A virtual environment that holds one LiteLLM release with its proxy."""

    version: str
    root: Path
    python: Path
    console_script: Path
    endpoints: Path


def create(
    version: str,
    *,
    name: str = "stock",
    extra: Sequence[str] = (),
    cache: Path | None = None,
    progress: Progress = print,
) -> LiteLLMEnvironment:
    """Return the environment of that name and release; build it if the cache lacks it.

    `name` keeps environments of one release apart, of which one may be patched. `extra` are further
    requirements, resolved as of the same date.
    """
    release = installable_release(version)
    version = release.version  # "v1.84.0-rc.1" is 1.84.0rc1
    python = find_python()
    folder = f"{name}-{version}-py{python_minor(python)}"
    if extra:
        folder += "-" + hashlib.sha256("\n".join(extra).encode()).hexdigest()[:8]
    root = cache_root(cache) / "environments" / folder
    complete = root / "complete"
    with locked(root):
        if not complete.exists() or not (root / "bin" / "python").exists():
            cutoff = dt.date.fromisoformat(release.uploaded) + GRACE
            progress(f"installing LiteLLM {version} ({name}) as of {cutoff}; 400 to 500 MiB, once")
            with removed_on_failure(root):
                uv("venv", "--quiet", "--python", str(python), str(root))
                install(root, release, cutoff, extra, progress)
                check_sha256(endpoints_below(root).read_bytes(), release)
                complete.touch()
    return LiteLLMEnvironment(
        version=version,
        root=root,
        python=root / "bin" / "python",
        console_script=root / "bin" / "litellm",
        endpoints=endpoints_below(root),
    )


def install(
    root: Path, release: releases.Release, cutoff: dt.date, extra: Sequence[str], progress: Progress
) -> None:
    """Install a release with its proxy, as of a date and with its `overrides`.

    The overrides for what the package index lacks are used only if uv finds no solution without.
    """
    into = ["--python", str(root / "bin" / "python"), "--exclude-newer", f"{cutoff}T00:00:00Z"]
    wanted = [f"litellm[proxy]=={release.version}", *extra]
    overrides_file = root / "overrides.txt"

    def attempt(taken: Sequence[overrides.Override]) -> None:
        for each in taken:
            progress(f"taking {each.requirement!r} instead: {each.why}")
        lines = [f"{each.requirement}  # {each.why}\n" for each in taken]
        overrides_file.write_text("".join(lines), "utf-8")
        uv(
            "pip",
            "install",
            *into,
            *(["--override", str(overrides_file)] if taken else []),
            *wanted,
        )

    stated, all_of_them = (
        overrides.overrides_for(release.version, lacking=more) for more in (False, True)
    )
    try:
        attempt(stated)
    except OverlayError as error:
        if all_of_them == stated or "No solution found" not in error.message:
            raise
        attempt(all_of_them)


def stock_endpoints(version: str, cache: Path | None = None, *, offline: bool = False) -> bytes:
    """Return the bytes of a release's own endpoints.py, from its wheel on the package index.

    With `offline`, only the cache is read. Raises OverlayError if the file is not available.
    """
    release = installable_release(version)
    kept = cache_root(cache) / "stock" / release.version / "endpoints.py"
    with locked(kept.parent):
        if not kept.exists() and offline:
            raise OverlayError(f"the file of LiteLLM {version} was never fetched")
        if not kept.exists():
            with tempfile.TemporaryDirectory(dir=kept.parent.parent) as scratch:
                into = ["--target", scratch, "--python", str(find_python()), "--no-deps"]
                uv("pip", "install", *into, "--no-build", f"litellm=={release.version}")
                stock = Path(scratch) / ENDPOINTS
                if not stock.exists():
                    raise OverlayError(f"LiteLLM {version} has no {ENDPOINTS}")
                check_sha256(stock.read_bytes(), release)
                kept.parent.mkdir(exist_ok=True)
                stock.replace(kept)
    return kept.read_bytes()


def installable_release(version: str) -> releases.Release:
    """Return the release; OverlayError if it is unknown or malicious."""
    release = releases.load().release(version)
    if release.state == "malicious":
        raise OverlayError(f"LiteLLM {version} was malware; it will not be installed")
    return release


def check_sha256(content: bytes, release: releases.Release) -> None:
    """Raise OverlayError unless an endpoints.py has the sha256 of the published one."""
    actual = hashlib.sha256(content).hexdigest()
    if actual != release.endpoints_sha256:
        raise OverlayError(
            f"the package index served an altered LiteLLM {release.version}: sha256 of "
            f"endpoints.py is {actual}, published was {release.endpoints_sha256}",
            hint="look into your package index or mirror before you install anything from it",
        )


def endpoints_below(root: Path) -> Path:
    """Return the endpoints.py inside an environment."""
    return next(root.glob(f"lib/python3*/site-packages/{ENDPOINTS}"))


def find_python() -> Path:
    """Return a Python that LiteLLM supports: this one, else one that uv finds; or OverlayError."""
    if PYTHONS[0] <= sys.version_info[:2] <= PYTHONS[1]:
        return Path(sys.executable)
    (major, low), (_, high) = PYTHONS
    try:
        return Path(uv("python", "find", f">={major}.{low},<{major}.{high + 1}").strip())
    except OverlayError:
        raise OverlayError(
            f"no Python {major}.{low} to {major}.{high} found, which LiteLLM needs",
            hint=f"uv python install {major}.{high}",
        ) from None


def python_minor(python: Path) -> str:
    """Return an interpreter's version as "3.11"."""
    program = "import sys; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run(
        [python, "-Ic", program], check=True, capture_output=True, text=True
    ).stdout.strip()


def index_url() -> str:
    """Return the package index's URL: from environment variables, else pip's, else uv's."""
    names = ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL")
    if configured := next((os.environ[name] for name in names if os.environ.get(name)), None):
        return configured
    # "list", since "get" ignores what PIP_CONFIG_FILE sets. pip may be missing.
    asked = [sys.executable, "-I", "-m", "pip", "config", "list"]
    pip = subprocess.run(asked, capture_output=True, check=False, text=True)
    if match := re.search(r"^(?:global|install)\.index-url='(\S+)'$", pip.stdout, re.MULTILINE):
        return match[1]
    # Without requirements uv sends no request, and prints the index that it would use.
    printed = uv("pip", "compile", os.devnull, "--offline", "--no-header", "--emit-index-url")
    return printed.strip().removeprefix("--index-url ")


def clean_environ() -> dict[str, str]:
    """Return the environment variables for uv and LiteLLM: ours, without those in LEAKS."""
    environ = {name: value for name, value in os.environ.items() if name not in LEAKS}
    if "PIP_INDEX_URL" in environ:  # mirrors are mostly configured for pip only
        environ.setdefault("UV_DEFAULT_INDEX", environ["PIP_INDEX_URL"])
    return environ


def uv(*arguments: str) -> str:
    """Run uv and return its stdout; OverlayError with its last lines if it fails."""
    done = subprocess.run(
        [find_uv_bin(), *arguments],
        cwd=tempfile.gettempdir(),  # not in a folder with the caller's pyproject.toml or uv.toml
        env=clean_environ(),
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        last_lines = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise OverlayError(
            f"uv {' '.join(arguments[:2])} failed:\n{last_lines}",
            hint="is the package index reachable? uv reads UV_DEFAULT_INDEX, not pip.conf; "
            "an index that gives no upload times cannot be resolved as of a date",
        )
    return done.stdout
