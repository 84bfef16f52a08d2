"""`litellm-overlay demo` as an operator runs it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys

import pytest

from litellm_overlay.local import processes
from pins import PINS, ROOT

DEMO = [sys.executable, "-m", "litellm_overlay", "demo"]
ENVIRON = {**os.environ, "PYTHONPATH": str(ROOT / "patch")}


@pytest.mark.parametrize("patch", ["1.0.0", "2.0.0"])
def test_the_demo_shows_the_defect_and_the_fix(patch):
    """Stock refuses a handshake without `?model=`; the patched proxy completes every turn."""
    options = ["--litellm", PINS["litellm-live"][-1], "--patch", patch, "--output", "json"]
    argv = [*DEMO, *options]
    done = subprocess.run(argv, env=ENVIRON, capture_output=True, check=False, text=True)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout)
    assert shown["problems"] == []
    assert shown["report"]["decision"] == "patched"
    assert shown["stock"]["cases"]["flat frame"]["handshake"] == 403
    tools = shown["patched"]["cases"]["tool call"]
    assert (tools["handshake"], tools["inputTokens"], tools["outputTokens"]) == (101, 22, 14)


def test_keep_leaves_it_running_until_ctrl_c():
    """With --keep the printed URL answers until Ctrl-C, which ends the demo with exit code 0."""
    with subprocess.Popen(
        [*DEMO, "--litellm", PINS["litellm-live"][-1], "--keep"],
        env={**ENVIRON, "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        text=True,
    ) as demo:
        url = None
        for line in demo.stdout:
            match = re.search(r"http://127\.0\.0\.1:\d+", line)
            url = match.group() if match and not url else url
            if "Ctrl-C" in line:
                break
        assert processes.is_alive(url)
        demo.send_signal(signal.SIGINT)
        assert demo.wait() == 0
    assert not processes.is_alive(url)
