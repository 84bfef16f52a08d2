"""Whether a response is stored: its id is passed on, or the conversation is sent again."""

import json

import pytest

from endpoint_patch.versions.v2_0_0.inserted.frames import parse
from endpoint_patch.versions.v2_0_0.inserted.provider import NOBODY, Provider
from support.sessions import begin, body, finish, item

RAW = {"type": "reasoning", "id": "rs_1", "content": [{"type": "reasoning_text", "text": "t"}]}
OPENAI = Provider(is_openai=True, has_responses=True)
VLLM = Provider(is_openai=False, has_responses=True)


@pytest.mark.parametrize("provider", [VLLM, NOBODY])
def test_reasoning_keeps_its_id_as_over_http(session, provider):
    """A reasoning item keeps its id, which a provider that checks types requires."""
    finish(begin(session, input=[]), "r1", RAW, provider=provider)
    assert body(begin(session, input=[], previous_response_id="r1"))["input"] == [RAW]


def test_reasoning_that_openai_did_not_keep_loses_its_id(session):
    """With OpenAI, a reasoning item that was not stored loses its id, which would not exist."""
    finish(begin(session, input=[]), "r1", RAW, provider=OPENAI)
    replay = body(begin(session, input=[], previous_response_id="r1"))["input"]
    assert replay == [{"type": "reasoning", "content": RAW["content"]}]


STORES = [{"store": True}, {"store": None}, {}]


def begin_with(session, store, **fields):
    """Begin a turn whose `store` is set, null or missing."""
    event = {"type": "response.create", "model": "m", **store, **fields}
    return session.begin(parse(json.dumps(event), None))


@pytest.mark.parametrize("store", STORES)
def test_a_turn_that_nobody_stored_is_remembered_whatever_it_asked_for(session, store):
    """If the answer shows no store, the conversation is sent again, without an id."""
    finish(begin_with(session, store, input=[item("a")]), "r1", item("b"))
    finish(begin_with(session, store, input=[item("c")], previous_response_id="r1"), "r2")
    third = body(begin_with(session, store, input=[item("d")], previous_response_id="r2"))
    assert [entry["content"] for entry in third["input"]] == ["a", "b", "c", "d"]
    assert "previous_response_id" not in third


def test_an_answer_s_store_counts_only_where_it_was_asked_for(session):
    """A turn with `store: false` is continued here, even if the answer says `store: true`."""
    finish(begin(session, input=[item("a")]), "r1", item("b"), store=True)
    second = body(begin(session, input=[], previous_response_id="r1"))
    assert len(second["input"]) == 2


def test_a_stored_turn_on_top_of_remembered_ones_is_asked_for_by_its_id(session):
    """A stored turn on remembered ones is continued by its id alone."""
    finish(begin(session, input=[item("a")]), "r1", item("b"))
    turn = begin_with(session, {}, input=[item("c")], previous_response_id="r1")
    assert [entry["content"] for entry in body(turn)["input"]] == ["a", "b", "c"]
    finish(turn, "r2", item("d"), store=True)
    third = body(begin_with(session, {}, input=[item("e")], previous_response_id="r2"))
    assert third["previous_response_id"] == "r2"
    assert [entry["content"] for entry in third["input"]] == ["e"]


@pytest.mark.parametrize("store", STORES)
def test_a_stored_turn_is_continued_by_the_provider(session, store):
    """A stored turn is continued by its id, as over HTTP."""
    turn = begin_with(session, store, input="a")
    finish(turn, "r1", item("b"), store=True)
    assert body(begin(session, input="c", previous_response_id="r1")) == {
        "model": "m",
        "store": False,
        "input": "c",
        "previous_response_id": "r1",
        "stream": True,
    }


def test_history_on_top_of_a_stored_response_names_it(session):
    """Turns after a stored response are sent with its id."""
    turn = begin(session, input=[item("a")], previous_response_id="stored")
    assert body(turn)["previous_response_id"] == "stored"
    finish(turn, "r1", item("b"))
    second = body(begin(session, input=[item("c")], previous_response_id="r1"))
    assert second["previous_response_id"] == "stored"
    assert [entry["content"] for entry in second["input"]] == ["a", "b", "c"]
