"""The tables of docs/clients.md: written, read back, and compared with a run."""

from __future__ import annotations

import openai

from pins import PINS
from support import outcomes
from support.client_packages import CLIENTS

CELLS = {
    ("1.82.3", "a turn", CLIENTS[0].name): "completed, 1 call",
    ("1.88.6", "a blocked key", CLIENTS[-1].name): outcomes.cell("no words", "told"),
}


def test_what_is_written_is_read_again():
    """Reading restores what was written; a cell without an outcome is left out."""
    assert outcomes.read(outcomes.MARK + "\n" + outcomes.render(CELLS)) == CELLS
    assert outcomes.cell("told", "told") == "told"


def test_the_docs_are_as_a_run_writes_them():
    """The page equals the rendered text, and has every release, case and client."""
    text = outcomes.DOCS.read_text("utf-8")
    told = outcomes.read(text)
    assert text.partition(outcomes.MARK)[2] == "\n" + outcomes.render(told)
    assert told.keys() == {
        (release, case.name, client.name)
        for release in PINS["litellm-clients"]
        for case in outcomes.CASES
        for client in CLIENTS
    }


def test_a_difference_is_told():
    """A changed cell and a cell that the docs lack are differences."""
    told = outcomes.read(outcomes.DOCS.read_text("utf-8"))
    assert outcomes.differences(told) == []
    key = next(iter(told))
    assert len(outcomes.differences({key: "closed 1011", ("0", "a", "b"): "told"})) == 2


def test_over_websocket_every_served_case_is_served_on_every_release():
    """Every served case is served on every release, and a refusal has LiteLLM's message.

    Handshakes, and the client that shows no messages, are exceptions.
    """
    told = outcomes.read(outcomes.DOCS.read_text("utf-8"))
    for case in outcomes.CASES:
        for (release, name, client), text in told.items():
            if name == case.name and not case.at_the_door and "agents (JS)" not in client:
                assert text.startswith("completed" if case.served else "told"), (release, client)


def test_the_types_are_those_of_the_newest_client():
    """The types come from the newest pinned openai-python."""
    assert PINS["openai-python"][0].partition("==")[2] == openai.__version__
