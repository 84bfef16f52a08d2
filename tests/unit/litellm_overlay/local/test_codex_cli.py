"""Parsing Codex's output, and running it without the user's configuration."""

from __future__ import annotations

import sys
import textwrap

import pytest

from litellm_overlay.errors import OverlayError
from litellm_overlay.local import codex_cli
from litellm_overlay.responses import codex_config

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

EVENTS = (
    (0.1, {"type": "thread.started"}),
    (0.2, {"type": "turn.started"}),
    (0.3, {"type": "error", "message": "Reconnecting... 2/5"}),
    (0.4, {"type": "item.started", "item": {"type": "command_execution"}}),
    (0.5, {"type": "item.completed", "item": {"type": "command_execution", "exit_code": 0}}),
    (0.6, {"type": "item.completed", "item": {"type": "error", "message": "no metadata"}}),
    (0.7, {"type": "item.completed", "item": {"type": "agent_message", "text": "Hello"}}),
    (1.2, {"type": "turn.completed"}),
)


@pytest.fixture(name="fake_codex")
def _fake_codex(tmp_path):
    """Write a program that prints a turn, whose message has the program's inputs."""
    program = tmp_path / "codex"
    source = """\
        #!{python}
        import json, os, pathlib, sys, time
        if "hang" in sys.argv[-1]:
            time.sleep(60)
        told = [os.environ["LITELLM_KEY"], os.environ.get("OPENAI_API_KEY"), sys.argv[-1]]
        config = pathlib.Path(os.environ["CODEX_HOME"], "config.toml").read_text()
        print("not json")
        for event in (
            {{"type": "turn.started"}},
            {{"type": "item.completed",
              "item": {{"type": "agent_message", "text": json.dumps([*told, config])}}}},
            {{"type": "turn.completed"}},
        ):
            print(json.dumps(event))
        print("a warning", file=sys.stderr)
    """
    program.write_text(textwrap.dedent(source).format(python=sys.executable))
    program.chmod(0o755)
    return program


def test_events_become_facts():
    """Messages, commands, errors and the turn's time come from the events."""
    run = codex_cli.CodexRun(2.0, 0, EVENTS, "")
    assert run.completed
    assert run.turn_seconds == pytest.approx(1.0)
    assert run.messages == ["Hello"]
    assert run.commands == [0]
    assert run.errors == ["Reconnecting... 2/5", "no metadata"]


def test_a_turn_without_an_end_is_not_completed():
    """A turn without an end is not completed and has no time."""
    run = codex_cli.CodexRun(2.0, 0, EVENTS[:-1], "")
    assert not run.completed
    assert run.turn_seconds is None


def test_the_configuration_is_toml_whatever_the_names():
    """The configuration is valid TOML with any names, and enables WebSockets."""
    text = codex_config.config('http://x/"v1', 'a"b', {"model": "c"})
    provider = tomllib.loads(text)["model_providers"]["litellm"]
    assert provider["base_url"] == 'http://x/"v1'
    assert provider["supports_websockets"] is True
    assert provider["query_params"] == {"model": "c"}
    assert tomllib.loads(text)["model"] == 'a"b'


def test_codex_runs_with_a_home_of_its_own(fake_codex, monkeypatch):
    """Codex gets our key and configuration in its own home, and no key of the user's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-user")
    run = codex_cli.run(
        fake_codex, codex_config.config("http://x/v1", "gpt-5.4"), "sk-1234", "say hi"
    )
    assert run.completed
    assert '"sk-1234", null, "say hi"' in run.messages[0]
    assert "supports_websockets = true" in run.messages[0]
    assert run.stderr == "a warning\n"


def test_codex_that_hangs_is_ended(fake_codex):
    """A Codex that hangs is ended after the time limit, without a completed turn."""
    config = codex_config.config("http://x/v1", "gpt-5.4")
    run = codex_cli.run(fake_codex, config, "sk-1234", "hang", timeout=0.2)
    assert not run.completed


def test_requests_are_counted_from_the_access_log():
    """Accepted sockets, refused sockets and POSTs are counted from the access log."""
    log = """
INFO:     127.0.0.1:1 - "WebSocket /v1/responses" 403
INFO:     127.0.0.1:2 - "WebSocket /v1/responses?model=gpt-5.4" [accepted]
INFO:     127.0.0.1:3 - "WebSocket /v1/responses" 403
INFO:     127.0.0.1:4 - "POST /v1/responses HTTP/1.1" 200 OK
INFO:     127.0.0.1:5 - "GET /health/liveliness HTTP/1.1" 200 OK
"""
    assert codex_cli.count_requests(log) == {"accepted": 1, "refused": 2, "posts": 1}


def test_a_codex_that_is_not_there_is_said_so():
    """A path without Codex is an error with a hint."""
    with pytest.raises(OverlayError, match="there is no Codex at '/no/codex'") as error:
        codex_cli.find("/no/codex")
    assert "version" in error.value.hint


def test_without_npm_the_way_out_is_said(monkeypatch, tmp_path):
    """Without npm there is an error with a hint, and nothing is left behind."""
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OverlayError, match="npm is needed") as error:
        codex_cli.find("0.118.0", cache=tmp_path)
    assert "nodejs.org" in error.value.hint
    assert not (tmp_path / "codex" / "0.118.0").exists()
