"""A Postgres for one test run, on 127.0.0.1, in a temporary folder.

Its programs come in a wheel from PyPI, so tests need only Python and use the same version on every
machine. Postgres refuses to run as root. Where tests run as root, as in many CI systems, it runs as
`nobody`, on a copy of the programs that this user can read.
"""

from __future__ import annotations

import abc
import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_overlay.errors import OverlayError
from litellm_overlay.local.cache import cache_root, locked, removed_on_failure
from litellm_overlay.local.environment import find_python, uv
from litellm_overlay.local.processes import free_port, run_logged, wait_for
from pins import PINS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

USER = "litellm"
# The data need not survive a power cut. There is no Unix socket: its path could be too long.
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "300",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
}
INITDB = ("--encoding=UTF8", "--no-locale", "--no-sync")
# setuid clears the parent-death signal that processes.py set, so it is set again here.
AS_USER = """
import ctypes, os, sys
uid, gid, *argv = sys.argv[1:]
os.setgroups([])
os.setgid(int(gid))
os.setuid(int(uid))
try:
    ctypes.CDLL(None).prctl(1, 9)
except AttributeError:
    pass
os.execv(argv[0], argv)
"""


class Sql(abc.ABC):
    """A server that runs SQL, in a process or in a cluster."""

    @abc.abstractmethod
    def psql(self, database: str, sql: str, *options: str) -> str:
        """Run SQL with psql; return its output."""

    def execute(self, database: str, sql: str, **values: str) -> str:
        """Run SQL, where :'name' stands for a value; return psql's output."""
        options = ["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1"]
        for name, value in values.items():
            options += ["-v", f"{name}={value}"]
        return self.psql(database, sql, *options)

    def rows(self, database: str, query: str, **values: str) -> list[dict[str, Any]]:
        """Return the rows of a query as dicts; [] if there are none."""
        sql = f"SELECT coalesce(json_agg(r), '[]') FROM ({query}) r"
        rows: list[dict[str, Any]] = json.loads(self.execute(database, sql, **values))
        return rows


@dataclass
class Postgres(Sql):
    """A local server. Tests of an outage call `down()` and `up()`."""

    programs: Path
    folder: Path
    port: int
    running: contextlib.ExitStack = field(default_factory=contextlib.ExitStack)

    def url(self, database: str) -> str:
        """Return the value of DATABASE_URL for LiteLLM."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def up(self) -> None:
        """Start the server; return once it accepts connections."""
        argv: list[str | Path] = [
            self.programs / "postgres",
            "-D",
            self.folder / "data",
            "-p",
            str(self.port),
        ]
        argv += as_options(SETTINGS)
        log = self.folder / "postgres.log"
        process = self.running.enter_context(run_logged(log, as_ordinary_user(argv), environ()))
        self.running.callback(stop, process)  # runs before run_logged's own end
        wait_for(self.answers, process, log, "Postgres")

    def down(self) -> None:
        """Stop the server; this cuts its connections."""
        self.running.close()

    def answers(self) -> bool:
        """Tell whether the server accepts connections."""
        command: list[str | Path] = [
            self.programs / "pg_isready",
            "-q",
            "-h",
            "127.0.0.1",
            "-p",
            str(self.port),
        ]
        return subprocess.run(command, check=False).returncode == 0

    def psql(self, database: str, sql: str, *options: str) -> str:
        """Run SQL with psql; return its output, or fail with psql's error."""
        command: list[str | Path] = [self.programs / "psql", *options, "-d", self.url(database)]
        done = subprocess.run(
            command, input=sql, env=environ(), capture_output=True, check=False, text=True
        )
        assert done.returncode == 0, f"psql: {done.stderr}"
        return str(done.stdout)


@contextlib.contextmanager
def running_postgres() -> Iterator[Postgres]:
    """Run an empty server until the block ends; raises OverlayError if initdb fails."""
    installed = install()
    # Not in pytest's own folder, which no other user may enter.
    with tempfile.TemporaryDirectory(prefix="postgres-") as scratch:
        folder = Path(scratch)
        if os.geteuid() == 0:
            shutil.copytree(installed, folder / "programs", symlinks=True)
            installed = folder / "programs"
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
        postgres = Postgres(bin_below(installed), folder, free_port())
        initdb: list[str | Path] = [postgres.programs / "initdb", "-D", folder / "data", "-U", USER]
        initdb += ["--auth=trust", *INITDB]
        done = subprocess.run(
            as_ordinary_user(initdb),
            cwd=folder,
            env=environ(),
            capture_output=True,
            check=False,
            text=True,
        )
        if done.returncode:
            raise OverlayError(f"initdb failed:\n{done.stderr.strip()}")
        postgres.up()
        try:
            yield postgres
        finally:
            postgres.down()


def install() -> Path:
    """Return the folder with Postgres' programs, installed into the cache if missing."""
    wanted = PINS["postgres"]
    root: Path = cache_root() / "postgres" / wanted.replace("==", "-")
    with locked(root):
        if not (root / "complete").exists():
            with removed_on_failure(root):
                into = ["--target", str(root), "--python", str(find_python()), "--no-deps"]
                try:
                    uv("pip", "install", *into, "--no-build", wanted)
                except OverlayError as error:
                    raise OverlayError(
                        f"Postgres could not be installed: {error}",
                        hint=f"the package index must have a wheel of {wanted} for this machine",
                    ) from None
                (root / "complete").touch()
    return root


def as_options(settings: Mapping[str, str]) -> list[str]:
    """Return settings as command-line arguments of `postgres`."""
    return [f"--{name}={value}" for name, value in settings.items()]


def bin_below(root: Path) -> Path:
    """Return the folder of the programs below the wheel's root."""
    return next(root.glob("*/pginstall/bin"))


def as_ordinary_user(argv: Sequence[str | Path]) -> list[str | Path]:
    """Return the command, wrapped to run as `nobody` if the tests run as root."""
    if os.geteuid() != 0:
        return list(argv)
    nobody = pwd.getpwnam("nobody")
    return [sys.executable, "-Ic", AS_USER, str(nobody.pw_uid), str(nobody.pw_gid), *argv]


def environ() -> dict[str, str]:
    """Return an environment without the caller's PG* variables, which would change behaviour."""
    return {"PATH": os.defpath, "LC_ALL": "C"}


def stop(process: subprocess.Popen[bytes]) -> None:
    """Stop Postgres without waiting for its clients: SIGINT, since SIGTERM waits for them."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(signal.SIGINT)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(10)
