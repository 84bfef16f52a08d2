"""Run the mock provider and LiteLLM's proxy as child processes that always end.

Each runs in its own process group, which is terminated when its `with` block ends: by success,
failure or Ctrl-C. On Linux the kernel also kills the process if its parent is killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_overlay.errors import OverlayError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from litellm_overlay.local.cache import Progress
    from litellm_overlay.local.environment import LiteLLMEnvironment

HERE = Path(__file__).parent
MASTER_KEY = "sk-1234"
START_SECONDS = 180  # LiteLLM takes 8 to 30 s, more on its first start and on a busy machine
STOP_SECONDS = 10
# The only variables that LiteLLM inherits. It would use others, such as DATABASE_URL or a
# provider's key.
KEPT = ("HOME", "LANG", "LC_ALL", "PATH", "TMPDIR", "TZ")
# Asks the kernel to kill the process when its parent dies, and exits if that has happened already.
GUARD = """
import ctypes, os, sys
parent, *argv = sys.argv[1:]
try:
    ctypes.CDLL(None).prctl(1, 9)
except AttributeError:
    pass
if os.getppid() != int(parent):
    sys.exit(1)
os.execv(argv[0], argv)
"""


@dataclass(frozen=True, slots=True)
class Server:
    """A running process that listens on 127.0.0.1, and the file it logs to."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]
    tls: bool = False

    @property
    def url(self) -> str:
        """Return the base URL, without a path."""
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    @property
    def ws_url(self) -> str:
        """Return the base URL for WebSockets, without a path."""
        return f"ws{'s' if self.tls else ''}://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class Certificates:
    """A certificate for 127.0.0.1, its key, and what a client must trust (for SSL_CERT_FILE)."""

    cert: Path
    key: Path
    bundle: Path


def make_certificates(env: LiteLLMEnvironment, folder: Path) -> Certificates:
    """Make a throw-away CA and a certificate in `folder`, with LiteLLM's own `cryptography`."""
    folder.mkdir(parents=True, exist_ok=True)
    script = HERE / "mock_certificates.py"
    subprocess.run([env.python, script, folder], env=environ_for({}), check=True)
    return Certificates(folder / "cert.pem", folder / "key.pem", folder / "bundle.pem")


def standard_config(mock_url: str) -> dict[str, Any]:
    """Return a proxy configuration with models of three kinds.

    `gpt-5.4` and `gpt-4o` have their provider's names. `my-alias` has a name other than its
    provider's. `managed-5.4` belongs to a provider whose WebSockets LiteLLM emulates.
    """
    upstreams = {
        "gpt-5.4": "openai/gpt-5.4",
        "gpt-4o": "openai/gpt-4o",
        "my-alias": "openai/gpt-4o",
        "managed-5.4": "hosted_vllm/gpt-5.4",
    }
    provider = {"api_base": f"{mock_url}/v1", "api_key": "sk-mock-provider"}
    models = [
        {"model_name": name, "litellm_params": {"model": model, **provider}}
        for name, model in upstreams.items()
    ]
    return {"model_list": models, "general_settings": {"master_key": MASTER_KEY}}


@contextlib.contextmanager
def start_mock(
    env: LiteLLMEnvironment, log: Path, *options: str, tls: Certificates | None = None
) -> Iterator[Server]:
    """Run the mock provider with LiteLLM's Python; yield its Server. `log` gets its JSON lines.

    `options` are those of mock_provider.py, for example "--no-websocket".
    """
    argv: list[str | Path] = [env.python, HERE / "mock_provider.py", "--log", log, *options]
    if tls:
        argv += ["--tls-cert", tls.cert, "--tls-key", tls.key]
    output = log.with_suffix(".out")
    with tempfile.TemporaryDirectory() as scratch:
        port_file = Path(scratch) / "port"
        with run_logged(output, [*argv, "--port-file", port_file], environ_for({})) as process:
            wait_for(port_file.exists, process, output, "the mock provider")
            yield Server(int(port_file.read_text()), log, process, tls=tls is not None)


