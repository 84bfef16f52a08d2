"""The `preStop` hook, run: it sets the flag, then waits for open connections."""

from __future__ import annotations

import os
import socket
import subprocess

import pytest

from support import helm


def command():
    """Return the command of the preStop hook."""
    (proxy,) = helm.pod_of(*helm.LEAST)["spec"]["containers"]
    return proxy["lifecycle"]["preStop"]["exec"]["command"]


@pytest.fixture
def hook(tmp_path):
    """Return a function that starts the hook for a port, without its pause for endpoints."""
    shell, option, script, name, *_ = command()
    assert "\nsleep 5\n" in script

    def start(port, seconds=120, **environ):
        ours = script.replace("\nsleep 5\n", "\n")
        argv = [shell, option, ours, name, tmp_path / "now", str(seconds), str(port)]
        return subprocess.Popen(argv, env={**os.environ, **environ})

    return start


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_it_waits_for_the_last_connection(hook, listener, tmp_path):
    """The hook waits for the last connection to close; a listening port is no connection."""
    port = listener.getsockname()[1]
    client = socket.create_connection(("127.0.0.1", port))
    accepted, _ = listener.accept()
    process = hook(port)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(2.5)
    assert (tmp_path / "now").exists()
    client.close()
    accepted.close()
    assert process.wait(60) == 0


def test_new_connections_go_elsewhere_first():
    """The hook waits before it sets the flag, so that clients do not reconnect to this pod."""
    script = command()[2]
    assert script.index("\nsleep 5\n") < script.index("\ntouch ")


def test_the_text_is_everybodys():
    """The chart's hook is manifests/drain.sh; tests/unit, test_drain.py covers the other users."""
    assert command()[2] == (helm.CHART.parents[1] / "manifests" / "drain.sh").read_text()


def test_it_ends_when_the_time_is_over(hook, listener):
    """The hook ends when its time is over, even with an open connection."""
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        assert hook(port, seconds=2).wait(60) == 0


def test_the_time_is_the_clocks(hook, listener, tmp_path):
    """The hook reads the clock, since each check takes longer with many connections."""
    date = tmp_path / "date"
    date.write_text(f"#!/bin/sh\necho x >> {tmp_path}/calls\nwc -l < {tmp_path}/calls\n")
    date.chmod(0o755)
    port = listener.getsockname()[1]
    with socket.create_connection(("127.0.0.1", port)):
        process = hook(port, seconds=2, PATH=f"{tmp_path}:{os.environ['PATH']}")
        assert process.wait(60) == 0
    assert (tmp_path / "calls").read_text().count("x") == 3


@pytest.mark.parametrize("variable", ["DATABASE_URL", "DATABASE_HOST"])
def test_with_a_database_it_waits_for_spend_to_be_written(hook, listener, tmp_path, variable):
    """With a database the hook waits 18 s more, since LiteLLM writes spend every 15 s."""
    sleep = tmp_path / "sleep"
    sleep.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path}/slept\n')
    sleep.chmod(0o755)
    told = {"PATH": f"{tmp_path}:{os.environ['PATH']}", variable: "there"}
    assert hook(listener.getsockname()[1], **told).wait(60) == 0
    assert (tmp_path / "slept").read_text() == "18\n"


def test_the_flag_is_where_the_proxy_looks():
    """Plan, hooks and mount use one flag, and a container's start removes it."""
    pod = helm.pod_of(*helm.LEAST)["spec"]
    (proxy,) = pod["containers"]
    flag = "/litellm-overlay/drain/now"
    assert f'"drainFile":"{flag}"' in pod["initContainers"][0]["env"][0]["value"]
    assert command()[3:] == ["drain", flag, "120", "4000"]
    assert proxy["args"][-2:] == ["--port", "4000"]
    assert proxy["lifecycle"]["postStart"]["exec"]["command"] == ["rm", "-f", flag]
    assert {"name": "drain", "mountPath": "/litellm-overlay/drain"} in proxy["volumeMounts"]
    assert {"name": "drain", "emptyDir": {"sizeLimit": "1Mi"}} in pod["volumes"]


def test_a_proxy_that_hangs_is_not_drained():
    """A failed probe ends a hanging proxy within 30 s, since its connections would never drain."""
    (proxy,) = helm.pod_of(*helm.LEAST)["spec"]["containers"]
    for probe in ("startupProbe", "livenessProbe"):
        assert proxy[probe]["terminationGracePeriodSeconds"] == 30


def test_the_pod_lives_as_long_as_the_drain():
    """The pod's grace period is the drain's plus 30 s.

    These are for the pause before the flag, and for LiteLLM's own end.
    """
    pod = helm.pod_of(*helm.LEAST, "--set", "drain.timeoutSeconds=600")["spec"]
    assert pod["terminationGracePeriodSeconds"] == 630
