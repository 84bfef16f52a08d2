"""The verdict on a server from a Codex-like client, and the verb that prints it."""

from __future__ import annotations

import asyncio
import io
import json
import sys

import pytest

from fakes.responses_server import ResponsesServer, completed, error, well_behaved
from litellm_overlay import cli
from litellm_overlay.responses.diagnosis import NO_SUCH_MODEL, diagnose

KEY = "sk-secret-1234"


async def diagnosis_of(answer=well_behaved, refuse=lambda _: None, timeout=10):
    """Return the diagnosis of a server with this behaviour."""
    async with ResponsesServer(answer, refuse).running() as server:
        return await diagnose(server.url, KEY, "gpt-5.4", timeout=timeout)


def without_model(status, otherwise=None):
    """Return a rule that refuses handshakes without `?model=`."""
    return lambda request: otherwise if "?model=" in request.path else status


def unless(condition, steps):
    """Return an answer that is good except for frames that meet the condition."""
    return lambda frame: steps if condition(frame.get("response", frame)) else well_behaved(frame)


def is_warm_up(request):
    return request.get("generate") is False


def is_unknown(request):
    return request["model"] == NO_SUCH_MODEL


async def test_a_good_server_works():
    """For a good server all six checks are made, in Codex's order."""
    async with ResponsesServer().running() as server:
        heard = []
        diagnosis = await diagnose(server.url, KEY, "gpt-5.4", timeout=5, on_check=heard.append)
    assert diagnosis.works
    assert diagnosis.checks == tuple(heard)
    assert [check.name for check in diagnosis.checks if check.ok] == [
        "handshake",
        "warm-up",
        "turn",
        "second turn",
        "nested form",
        "error event",
    ]
    previous = [frame.get("previous_response_id") for frame in server.frames]
    assert previous == [None, "resp_warm", "resp_1", None, None]
    assert all("model" not in request.path for request in server.requests)


async def test_a_stock_litellm_needs_the_model_in_the_url():
    """A server that needs `?model=` gets the verdict "needs-model"."""
    diagnosis = await diagnosis_of(refuse=without_model(403))
    assert diagnosis.verdict.name == "needs-model"
    assert "#25532" in diagnosis.verdict.sentence
    assert [check.ok for check in diagnosis.checks] == [False, True]


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_key_is_not_taken_for_the_defect(status):
    """A server that refuses with `?model=` as well gets "key-refused"."""
    diagnosis = await diagnosis_of(refuse=lambda _: status)
    assert diagnosis.verdict.name == "key-refused"
    assert f"{status} even with ?model=" in diagnosis.verdict.sentence


async def test_a_key_that_is_refused_in_words_is_no_closed_door():
    """A key refused by an event gets LiteLLM's reason, without the key."""
    greeting = [error(400, f"Key is blocked: {KEY}"), 1008]
    async with ResponsesServer(greeting=greeting).running() as server:
        diagnosis = await diagnose(server.url, KEY, "gpt-5.4", timeout=5)
    assert diagnosis.verdict.name == "key-refused"
    assert diagnosis.verdict.sentence.endswith("refuses it: Key is blocked: [key]")
    assert [(check.name, check.ok) for check in diagnosis.checks] == [
        ("handshake", True),
        ("key", False),
    ]
    assert server.frames == []


async def test_426_means_http_at_once():
    """A 426 gets the verdict "http-fallback"."""
    diagnosis = await diagnosis_of(refuse=lambda _: 426)
    assert diagnosis.verdict.name == "http-fallback"
    assert not diagnosis.works


@pytest.mark.parametrize("status", [404, 405, 429, 502])
async def test_other_refusals_are_told_by_their_status(status):
    """Other statuses get "no-endpoint"."""
    diagnosis = await diagnosis_of(refuse=lambda _: status)
    assert diagnosis.verdict.name == "no-endpoint"
    assert str(status) in diagnosis.verdict.sentence
    assert len(diagnosis.checks) == 1


