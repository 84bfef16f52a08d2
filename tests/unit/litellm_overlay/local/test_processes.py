"""Child processes: their environment, and their end with us."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from litellm_overlay.errors import OverlayError
from litellm_overlay.local import processes

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]
# A process with a child, which killing only the parent would leave.
FAMILY = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""


def is_running(pid):
    """Tell whether a process exists and is no zombie."""
    if not Path("/proc/self").exists():
        return subprocess.run(["ps", "-p", str(pid)], check=False).returncode == 0
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and ") Z " not in stat.read_text()


def gone(pid):
    """Wait up to 20 s for a process to end; tell whether it has."""
    deadline = time.monotonic() + 20
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_running(pid)


def test_litellm_gets_no_variable_that_was_not_meant_for_it(monkeypatch):
    """The operator's variables, such as a database or a key, do not reach LiteLLM."""
    monkeypatch.setenv("DATABASE_URL", "postgres://production")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-real")
    monkeypatch.setenv("LITELLM_MASTER_KEY", "sk-real")
    environ = processes.environ_for({"SSL_CERT_FILE": "/ca"})
    assert not {"DATABASE_URL", "OPENAI_API_KEY", "LITELLM_MASTER_KEY"} & environ.keys()
    assert environ["SSL_CERT_FILE"] == "/ca"
    assert environ["PATH"] == os.environ["PATH"]
    assert environ["LITELLM_LOCAL_MODEL_COST_MAP"] == "True"


def test_the_standard_configuration_has_every_kind_of_model():
    """The standard configuration has a native model, an alias, and an emulated provider."""
    config = processes.standard_config("https://127.0.0.1:1")
    models = {m["model_name"]: m["litellm_params"]["model"] for m in config["model_list"]}
    assert models["gpt-5.4"] == "openai/gpt-5.4"
    assert models["my-alias"] == "openai/gpt-4o"
    assert models["managed-5.4"] == "hosted_vllm/gpt-5.4"
    bases = {m["litellm_params"]["api_base"] for m in config["model_list"]}
    assert bases == {"https://127.0.0.1:1/v1"}


def test_a_whole_process_group_is_ended(tmp_path):
    """At the block's end the process and its children have ended."""
    argv = [sys.executable, "-c", FAMILY]
    with processes.running(argv, os.environ, tmp_path, stdout=subprocess.PIPE) as process:
        child = int(process.stdout.readline())
        assert is_running(child)
    assert process.poll() is not None
    assert gone(child)


def test_ctrl_c_ends_the_process(tmp_path):
    """KeyboardInterrupt in the block ends the process and is raised again."""
    with (
        pytest.raises(KeyboardInterrupt),
        processes.running(SLEEP, os.environ, tmp_path) as process,
    ):
        raise KeyboardInterrupt
    assert process.poll() is not None


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's help is Linux's")
def test_a_killed_parent_takes_the_process_with_it(tmp_path):
    """If the parent is killed, the kernel ends the process."""
    source = f"""
import os, pathlib, time
from litellm_overlay.local import processes
with processes.running({SLEEP!r}, os.environ, pathlib.Path({str(tmp_path)!r})) as process:
    print(process.pid, flush=True)
    time.sleep(60)
"""
    path = os.pathsep.join(sys.path)
    parent = subprocess.Popen(
        [sys.executable, "-c", source],
        env={**os.environ, "PYTHONPATH": path},
        stdout=subprocess.PIPE,
    )
    child = int(parent.stdout.readline())
    assert is_running(child)
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert gone(child)


def test_a_process_that_ends_at_once_is_explained_by_its_last_lines(tmp_path):
    """A process that ends at once is an error with its last lines and the log's path."""
    log = tmp_path / "out.log"
    argv = [sys.executable, "-c", "raise SystemExit('no such option: --nonsense')"]
    with (
        processes.run_logged(log, argv, os.environ) as process,
        pytest.raises(OverlayError, match="no such option: --nonsense") as error,
    ):
        processes.wait_for(lambda: False, process, log, "the thing")
    assert error.value.message.startswith("the thing ended while starting")
    assert str(log) in error.value.hint


def test_a_port_nobody_listens_on_is_not_alive():
    """A port without a listener is not alive, without an exception."""
    assert not processes.is_alive(f"http://127.0.0.1:{processes.free_port()}")
