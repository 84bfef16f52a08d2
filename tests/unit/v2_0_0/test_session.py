"""The session: a frame becomes a POST body or events; events are remembered."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.errors import RefusalError
from endpoint_patch.versions.v2_0_0.inserted.frames import parse
from endpoint_patch.versions.v2_0_0.inserted.memory import Memory
from endpoint_patch.versions.v2_0_0.inserted.session import Session
from support.sessions import begin, body, finish, item


def test_a_first_turn_passes_as_it_is(session):
    """A first turn's body is the frame's, also with a plain-text input."""
    assert body(begin(session, input="hi"))["input"] == "hi"
    assert body(begin(session, input=[item("a")], x=1)) == {
        "model": "m",
        "store": False,
        "input": [item("a")],
        "x": 1,
        "stream": True,
    }


def test_a_warm_up_costs_no_request_and_its_input_reaches_the_next_turn(session):
    """A warm-up needs no request, and its input is sent with the next turn.

    Codex 0.169 sends its base instructions only in the warm-up.
    """
    created, completed = begin(session, generate=False, input=[item("base")])
    assert (created["type"], completed["type"]) == ("response.created", "response.completed")
    assert created["response"]["id"] == completed["response"]["id"]
    assert completed["response"]["usage"]["total_tokens"] == 0
    turn = begin(session, input=[item("a")], previous_response_id=completed["response"]["id"])
    assert body(turn)["input"] == [item("base"), item("a")]
    assert "previous_response_id" not in body(turn)


def test_a_warm_up_in_mid_connection_continues_the_conversation(session):
    """A warm-up between turns continues the conversation."""
    first = begin(session, input=[item("a")])
    finish(first, "r1", item("b", role="assistant"))
    warm = begin(session, generate=False, input=[item("c")], previous_response_id="r1")
    turn = begin(session, input=[item("d")], previous_response_id=warm[1]["response"]["id"])
    names = [entry["content"] for entry in body(turn)["input"]]
    assert names == ["a", "b", "c", "d"]


def test_a_conversation_is_replayed_item_for_item(session):
    """A conversation is replayed with all items of input and output, in order."""
    call = {"type": "function_call", "id": "fc_1", "call_id": "c1", "name": "f", "arguments": "{}"}
    custom = {"type": "custom_tool_call", "call_id": "c2", "name": "apply_patch", "input": "p"}
    search = {"type": "web_search_call", "id": "ws_1", "status": "completed"}
    sealed = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
    first = begin(session, input="hi")
    finish(first, "r1", sealed, call, custom, search)
    outputs = [
        {"type": "function_call_output", "call_id": "c1", "output": "1"},
        {"type": "custom_tool_call_output", "call_id": "c2", "output": "2"},
    ]
    second = begin(session, input=outputs, previous_response_id="r1")
    results = {
        "type": "message",
        "role": "user",
        "content": [{"type": "input_text", "text": "hi"}],
    }
    assert body(second)["input"] == [results, sealed, call, custom, search, *outputs]


def test_litellm_s_affinity_ids_survive(session):
    """LiteLLM's `encitem_` ids are kept, since the router needs them to choose a deployment."""
    turn = begin(session, input=[])
    sealed = {"type": "reasoning", "id": "encitem_abc", "encrypted_content": "x", "summary": []}
    finish(turn, "r1", sealed)
    assert body(begin(session, input=[], previous_response_id="r1"))["input"] == [sealed]


def test_both_ids_of_a_response_are_known(session):
    """Both ids of a response are known; LiteLLM may change it between created and completed."""
    finish(begin(session, input=[item("a")]), "r1", created="r0")
    for known in ("r0", "r1"):
        assert body(begin(session, input=[], previous_response_id=known))["input"] == [item("a")]


def test_two_turns_may_branch_from_one(session):
    """Two turns can branch from one, and do not see each other."""
    finish(begin(session, input=[item("a")]), "r1")
    finish(begin(session, input=[item("b")], previous_response_id="r1"), "r2")
    finish(begin(session, input=[item("c")], previous_response_id="r1"), "r3")
    replay = body(begin(session, input=[], previous_response_id="r3"))["input"]
    assert [entry["content"] for entry in replay] == ["a", "c"]


@pytest.mark.parametrize("kind", ["response.failed", "error"])
def test_a_failed_turn_is_not_remembered(session, kind):
    """A failed turn is not remembered; its id is passed on to the provider."""
    finish(begin(session, input=[item("a")]), "r1", kind=kind)
    turn = begin(session, input=[], previous_response_id="r1")
    assert body(turn)["previous_response_id"] == "r1"


def test_an_incomplete_turn_is_remembered(session):
    """An incomplete turn is remembered and can be continued."""
    finish(begin(session, input=[item("a")]), "r1", kind="response.incomplete")
    assert body(begin(session, input=[], previous_response_id="r1"))["input"] == [item("a")]


def test_output_that_came_only_with_the_end_is_remembered(session):
    """Output that only the terminal event contains is remembered."""
    turn = begin(session, input=[])
    turn.observe({"type": "response.completed", "response": {"id": "r", "output": [item("z")]}})
    assert body(begin(session, input=[], previous_response_id="r"))["input"] == [item("z")]


