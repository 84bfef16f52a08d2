"""A database for LiteLLM without Prisma's native engine: see query_engine/server.mjs.

The Python client is generated from LiteLLM's own schema, as in its images, but with recursive
types. Without recursion the types are 20 MB of Python, which add 15 seconds to each start.
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
    """Return the path of `node` or `npm`; raises OverlayError if there is none."""
    found = shutil.which(program)
    if not found:
        raise OverlayError(
            f"{program} is needed to reach a database and was not found",
            hint="install Node.js 20 or newer, which has npm too: https://nodejs.org",
        )
    return found


def install() -> Path:
    """Return the folder with the engine's npm packages, installed into the cache if missing."""
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
                # It is an ES module, but its package does not declare it: the .mjs name does.
                shutil.copy(root / BINDINGS, root / "query_engine_bg.mjs")
                (root / "complete").touch()
    return root


def write_wrappers(folder: Path, node: str, server: str | Path, packages: str | Path) -> None:
    """Write two programs in place of Prisma's query engine and schema engine.

    The query engine runs `node` with `server`. The schema engine only prints its version, since
    Prisma asks for nothing else.
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
    """Yield the environment variables that make LiteLLM start our engine."""
    packages, node = install(), find("node")
    with tempfile.TemporaryDirectory() as scratch:
        write_wrappers(Path(scratch), node, SERVER, packages)
        yield {
            f"PRISMA_{name.upper()}_ENGINE_BINARY": f"{scratch}/{name}-engine"
            for name in ("query", "schema")
        }


def generate(env: LiteLLMEnvironment) -> None:
    """Generate the Prisma client in an environment, unless its schema is unchanged."""
    schema = schema_below(env).read_text("utf-8")
    schema = re.sub(r"binaryTargets\s*=.*", SETTINGS, schema, count=1)
    assert SETTINGS in schema, "LiteLLM's schema has another generator block"
    stamp = env.root / "prisma-client"
    digest = hashlib.sha256(schema.encode()).hexdigest()
    # The Python client installs Prisma's CLI into one folder shared by all environments.
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
    """Return the engine's environment variables for this release's client; {} for newer clients."""
    old = any(env.root.glob("lib/python3*/site-packages/prisma-0.11.*"))
    return {"ENGINE_RAW": "legacy"} if old else {}


def schema_below(env: LiteLLMEnvironment) -> Path:
    """Return the path of LiteLLM's schema."""
    return next(env.root.glob("lib/python3*/site-packages/litellm/proxy/schema.prisma"))


def migrations(env: LiteLLMEnvironment) -> list[Path]:
    """Return the paths of LiteLLM's migrations in order; one name contains spaces."""
    pattern = "lib/python3*/site-packages/litellm_proxy_extras/migrations/*/migration.sql"
    return sorted(env.root.glob(pattern))


def command(argv: Sequence[str], folder: Path, environ: dict[str, str] | None = None) -> None:
    """Run a command; raises OverlayError with the last lines of its output if it fails."""
    done = subprocess.run(
        argv, cwd=folder, env=environ, capture_output=True, check=False, text=True
    )
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-8:])
        raise OverlayError(f"{' '.join(argv[:3])} failed:\n{said}")
