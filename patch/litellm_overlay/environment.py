"""Stock LiteLLM, installed by uv into a cache and resolved as of the release's own date.

An old LiteLLM has open version ranges: resolved today it would meet a FastAPI it never saw. So uv
is told to ignore everything uploaded more than three days after the release.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from litellm_overlay import catalogue
from litellm_overlay.errors import OverlayError

Progress = Callable[[str], None]

ENDPOINTS = Path("litellm/proxy/response_api_endpoints/endpoints.py")
PYTHONS = ((3, 10), (3, 13))  # what the affected releases run on and their wheels exist for
GRACE = dt.timedelta(days=3)  # dependencies that were released together with LiteLLM
# A variable that would let the caller's environment, or uv's idea of it, into the new one.
LEAKS = {"CONDA_PREFIX", "PYTHONHOME", "PYTHONPATH", "UV_EXCLUDE_NEWER", "UV_PYTHON", "VIRTUAL_ENV"}


@dataclass(frozen=True, slots=True)
class LiteLLMEnvironment:
    """A virtual environment that holds one LiteLLM release with its proxy."""

    version: str
    root: Path
    python: Path
    console_script: Path
    endpoints: Path


def cache_root(cache: Path | None = None) -> Path:
    """Return the folder for everything fetched: `cache`, else as the environment says."""
    if cache or "LITELLM_OVERLAY_CACHE" in os.environ:
        return Path(cache or os.environ["LITELLM_OVERLAY_CACHE"]).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "litellm-overlay"


def create(
    version: str,
    *,
    name: str = "stock",
    extra: Sequence[str] = (),
    cache: Path | None = None,
    progress: Progress = print,
) -> LiteLLMEnvironment:
    """Return the environment of that name and release, built first if it is not in the cache.

    `name` keeps environments of one release apart (one may be patched); `extra` are further
    requirements, resolved as of the same date.
    """
    release = known_release(version)
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
                wanted = [f"litellm[proxy]=={version}", *extra]
                into = ["--python", str(root / "bin" / "python")]
                uv("pip", "install", *into, "--exclude-newer", f"{cutoff}T00:00:00Z", *wanted)
                check_sha256(endpoints_below(root).read_bytes(), release)
                complete.touch()
    return LiteLLMEnvironment(
        version=version,
        root=root,
        python=root / "bin" / "python",
        console_script=root / "bin" / "litellm",
        endpoints=endpoints_below(root),
    )


def stock_endpoints(version: str, cache: Path | None = None) -> bytes:
    """Return the bytes of a release's own endpoints.py, from its wheel on the package index."""
    release = known_release(version)
    kept = cache_root(cache) / "stock" / release.version / "endpoints.py"
    with locked(kept.parent):
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


def known_release(version: str) -> catalogue.Release:
    """Return the release, unless it is unknown or must not be installed."""
    release = catalogue.load().release(version)
    if release.state == "malicious":
        raise OverlayError(f"LiteLLM {version} was malware; it will not be installed")
    return release


def check_sha256(content: bytes, release: catalogue.Release) -> None:
    """Refuse an endpoints.py that is not the one published: an index that serves another lies."""
    found = hashlib.sha256(content).hexdigest()
    if found != release.endpoints_sha256:
        raise OverlayError(
            f"the package index served an altered LiteLLM {release.version}: sha256 of "
            f"endpoints.py is {found}, published was {release.endpoints_sha256}",
            hint="look into your package index or mirror before you install anything from it",
        )


def endpoints_below(root: Path) -> Path:
    """Return the endpoints.py inside an environment."""
    return next(root.glob(f"lib/python3*/site-packages/{ENDPOINTS}"))


def find_python() -> Path:
    """Return an interpreter that LiteLLM runs on: this one, else one that uv finds."""
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


def clean_environ() -> dict[str, str]:
    """Return the environment for uv and for LiteLLM, without what would leak into theirs."""
    environ = {name: value for name, value in os.environ.items() if name not in LEAKS}
    if "PIP_INDEX_URL" in environ:  # a mirror is most often told to pip only
        environ.setdefault("UV_DEFAULT_INDEX", environ["PIP_INDEX_URL"])
    return environ


def uv(*arguments: str) -> str:
    """Run uv; return what it printed, or raise with its last lines."""
    done = subprocess.run(
        [find_uv_bin(), *arguments],
        cwd=tempfile.gettempdir(),  # away from a pyproject.toml or uv.toml of the caller's
        env=clean_environ(),
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode:
        said = "\n".join(done.stderr.strip().splitlines()[-8:])
        raise OverlayError(
            f"uv {' '.join(arguments[:2])} failed:\n{said}",
            hint="is the package index reachable? uv reads UV_DEFAULT_INDEX, not pip.conf; "
            "an index that gives no upload times cannot be resolved as of a date",
        )
    return done.stdout


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """Hold the right to build `target`, against other processes; waits for it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with (target.parent / f"{target.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def removed_on_failure(folder: Path) -> Iterator[None]:
    """Start without the folder, and leave none behind that is half made."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