@pytest.mark.parametrize(
    ("answer", "check", "detail"),
    [
        (unless(is_warm_up, [error(None)]), "warm-up", "error event without a status"),
        (unless(is_warm_up, [1011]), "warm-up", "closed with code 1011"),
        (
            unless(is_warm_up, [{"type": "response.completed", "response": {}}]),
            "warm-up",
            "completed without a response id",
        ),
        (
            unless(lambda r: r.get("previous_response_id") == "resp_warm", [error(400, "lost")]),
            "turn",
            "error event, status 400: lost",
        ),
        (
            unless(lambda r: r.get("previous_response_id") == "resp_1", ["drop"]),
            "second turn",
            "closed with code 1006",
        ),
        (unless(is_unknown, [error(None)]), "error event", "error event without a status"),
        (unless(is_unknown, [error("400")]), "error event", "error event without a status"),
        (unless(is_unknown, [error(True)]), "error event", "error event without a status"),
    ],
)
async def test_what_breaks_codex_after_the_handshake_is_named(answer, check, detail):
    """Each known failure after the handshake fails its check, and the verdict names it."""
    diagnosis = await diagnosis_of(answer)
    failed = [each for each in diagnosis.checks if not each.ok]
    assert [each.name for each in failed] == [check]
    assert detail in failed[0].detail
    assert diagnosis.verdict.name == "broken"
    assert failed[0].detail in diagnosis.verdict.sentence


@pytest.mark.parametrize(("when", "name"), [(is_warm_up, "warm-up"), (is_unknown, "error event")])
async def test_silence_fails_the_check(when, name):
    """Silence fails the check after the time limit."""
    diagnosis = await diagnosis_of(unless(when, []), timeout=1)
    assert [check.name for check in diagnosis.checks if not check.ok] == [name]
    assert diagnosis.verdict.sentence.endswith(
        f"{name}: silence after 0 events; Codex would wait for up to 300 s"
    )


async def test_after_a_failed_turn_the_ones_that_need_it_are_left_out():
    """After a failed turn only the checks that do not need it are made."""
    diagnosis = await diagnosis_of(unless(is_warm_up, [1011]))
    names = [check.name for check in diagnosis.checks]
    assert names == ["handshake", "warm-up", "nested form", "error event"]


async def test_codex_does_without_the_nested_form():
    """A server without the nested form still works for Codex."""

    def flat_only(frame):
        return [error(400, "no model")] if "response" in frame else well_behaved(frame)

    diagnosis = await diagnosis_of(flat_only)
    assert diagnosis.works
    assert [(c.name, c.required) for c in diagnosis.checks if not c.ok] == [("nested form", False)]


async def test_a_warm_up_that_calls_the_model_is_pointed_out():
    """A warm-up that calls the model passes, with a remark that it is billed."""
    diagnosis = await diagnosis_of(unless(is_warm_up, completed("hello", "resp_warm")))
    assert diagnosis.works
    assert "billed" in diagnosis.checks[1].detail


@pytest.mark.parametrize(
    ("steps", "detail"),
    [([1011], "closed with code 1011; Codex would try again"), (completed(), "response.completed")],
)
async def test_an_unknown_model_that_hangs_nobody_is_no_obstacle(steps, detail):
    """A check that Codex can do without may fail: the answer to an unknown model."""
    diagnosis = await diagnosis_of(unless(is_unknown, steps))
    assert diagnosis.works
    assert (diagnosis.checks[-1].ok, diagnosis.checks[-1].required) == (False, False)
    assert detail in diagnosis.checks[-1].detail


async def test_a_server_that_stops_accepting_fails_its_checks():
    """A handshake that is refused later is a failed check."""
    answers = iter([None, 403, 403])
    diagnosis = await diagnosis_of(refuse=lambda _: next(answers))
    assert [check.ok for check in diagnosis.checks] == [True, True, True, True, False, False]
    assert diagnosis.checks[-1].detail.startswith("handshake: HTTP 403")


