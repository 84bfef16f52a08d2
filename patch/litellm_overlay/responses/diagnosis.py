"""Check whether Codex works over WebSocket with a server, in Codex's own order of requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from litellm_overlay.responses.client import connect
from litellm_overlay.responses.protocol import nested, response_create, user_message, warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from litellm_overlay.responses.client import Connection
    from litellm_overlay.responses.protocol import Json, Turn

TOLD_SECONDS = 0.5  # a server that explains a refusal does so right after the handshake
KEY_CHECK = "key"
NO_SUCH_MODEL = "litellm-overlay-no-such-model"


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check. Codex works even if a check that is not `required` fails."""

    name: str
    ok: bool
    detail: str
    milliseconds: float
    required: bool = True


@dataclass(frozen=True, slots=True)
class Verdict:
    """The conclusion from all checks: a name for programs, a sentence and a hint for people."""

    name: str  # works, broken, needs-model, http-fallback, key-refused or no-endpoint
    sentence: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The checks that were made, and the verdict."""

    checks: tuple[Check, ...]
    verdict: Verdict

    @property
    def works(self) -> bool:
        """Tell whether Codex works over WebSocket."""
        return self.verdict.name == "works"


async def diagnose(  # noqa: PLR0913 - where, as whom, and how patiently
    url: str,
    key: str,
    model: str,
    *,
    auth: str = "bearer",
    timeout: float = 30,
    on_check: Callable[[Check], None] = lambda _: None,
) -> Diagnosis:
    """Make the checks, and return them with the verdict.

    `on_check` is called with each check as soon as it is made. See `client.connect` for the other
    arguments; `timeout` applies to each handshake and turn. Raises OverlayError if no server
    answers.
    """
    open_one = partial(connect, url, key, auth=auth, timeout=timeout)
    checks: list[Check] = []

    def note(check: Check) -> bool:
        # The detail may quote the server, and some servers repeat the key.
        detail = sanitize_line(check.detail.replace(key, "[key]"))
        checks.append(replace(check, detail=detail, milliseconds=round(check.milliseconds, 1)))
        on_check(checks[-1])
        return check.ok

    async def ask_alone(frame: Json) -> Turn:
        async with open_one() as connection:
            return await connection.turn(frame)

    async with open_one() as connection:
        status, with_model = connection.status, None
        note(check_handshake("handshake", connection))
        event = await connection.first_event(TOLD_SECONDS)
        if event is not None:
            note(check_refusal(event))
        elif connection.accepted:
            turn = await connection.turn(warm_up(model))
            going_on = note(check_warm_up(turn))
            for name in ("turn", "second turn"):
                if going_on:
                    frame = response_create(model, user_message(name), previous=turn.response_id)
                    turn = await connection.turn(frame)
                    going_on = note(check_turn(name, turn))
    simple = response_create(model, user_message("turn"))
    if event is not None:
        pass  # the server answers nothing more
    elif status == 101:
        note(check_turn("nested form", await ask_alone(nested(simple)), required=False))
        note(check_error("error event", await ask_alone({**simple, "model": NO_SUCH_MODEL})))
    elif status in {401, 403}:
        async with open_one(model_in_query=model) as connection:
            with_model = connection.status
            note(check_handshake("handshake with ?model=", connection, required=False))
    return Diagnosis(tuple(checks), judge(status, with_model, checks))


def judge(status: int, with_model: int | None, checks: Sequence[Check]) -> Verdict:
    """Return the verdict for the handshake's status, the one with `?model=`, and the checks."""
    if status == 101:
        return judge_accepted(checks)
    if status == 426:
        return Verdict(
            "http-fallback",
            "http-fallback: Codex will use HTTP at once (HTTP 426)",
            "that is what the setting mode=http-fallback is for; mode=websocket undoes it",
        )
    if with_model == 101:
        return Verdict(
            "needs-model",
            f"affected by LiteLLM #25532: handshake needs ?model=, without it HTTP {status}",
            "Codex never sends it, tries 7 times in about 6 s, then uses HTTP: apply the overlay; "
            "`litellm-overlay demo` shows it",
        )
    if with_model is not None:
        return Verdict(
            "key-refused",
            f"wrong key or no route: {status} even with ?model=",
            "the proxy's log tells which; the key must be LiteLLM's own, not the provider's, and "
            "may have to be allowed to use the model",
        )
    hint = "is this the address of LiteLLM, and is nothing on the way in between?"
    if status == 429:
        hint = "a rate limit; at a handshake it ends Codex's turn, with no fallback to HTTP"
    return Verdict("no-endpoint", f"no WebSocket endpoint answers here: HTTP {status}", hint)


