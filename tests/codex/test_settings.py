"""An operator's settings and the real Codex: heartbeats, and the bridge switched off."""

from __future__ import annotations

import concurrent.futures
import itertools
import time

import pytest

from litellm_overlay.local import codex_cli
from litellm_overlay.local.processes import MASTER_KEY
from litellm_overlay.responses import codex_config
from pins import PINS, ROOT
from support import matrix
from support.codex_app_server import session
from support.fleet import running

pytestmark = pytest.mark.timeout(1800)

LITELLM = PINS["litellm-codex"][-1]
ONCE = "stream_max_retries = 0\nrequest_max_retries = 0\n"
DOCS = ROOT / "docs" / "silence.md"
MARK = '<!-- From here on written by: make codex ARGS="-k silence --write-docs" -->'
TAGS = itertools.count()


def run(live, version, seconds, idle_ms=None, timeout=codex_cli.RUN_SECONDS):
    """Run one turn of Codex whose provider stays silent for `seconds`; return the run."""
    config = codex_config.config(f"{live.proxy.url}/v1", "gpt-5.4") + ONCE
    if idle_ms:
        config += f"stream_idle_timeout_ms = {idle_ms}\n"
    prompt = f"TRIGGERSILENT:{seconds} number {next(TAGS)}"
    binary = codex_cli.install(version)
    return codex_cli.run(binary, config, MASTER_KEY, prompt, timeout=timeout)


def write(ended, version, control):
    """Write the table of docs/silence.md; keep the text above it."""
    rows = [
        f"| {each} | 60 | completed after {run.turn_seconds:.0f} s |" for each, run in ended.items()
    ]
    told = "; ".join(error for error in control.errors if "metadata" not in error)
    rows.append(f"| {version} | 0 | not completed: {told} |")
    head = DOCS.read_text("utf-8").partition(MARK)[0]
    table = ["", "| Codex | heartbeatSeconds | the turn |", "| --- | --- | --- |", *rows, ""]
    DOCS.write_text(head + MARK + "\n" + "\n".join(table), "utf-8")


def requests_of(live):
    """Return the counts of requests to the proxy so far."""
    return codex_cli.count_requests(live.proxy.log.read_text(errors="replace"))


@pytest.fixture(scope="module")
def live(tmp_path_factory, request):
    """Run a proxy with heartbeats and an off file."""
    small = matrix.is_small(request.config)
    folder = tmp_path_factory.mktemp("settings")
    settings = {"heartbeatSeconds": 1 if small else 60, "offFile": str(folder / "off")}
    with running(LITELLM, "2.0.0", folder, settings=settings) as live:
        yield live


def test_codex_waits_through_silence_where_something_is_told(fleet, live, request):
    """With heartbeats each version completes a silent turn on one WebSocket; without, it gives up.

    The short form uses an idle timeout of 2.5 s instead of Codex's default of 300 s.
    """
    small = matrix.is_small(request.config)
    versions = [PINS["codex"][0], PINS["codex"][-1]] if small else PINS["codex"]
    seconds, idle_ms, longest = (5, 2500, 60) if small else (330, None, 345)
    before = requests_of(live)
    others = fleet.get(LITELLM, "2.0.0")  # without heartbeats
    with concurrent.futures.ThreadPoolExecutor(len(versions) + 1) as pool:
        control = pool.submit(run, others, versions[-1], seconds, idle_ms, longest)
        runs = [pool.submit(run, live, version, seconds, idle_ms, 600) for version in versions]
        ended = {version: each.result() for version, each in zip(versions, runs, strict=True)}
    assert {version: each.completed for version, each in ended.items()} == dict.fromkeys(
        versions, True
    )
    after = requests_of(live)
    tried = {name: after[name] - count for name, count in before.items()}
    assert tried == {"accepted": len(versions), "refused": 0, "posts": 0}
    assert not control.result().completed
    if request.config.getoption("write_docs") and not small:
        write(ended, versions[-1], control.result())


def test_codex_goes_to_http_when_the_bridge_is_switched_off(live, codex_version, binary):
    """When the bridge is switched off in mid-session, no turn is lost and Codex stays on HTTP.

    It gets 426 once.
    """
    off = live.folder / "off"
    before = requests_of(live)
    try:
        with session(binary, f"{live.proxy.url}/v1", "gpt-5.4", MASTER_KEY) as server:
            turns = [server.turn("say hi")]
            off.touch()
            time.sleep(1.5)  # the bridge checks the file every half second
            turns += [server.turn("say hi again"), server.turn("say hi once more")]
    finally:
        off.unlink(missing_ok=True)
    after = requests_of(live)
    assert [turn.status for turn in turns] == ["completed"] * 3
    tried = {name: after[name] - count for name, count in before.items()}
    assert tried == {"accepted": 1, "refused": 1, "posts": 2}
