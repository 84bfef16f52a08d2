"""Story 23, third part: Ctrl-C, and a reader that closes the pipe. See test_23_bad_days.py."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time

import pytest

from e2e.kit.bad_pods import start_both
from e2e.kit.stories import MASTER_KEY, until
from e2e.kit.verbs import VERBS, kubeconfig

# The byte comes from the first import inside main's `try`. Ctrl-C before that is handled by Python
# itself, with a traceback.
STARTED = """
import sys
from litellm_overlay.__main__ import main

class Announce:
    def find_spec(name, *_):
        if name == "litellm_overlay.cli":
            sys.stdout.write(".")
            sys.stdout.flush()

sys.meta_path.insert(0, Announce)
main()
"""
every_verb = pytest.mark.parametrize("verb", VERBS)


@pytest.fixture(scope="module")
def config(namespace, tmp_path_factory):
    """Return a kubeconfig for the story's namespace: one proxy answers, the other hangs."""
    folder = tmp_path_factory.mktemp("leaving-early")
    start_both(namespace, folder)
    return kubeconfig(namespace, folder / "kubeconfig")


@contextlib.contextmanager
def started(verb, config, *arguments):
    """Run a verb; yield its process once its `main` has begun."""
    command = [sys.executable, "-c", STARTED, *VERBS[verb], "--kubeconfig", str(config), *arguments]
    environ = {**os.environ, "STORY_KEY": MASTER_KEY}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, env=environ, stdout=pipe, stderr=pipe, text=True) as process:
        assert process.stdout.read(1) == "."
        yield process


def interrupt(process):
    """Send SIGINT; return the exit code as a shell shows it, and stderr."""
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    # Python may end by the signal itself after our code has ended; a shell shows 130 then, too.
    code = 128 - process.returncode if process.returncode < 0 else process.returncode
    return code, errors.strip()


@every_verb
@pytest.mark.parametrize("seconds", [0, 0.03, 0.1, 0.2, 0.4, 0.7, 1.1, 1.6, 2.5])
def test_ctrl_c_at_any_moment(verb, seconds, config):
    """Ctrl-C ends a verb with 130 and one word, unless it had finished; never with a traceback."""
    with started(verb, config) as process:
        time.sleep(seconds)
        assert interrupt(process) in {(130, "interrupted"), (0, "")}


def test_ctrl_c_in_a_turn(namespace, config):
    """Ctrl-C while `verify` waits for a silent proxy ends the verb, without asking the next pod."""

    def asked():
        return namespace.logs(selector="app=silent").count("asked")

    before = asked()
    with started("verify", config) as process:
        until(lambda: asked() > before, "the silent proxy is asked")
        assert interrupt(process) == (130, "interrupted")


@every_verb
@pytest.mark.parametrize("lines", [0, 1])
def test_output_into_a_closed_pipe(verb, lines, config):
    """A reader such as `true` or `head -1` that closes the pipe causes no failure and no error."""
    with started(verb, config, "--timeout", "2") as process:
        for _ in range(lines):
            process.stdout.readline()
        process.stdout.close()
        assert (process.wait(60), process.stderr.read()) == (0, "")