async def test_neither_keys_nor_control_characters_of_a_server_are_shown():
    """A server's message is printed without key and control characters."""
    told = unless(is_unknown, [error(400, f"{KEY}\x1b[2J\n" + "x" * 500)])
    detail = (await diagnosis_of(told)).checks[-1].detail
    assert KEY not in detail
    assert detail.isprintable()
    assert len(detail) <= 200


async def run(server, *arguments, monkeypatch, capsys, key=KEY):
    """Run the verb against a server; return exit code, stdout and stderr."""
    monkeypatch.setattr(sys, "argv", ["litellm-overlay", "probe", server.url, *arguments])
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with pytest.raises(SystemExit) as ending:
        await asyncio.to_thread(cli.main)
    return ending.value.code, *capsys.readouterr()


async def test_the_verb_prints_a_table_and_succeeds(monkeypatch, capsys):
    """The verb prints one line per check and the verdict, without the key, and exits with 0."""
    async with ResponsesServer().running() as server:
        code, out, err = await run(server, monkeypatch=monkeypatch, capsys=capsys)
    assert (code, err) == (0, "")
    assert out.splitlines()[-1] == "Codex works over WebSocket here"
    assert [line[:2] for line in out.splitlines()[:6]] == ["ok"] * 6
    assert KEY not in out


async def test_the_verb_fails_with_the_verdict_and_a_hint(monkeypatch, capsys):
    """A bad verdict exits with 5, with a hint on stderr."""
    async with ResponsesServer(refuse=without_model(403)).running() as server:
        code, out, err = await run(server, monkeypatch=monkeypatch, capsys=capsys)
    assert code == 5
    assert out.startswith("NO  handshake")
    assert err.startswith("error: affected by LiteLLM #25532")
    assert "\nhint: " in err
    assert KEY not in out + err


@pytest.mark.parametrize(("refuse", "works"), [(lambda _: None, True), (lambda _: 426, False)])
async def test_json_tells_the_same(refuse, works, monkeypatch, capsys):
    """With JSON output stdout has one object for each verdict."""
    async with ResponsesServer(refuse=refuse).running() as server:
        code, out, _ = await run(server, "--output", "json", monkeypatch=monkeypatch, capsys=capsys)
    data = json.loads(out)
    assert (data["works"], code) == (works, 0 if works else 5)
    assert data["verdict"]["name"] == ("works" if works else "http-fallback")
    assert data["checks"][0].keys() == {"name", "ok", "detail", "milliseconds", "required"}


async def test_the_key_can_come_from_stdin_or_another_variable(monkeypatch, capsys):
    """The key can come from stdin or another variable; its line break is removed."""
    async with ResponsesServer().running() as server:
        monkeypatch.setenv("OTHER", "sk-other")
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"sk-stdin\n")))
        for option in (["--key-file", "-"], ["--key-env", "OTHER"]):
            assert (await run(server, *option, monkeypatch=monkeypatch, capsys=capsys))[0] == 0
    sent = [request.headers["Authorization"] for request in server.requests]
    assert sent == ["Bearer sk-stdin"] * 3 + ["Bearer sk-other"] * 3


async def test_no_key_is_a_usage_error(monkeypatch, capsys):
    """Without a key the verb exits with a usage error and sends no request."""
    async with ResponsesServer().running() as server:
        code, _, err = await run(server, monkeypatch=monkeypatch, capsys=capsys, key="")
    assert (code, server.requests) == (2, [])
    assert "--key-env" in err


async def test_an_unreachable_server_is_one_line(monkeypatch, capsys):
    """An unreachable server exits with 1 and one line."""
    server = ResponsesServer()
    server.url = "http://127.0.0.1:1"
    code, out, err = await run(server, monkeypatch=monkeypatch, capsys=capsys)
    assert (code, out) == (1, "")
    assert err.splitlines()[0] == "error: cannot reach 127.0.0.1:1: Connection refused"
