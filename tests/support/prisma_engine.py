"""What LiteLLM needs to reach a database without Prisma's native engine: see query_engine/server.mjs.

The Python client is generated from LiteLLM's own schema, as its images do it, but with types that
refer to themselves: written out they are 20 MB of Python, 15 seconds of each start and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from litellm_overlay.errors import OverlayError
from litellm_overlay.local.cache import cache_root, locked, removed_on_failure
from litellm_overlay.local.environment import clean_environ
from pins import PINS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from litellm_overlay.local.environment import LiteLLMEnvironment

SERVER = Path(__file__).parent / "query_engine" / "server.mjs"
BINDINGS = "node_modules/@prisma/query-engine-wasm/postgresql/query_engine_bg.js"
COMMIT = PINS["query-engine"]["@prisma/query-engine-wasm"].rpartition(".")[2]
SETTINGS = 'binaryTargets = ["native"]\n  recursive_type_depth = -1'


def find(program: str) -> str:
    """Return the path of `node` or `npm`."""
    found = shutil.which(program)
    if not found:
        raise OverlayError(
            f"{program} is needed to reach a database and was not found",
            hint="install Node.js 20 or newer, which has npm too: https://nodejs.org",
        )
    return found


def install() -> Path:
    """Return the folder with the engine's packages, installed with npm into the cache if need be."""
    wanted = [f"{name}@{version}" for name, version in PINS["query-engine"].items()]
    name = hashlib.sha256("\n".join(wanted).encode()).hexdigest()[:12]
    root = cache_root() / "query-engine" / name
    _, npm = find("node"), find("npm")
    with locked(root):
        if not (root / "complete").exists():
            with removed_on_failure(root):
                root.mkdir()
                options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
                command([npm, "install", *options, "--prefix", str(root), *wanted], root)
                # The packages' own module says that it is none, so it needs the name of one.
                shutil.copy(root / BINDINGS, root / "query_engine_bg.mjs")
                (root / "complete").touch()
    return root


def write_wrappers(folder: Path, node: str, server: str | Path, packages: str | Path) -> None:
    """Write the two programs that stand for Prisma's engines; they run `node` with `server`.

    Prisma asks a schema engine for its version, and for nothing more.
    """
    run = shlex.join([node, str(server), "--packages", str(packages)])
    programs = {
        "query": f'exec {run} --parent "$PPID" "$@"',
        "schema": f"echo schema-engine-cli {COMMIT}",
    }
    for name, line in programs.items():
        file = folder / f"{name}-engine"
        file.write_text(f"#!/bin/sh\n{line}\n")
        file.chmod(0o755)


@contextlib.contextmanager
def wrappers() -> Iterator[dict[str, str]]:
    """Yield the environment in which LiteLLM starts our engine, for as long as the block."""
    packages, node = install(), find("node")
    with tempfile.TemporaryDirectory() as scratch:
        write_wrappers(Path(scratch), node, SERVER, packages)
        yield {
            f"PRISMA_{name.upper()}_ENGINE_BINARY": f"{scratch}/{name}-engine"
            for name in ("query", "schema")
        }


def generate(env: LiteLLMEnvironment) -> None:
    """Generate the Prisma client in an environment, once."""
    schema = schema_below(env).read_text("utf-8")
    schema = re.sub(r"binaryTargets\s*=.*", SETTINGS, schema, count=1)
    assert SETTINGS in schema, "LiteLLM's schema has another generator block"
    stamp = env.root / "prisma-client"
    digest = hashlib.sha256(schema.encode()).hexdigest()
    # Prisma's CLI is installed by the Python client, into one folder for all.
    home = cache_root() / "prisma"
    with locked(home):
        if stamp.exists() and stamp.read_text() == digest:
            return
        with wrappers() as told, tempfile.TemporaryDirectory() as scratch:
            (Path(scratch) / "schema.prisma").write_text(schema)
            path = os.pathsep.join([str(env.python.parent), os.environ.get("PATH", os.defpath)])
            more = {"PRISMA_HOME_DIR": str(home), "NPM_CONFIG_IGNORE_SCRIPTS": "true", "PATH": path}
            argv = [str(env.python), "-m", "prisma", "generate"]
            command(argv, Path(scratch), {**clean_environ(), **told, **more})
        stamp.write_text(digest)


def environ_for(env: LiteLLMEnvironment) -> dict[str, str]:
    """Return what the engine must know of this release's client."""
    old = any(env.root.glob("lib/python3*/site-packages/prisma-0.11.*"))
    return {"ENGINE_RAW": "legacy"} if old else {}


def schema_below(env: LiteLLMEnvironment) -> Path:
    """Return LiteLLM's schema."""
    return next(env.root.glob("lib/python3*/site-packages/litellm/proxy/schema.prisma"))


def migrations(env: LiteLLMEnvironment) -> list[Path]:
    """Return LiteLLM's migrations in order; the name of one has spaces."""
    pattern = "lib/python3*/site-packages/litellm_proxy_extras/migrations/*/migration.sql"
    return sorted(env.root.glob(pattern))


def command(argv: Sequence[str], folder: Path, environ: dict[str, str] | None = None) -> None:
    """Run a command; fail with its last lines."""
    done = subprocess.run(
        argv, cwd=folder, env=environ, capture_output=True, check=False, text=True
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise OverlayError(f"{' '.join(argv[:3])} failed:\n{said}")
