"""Story 11: a rolling update while twenty Codex sessions and eighty similar ones make turns."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from rich.console import Console
from rich.table import Table

from e2e.kit import crowd
from e2e.kit.stories import MASTER_KEY, until
from litellm_overlay.local import codex_cli
from pins import PINS
from support.codex_app_server import session

PEOPLE, MORE = 20, 80  # Codex processes, and sessions of crowd.py
PAUSE, LONG_PAUSE = 0.5, 5.0  # seconds between the turns of a session
ANSWER = "Hello from the mock model."
PACED = "".join(f"{number} " for number in range(20))


@dataclass(frozen=True)
class Ask:
    """A prompt, its expected answer, and the number of provider requests for its turn."""

    text: str
    answer: str
    requests: int


# A short answer; a command that Codex runs; a stream of two seconds.
ASKS = (Ask("say hi", ANSWER, 1), Ask("TRIGGERTOOL", ANSWER, 2), Ask("TRIGGERPACED:20", PACED, 1))


class Person:
    """A Codex session that makes named turns until `stop` is set."""

    def __init__(self, number, door, stop):
        self.number = number
        self.door = door
        self.stop = stop
        self.started = {}
        self.ended = {}

    def work(self):
        binary = codex_cli.install(PINS["codex-e2e"][-1])
        url = f"{self.door.url}/v1"
        with session(binary, url, "gpt-5.4", MASTER_KEY, timeout=120) as server:
            while not self.stop.is_set():
                count = len(self.started)
                name, ask = f"turn-{self.number}-{count}", ASKS[(self.number + count) % len(ASKS)]
                self.started[name] = ask
                self.ended[name] = server.turn(f"{name}: {ask.text}")
                self.stop.wait(PAUSE)


@contextlib.contextmanager
def at_work(door):
    """Yield people and sessions; they work until the block ends, and complete their last turns."""
    stop = threading.Event()
    people = [Person(number, door, stop) for number in range(PEOPLE)]
    says = [ASKS[0].text, ASKS[2].text]
    sessions = [
        crowd.Session(PEOPLE + number, door, MASTER_KEY, says, LONG_PAUSE) for number in range(MORE)
    ]
    with ThreadPoolExecutor(PEOPLE + 1) as pool:
        futures = [pool.submit(person.work) for person in people]
        futures.append(pool.submit(crowd.work, sessions, stop))
        try:
            yield people, sessions
        finally:
            stop.set()
    for future in futures:
        future.result()


@pytest.fixture
def logs_of_old_pods(namespace, tmp_path):
    """Install two replicas; yield a function that returns the logs of the first pods."""
    namespace.install(namespace.values("venv", replicaCount=2))
    files = []
    with contextlib.ExitStack() as stack:
        for pod in namespace.pods():
            files.append(tmp_path / pod["metadata"]["name"])
            stack.enter_context(namespace.log_into(files[-1], pod))
        yield lambda: "".join(file.read_text() for file in files)


def test_no_turn_is_lost_and_none_is_called_twice(namespace, world, logs_of_old_pods, capsys):
    """Every turn is answered in full, and the provider gets each of its requests once."""
    old = {pod["metadata"]["uid"] for pod in namespace.pods()}
    assert len(old) == 2
    with namespace.door() as door, at_work(door) as (people, sessions):
        crowd.wait_for_a_turn_each([*people, *sessions])
        namespace.kubectl("rollout", "restart", "deployment/litellm")
        namespace.wait_for_rollout()
        until(lambda: len(namespace.get("pods")["items"]) == 2, "the old pods' end")
        crowd.wait_for_a_turn_each([*people, *sessions])
    assert old.isdisjoint(pod["metadata"]["uid"] for pod in namespace.pods())

    started = {name: ask for person in people for name, ask in person.started.items()}
    ended = {name: turn for person in people for name, turn in person.ended.items()}
    by_text = {ask.text: ask for ask in ASKS}
    like_codex = {
        name: by_text[text] for session in sessions for name, text in session.started.items()
    }
    like_codex_ended = {name: end for session in sessions for name, end in session.ended.items()}
    needed = started | like_codex
    calls = crowd.calls_by_turn(world.provider_log(), needed)
    seen = codex_cli.count_requests(logs_of_old_pods() + namespace.logs())
    shown = [error for turn in ended.values() for error in turn.errors]
    counts = {
        "sessions of Codex, and like it": len(people) + len(sessions),
        "turns started": len(needed),
        "turns completed": sum(turn.status == "completed" for turn in ended.values())
        + sum(kind == "response.completed" for kind, _ in like_codex_ended.values()),
        "provider calls needed": sum(ask.requests for ask in needed.values()),
        "provider calls made": sum(calls.values()),
        "turns called twice": sum(calls[name] > ask.requests for name, ask in needed.items()),
        "handshakes accepted": seen["accepted"],
        "handshakes refused": seen["refused"],
        "HTTP fallbacks": seen["posts"],
        "errors that Codex showed": len(shown),
    }
    table = Table("during a rolling update", "count")
    for what, count in counts.items():
        table.add_row(what, str(count))
    with capsys.disabled():
        Console().print("\n", table)

    answers = {name: (turn.status, turn.text) for name, turn in ended.items()}
    assert answers == {name: ("completed", ask.answer) for name, ask in started.items()}
    assert like_codex_ended == {
        name: ("response.completed", ask.answer) for name, ask in like_codex.items()
    }
    assert calls == {name: ask.requests for name, ask in needed.items()}
    assert seen["posts"] == 0
    # Codex shows an error from its second retry on; after five it changes to HTTP.
    assert shown == []