@contextlib.contextmanager
def start_proxy(  # noqa: PLR0913  # keywords, each a matter of its own
    env: LiteLLMEnvironment,
    config: Mapping[str, Any],
    log: Path,
    *,
    environ: Mapping[str, str] | None = None,
    port: int | None = None,
    extra_args: Sequence[str] = (),
    progress: Progress | None = None,
) -> Iterator[Server]:
    """Run LiteLLM's proxy without a database; yield its Server. `log` gets its output.

    The configuration is written beside `log`, where LiteLLM also looks for callback modules.
    `progress` is called once a second until the proxy is alive.
    """
    config_file = log.with_suffix(".yaml")
    config_file.write_text(json.dumps(config, indent=2))  # JSON is YAML
    port = port or free_port()
    argv: list[str | Path] = [env.python, env.console_script, "--config", config_file]
    argv += ["--host", "127.0.0.1", "--port", str(port), "--telemetry", "False", *extra_args]
    with run_logged(log, argv, environ_for(environ or {})) as process:
        server = Server(port, log, process)
        what = f"LiteLLM {env.version}"
        wait_for(lambda: is_alive(server.url), process, log, what, progress)
        yield server


def environ_for(more: Mapping[str, str]) -> dict[str, str]:
    """Return the environment variables of a child process, with `more` added."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    fixed = {
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",  # do not fetch prices from the internet
        "LITELLM_MODE": "PRODUCTION",  # do not read a .env file
        # From 1.109 on LiteLLM does not start with a key such as MASTER_KEY.
        "LITELLM_DANGEROUSLY_PERMIT_WEAK_OR_UNSET_MASTER_KEY": "True",
        "PYTHONUNBUFFERED": "1",
    }
    return {**kept, **fixed, **more}


@contextlib.contextmanager
def running(
    argv: Sequence[str | Path], environ: Mapping[str, str], folder: Path, **streams: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in `folder`, and terminate its process group when the block ends.

    `streams` are Popen's stdin (by default none), stdout and stderr.
    """
    guarded = [sys.executable, "-Ic", GUARD, str(os.getpid()), *map(str, argv)]
    process = subprocess.Popen(
        guarded,
        cwd=folder,
        env=dict(environ),
        start_new_session=True,  # Ctrl-C reaches only us, and we end the process
        **{"stdin": subprocess.DEVNULL, **streams},
    )
    try:
        yield process
    finally:
        terminate(process)


@contextlib.contextmanager
def run_logged(
    output: Path, argv: Sequence[str | Path], environ: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a process in the folder of `output`, a file that gets its stdout and stderr."""
    with output.open("wb") as file:
        streams = {"stdout": file, "stderr": subprocess.STDOUT}
        with running(argv, environ, output.parent, **streams) as process:
            yield process


def terminate(process: subprocess.Popen[bytes]) -> None:
    """Send SIGTERM to a process group; send SIGKILL if it still runs after STOP_SECONDS."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_SECONDS)
            return


def wait_for(
    ready: Callable[[], bool],
    process: subprocess.Popen[bytes],
    output: Path,
    what: str,
    progress: Progress | None = None,
) -> None:
    """Wait until `ready()` is true.

    Raises OverlayError, which quotes the end of `output`, if `process` ends first or START_SECONDS
    pass.
    """
    began = last_shown = time.monotonic()
    while not ready():
        now = time.monotonic()
        if process.poll() is not None or now - began > START_SECONDS:
            ended = "did not start" if process.poll() is None else "ended while starting"
            lines = output.read_text(errors="replace").strip().splitlines()
            raise OverlayError(
                f"{what} {ended}; its last lines were:\n" + "\n".join(lines[-12:]),
                hint=f"the whole log is {output}",
            )
        if progress and now - last_shown >= 1:
            progress(f"starting {what}, {now - began:.0f} s")
            last_shown = now
        time.sleep(0.1)


def is_alive(url: str) -> bool:
    """Tell whether LiteLLM answers its liveness probe."""
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with direct.open(f"{url}/health/liveliness", timeout=5) as answer:
            return bool(answer.status == 200)
    except (OSError, urllib.error.URLError):
        return False


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
