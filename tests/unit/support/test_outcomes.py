"""The tables of docs/clients.md: written, read again, and held against a run."""

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
    """Reading undoes writing; a cell that was not seen is none."""
    assert outcomes.read(outcomes.MARK + "\n" + outcomes.render(CELLS)) == CELLS
    assert outcomes.cell("told", "told") == "told"


def test_the_docs_are_as_a_run_writes_them():
    """Nobody edited the tables by hand; each pinned release has each case of each client."""
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
    """A cell that says something else, and one that the docs do not have."""
    told = outcomes.read(outcomes.DOCS.read_text("utf-8"))
    assert outcomes.differences(told) == []
    key = next(iter(told))
    assert len(outcomes.differences({key: "closed 1011", ("0", "a", "b"): "told"})) == 2


def test_over_websocket_every_served_case_is_served_on_every_release():
    """And a refusal is told in LiteLLM's words, but for handshakes and the client that shows none."""
    told = outcomes.read(outcomes.DOCS.read_text("utf-8"))
    for case in outcomes.CASES:
        for (release, name, client), text in told.items():
            if name == case.name and not case.at_the_door and "agents (JS)" not in client:
                assert text.startswith("completed" if case.served else "told"), (release, client)


def test_the_types_are_those_of_the_newest_client():
    """What holds events to the types is the release that runs against the proxy."""
    assert PINS["openai-python"][0].partition("==")[2] == openai.__version__