def judge_accepted(checks: Sequence[Check]) -> Verdict:
    """Return the verdict for an accepted handshake and the checks after it."""
    failed = next((check for check in checks if check.required and not check.ok), None)
    if failed is None:
        return Verdict("works", "Codex works over WebSocket here")
    if failed.name == KEY_CHECK:
        return Verdict(
            "key-refused",
            f"LiteLLM knows the key and refuses it: {failed.detail}",
            "the door is open: another key gets in, or this one once it is good again",
        )
    return Verdict(
        "broken",
        f"Codex connects, but then fails: {failed.name}: {failed.detail}",
        "patch version 2.0.0 repairs what LiteLLM does after the handshake; where it runs, ask the "
        "model over HTTP: the provider is the likely cause",
    )


def check_handshake(name: str, connection: Connection, *, required: bool = True) -> Check:
    """Return the check of a handshake."""
    detail = f"HTTP {connection.status}"
    return Check(name, connection.accepted, detail, connection.handshake_ms, required)


def check_refusal(event: Json) -> Check:
    """Return the failed check for a key that the server refused after the handshake."""
    return Check(KEY_CHECK, ok=False, detail=error_message(event), milliseconds=0.0)


def check_warm_up(turn: Turn) -> Check:
    """Return the check of Codex's first frame, which must be answered and should cost nothing."""
    check = check_turn("warm-up", turn)
    if turn.completed and turn.response_id is None:
        return replace(check, ok=False, detail="completed without a response id to refer to")
    if turn.text:
        return replace(check, detail=f"{check.detail}; the model was called, so it is billed")
    return check


def check_turn(name: str, turn: Turn, *, required: bool = True) -> Check:
    """Return the check of a turn that must complete."""
    return Check(name, turn.completed, outcome(turn), turn.total_ms, required)


def check_error(name: str, turn: Turn) -> Check:
    """Return the check of a frame that must bring an `error` event with a status.

    It is required only if Codex would hang: a close instead of an event only costs time.
    """
    ok = has_status(turn.error)
    hangs = turn.silent or (bool(turn.error) and not ok)
    return Check(name, ok, outcome(turn), turn.total_ms, required=hangs)


def has_status(error: Json) -> bool:
    """Tell whether Codex would see an `error` event; it ignores those without a status."""
    return type(error.get("status")) is int


def outcome(turn: Turn) -> str:
    """Return how a turn ended, and how Codex would react to a failure."""
    if turn.silent:
        return f"silence after {len(turn.events)} events; Codex would wait for up to 300 s"
    if turn.terminal is None:
        refused = turn.close is not None and turn.close < 1000
        how = f"handshake: HTTP {turn.close}" if refused else f"closed with code {turn.close}"
        return f"{how}; Codex would try again for about 6 s, then use HTTP"
    if not turn.error:
        tokens = f", {turn.usage.get('output_tokens')} output tokens" if turn.usage else ""
        return f"{turn.terminal}, {len(turn.events)} events{tokens}"
    message = error_message(turn.error)
    if has_status(turn.error):
        return f"error event, status {turn.error['status']}: {message}"
    return f"error event without a status, so Codex would wait for up to 300 s: {message}"


def error_message(event: Json) -> str:
    """Return the message of an `error` event."""
    error = event.get("error")
    return str(error.get("message") if isinstance(error, dict) else error)


def sanitize_line(text: str) -> str:
    """Return a server's text as one line of at most 200 printable characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if len(line) <= 200 else line[:199] + "…"