def refused(session, **fields):
    with pytest.raises(RefusalError) as caught:
        begin(session, **fields)
    return caught.value.event["error"]["code"]


def test_a_lost_history_is_told(session):
    """A lost history is refused with previous_response_not_found, on which Codex resends all."""
    small = Session(Memory(200, 100))
    for number in range(6):
        finish(begin(small, input=[item("x" * 20)]), f"r{number}")
    assert refused(small, input=[], previous_response_id="r0") == "previous_response_not_found"
    assert body(begin(small, input=[], previous_response_id="r5"))["input"]


def test_a_conversation_over_the_limit_is_lost_as_a_whole():
    """A conversation over the limit is lost as a whole, never in part."""
    small = Session(Memory(150, 100))
    finish(begin(small, input=[item("x" * 20)]), "r0")
    finish(begin(small, input=[item("x" * 20)], previous_response_id="r0"), "r1")
    assert len(body(begin(small, input=[], previous_response_id="r1"))["input"]) == 2
    finish(begin(small, input=[item("x" * 20)], previous_response_id="r1"), "r2")
    assert refused(small, input=[], previous_response_id="r2") == "previous_response_not_found"


def test_turns_are_bounded():
    """The number of remembered turns is limited."""
    small = Session(Memory(1 << 20, 3))
    for number in range(5):
        finish(begin(small, input=[item("a")]), f"r{number}")
    assert refused(small, input=[], previous_response_id="r1") == "previous_response_not_found"


def test_a_warm_up_of_another_connection_is_told_as_lost(session):
    """A warm-up of another connection is refused as lost, since no provider knows its id."""
    other = begin(Session(Memory(1 << 20, 9)), generate=False)[1]["response"]["id"]
    assert refused(session, input=[], previous_response_id=other) == "previous_response_not_found"


def test_a_provider_that_repeats_its_ids_makes_no_circle(session):
    """A provider that repeats its ids still gets the whole conversation."""
    finish(begin(session, input=[item("a")]), "same")
    finish(begin(session, input=[item("b")], previous_response_id="same"), "same")
    replay = body(begin(session, input=[], previous_response_id="same"))["input"]
    assert [entry["content"] for entry in replay] == ["a", "b"]


def test_half_a_surrogate_pair_is_refused(session):
    """A lone surrogate in the input is refused."""
    assert refused(session, input="\ud800") == "invalid_json"
    assert refused(session, input=[item("\ud800")]) == "invalid_json"


def test_half_a_surrogate_pair_in_an_answer_goes_back_as_it_came(session):
    """A lone surrogate in an answer is sent back unchanged."""
    turn = begin(session, input=[])
    finish(turn, "r1", item("\ud800"))
    assert b"\\ud800" in begin(session, input=[], previous_response_id="r1").body


def test_a_warm_up_cannot_hide_a_lost_history(session):
    """A warm-up on a lost history is refused like a turn."""
    other = begin(Session(Memory(1 << 20, 9)), generate=False)[1]["response"]["id"]
    code = refused(session, generate=False, previous_response_id=other)
    assert code == "previous_response_not_found"
    small = Session(Memory(1 << 20, 1))
    for number in range(2):
        finish(begin(small, input=[item("a")]), f"r{number}")
    code = refused(small, generate=False, previous_response_id="r0")
    assert code == "previous_response_not_found"


def test_an_answer_that_is_no_json_is_lost_not_sent(session):
    """A turn whose answer has NaN is lost, since no later request could contain it."""
    turn = begin(session, input=[])
    finish(turn, "r1", item("a", score=float("nan")))
    code = refused(session, input=[], previous_response_id="r1")
    assert code == "previous_response_not_found"


def test_two_ids_of_one_response_count_once(session):
    """A response with two ids counts once."""
    finish(begin(session, input=[item("a" * 1000)]), "r1", created="r0")
    assert session._memory.size < 1200


def test_memory_holds_each_item_once(session):
    """Memory grows with the conversation's size, not with its square."""
    parent = None
    for number in range(50):
        finish(begin(session, input=[item("x" * 100)], previous_response_id=parent), f"r{number}")
        parent = f"r{number}"
    assert session._memory.size < 50 * 200


def test_a_large_input_goes_in_as_it_was_written(session):
    """A large input is sent with its original text, after the remembered items."""
    large = '[ {"type": "message",  "content": "%s", "n": 1e2} ]' % ("x" * 70_000)
    text = '{"type":"response.create","model":"m","store":false,"stream":[%s],"input":%s%s}'
    first = session.begin(parse(text % ("1," * 40_000 + "1", large, ""), None))
    assert large[2:-2].encode() in first.body
    assert body(first)["stream"] is True
    finish(first, "r1")
    more = ',"previous_response_id":"r1","tools":' + large
    second = session.begin(parse(text % ("1", large, more), None))
    assert second.body.count(large[2:-2].encode()) == 3
    assert len(body(second)["input"]) == 2
    assert "previous_response_id" not in body(second)
    assert refused(session, input=[item("\ud800" + "x" * 70_000)]) == "invalid_json"
