"""The session core: frame in -> POST body or answer; event out -> remembered."""

import pytest

from endpoint_patch.versions.v2_0_0.inserted.errors import RefusalError
from endpoint_patch.versions.v2_0_0.inserted.frames import parse
from endpoint_patch.versions.v2_0_0.inserted.memory import Memory
from endpoint_patch.versions.v2_0_0.inserted.session import Session
from support.sessions import begin, body, finish, item


def test_a_first_turn_passes_as_it_is(session):
    """Without history the body is the frame's, its plain-text input included."""
    assert body(begin(session, input="hi"))["input"] == "hi"
    assert body(begin(session, input=[item("a")], x=1)) == {
        "model": "m",
        "store": False,
        "input": [item("a")],
        "x": 1,
        "stream": True,
    }


def test_a_warm_up_costs_no_request_and_its_input_reaches_the_next_turn(session):
    """Codex 0.169 puts its base instructions into the warm-up and nowhere else."""
    created, completed = begin(session, generate=False, input=[item("base")])
    assert (created["type"], completed["type"]) == ("response.created", "response.completed")
    assert created["response"]["id"] == completed["response"]["id"]
    assert completed["response"]["usage"]["total_tokens"] == 0
    turn = begin(session, input=[item("a")], previous_response_id=completed["response"]["id"])
    assert body(turn)["input"] == [item("base"), item("a")]
    assert "previous_response_id" not in body(turn)


def test_a_warm_up_in_mid_connection_continues_the_conversation(session):
    """A warm-up may have a previous response, and a next turn."""
    first = begin(session, input=[item("a")])
    finish(first, "r1", item("b", role="assistant"))
    warm = begin(session, generate=False, input=[item("c")], previous_response_id="r1")
    turn = begin(session, input=[item("d")], previous_response_id=warm[1]["response"]["id"])
    names = [entry["content"] for entry in body(turn)["input"]]
    assert names == ["a", "b", "c", "d"]


def test_a_conversation_is_replayed_item_for_item(session):
    """Inputs and outputs of every turn, in order, with every kind of item."""
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
    """`encitem_` ids tell the router which deployment can read the item."""
    turn = begin(session, input=[])
    sealed = {"type": "reasoning", "id": "encitem_abc", "encrypted_content": "x", "summary": []}
    finish(turn, "r1", sealed)
    assert body(begin(session, input=[], previous_response_id="r1"))["input"] == [sealed]


def test_both_ids_of_a_response_are_known(session):
    """LiteLLM may tell another id in response.created than in response.completed."""
    finish(begin(session, input=[item("a")]), "r1", created="r0")
    for known in ("r0", "r1"):
        assert body(begin(session, input=[], previous_response_id=known))["input"] == [item("a")]


def test_two_turns_may_branch_from_one(session):
    """History shares structure; a branch does not see its sibling."""
    finish(begin(session, input=[item("a")]), "r1")
    finish(begin(session, input=[item("b")], previous_response_id="r1"), "r2")
    finish(begin(session, input=[item("c")], previous_response_id="r1"), "r3")
    replay = body(begin(session, input=[], previous_response_id="r3"))["input"]
    assert [entry["content"] for entry in replay] == ["a", "c"]


@pytest.mark.parametrize("kind", ["response.failed", "error"])
def test_a_failed_turn_is_not_remembered(session, kind):
    """Its id is passed on, and the provider says that it does not know it."""
    finish(begin(session, input=[item("a")]), "r1", kind=kind)
    turn = begin(session, input=[], previous_response_id="r1")
    assert body(turn)["previous_response_id"] == "r1"


def test_an_incomplete_turn_is_remembered(session):
    """A response cut at its token limit can be continued."""
    finish(begin(session, input=[item("a")]), "r1", kind="response.incomplete")
    assert body(begin(session, input=[], previous_response_id="r1"))["input"] == [item("a")]


def test_output_that_came_only_with_the_end_is_remembered(session):
    """Some providers send no output_item.done."""
    turn = begin(session, input=[])
    turn.observe({"type": "response.completed", "response": {"id": "r", "output": [item("z")]}})
    assert body(begin(session, input=[], previous_response_id="r"))["input"] == [item("z")]


def refused(session, **fields):
    with pytest.raises(RefusalError) as caught:
        begin(session, **fields)
    return caught.value.event["error"]["code"]


def test_a_lost_history_is_told(session):
    """Codex recovers from previous_response_not_found by sending everything again."""
    small = Session(Memory(200, 100))
    for number in range(6):
        finish(begin(small, input=[item("x" * 20)]), f"r{number}")
    assert refused(small, input=[], previous_response_id="r0") == "previous_response_not_found"
    assert body(begin(small, input=[], previous_response_id="r5"))["input"]


def test_a_conversation_over_the_limit_is_lost_as_a_whole():
    """A part of a history must never pass for the whole."""
    small = Session(Memory(150, 100))
    finish(begin(small, input=[item("x" * 20)]), "r0")
    finish(begin(small, input=[item("x" * 20)], previous_response_id="r0"), "r1")
    assert len(body(begin(small, input=[], previous_response_id="r1"))["input"]) == 2
    finish(begin(small, input=[item("x" * 20)], previous_response_id="r1"), "r2")
    assert refused(small, input=[], previous_response_id="r2") == "previous_response_not_found"


def test_turns_are_bounded():
    """Many small turns are bounded by number."""
    small = Session(Memory(1 << 20, 3))
    for number in range(5):
        finish(begin(small, input=[item("a")]), f"r{number}")
    assert refused(small, input=[], previous_response_id="r1") == "previous_response_not_found"


def test_a_warm_up_of_another_connection_is_told_as_lost(session):
    """No provider can know an id that a bridge made up."""
    other = begin(Session(Memory(1 << 20, 9)), generate=False)[1]["response"]["id"]
    assert refused(session, input=[], previous_response_id=other) == "previous_response_not_found"


def test_a_provider_that_repeats_its_ids_makes_no_circle(session):
    """One id for every turn still gives the whole conversation."""
    finish(begin(session, input=[item("a")]), "same")
    finish(begin(session, input=[item("b")], previous_response_id="same"), "same")
    replay = body(begin(session, input=[], previous_response_id="same"))["input"]
    assert [entry["content"] for entry in replay] == ["a", "b"]


def test_half_a_surrogate_pair_is_refused(session):
    """It cannot be encoded; it must not crash either."""
    assert refused(session, input="\ud800") == "invalid_json"
    assert refused(session, input=[item("\ud800")]) == "invalid_json"


def test_half_a_surrogate_pair_in_an_answer_goes_back_as_it_came(session):
    """A provider's odd output must not break the turn."""
    turn = begin(session, input=[])
    finish(turn, "r1", item("\ud800"))
    assert b"\\ud800" in begin(session, input=[], previous_response_id="r1").body


def test_a_warm_up_cannot_hide_a_lost_history(session):
    """A warm-up on a history that is gone is told so, like a turn."""
    other = begin(Session(Memory(1 << 20, 9)), generate=False)[1]["response"]["id"]
    code = refused(session, generate=False, previous_response_id=other)
    assert code == "previous_response_not_found"
    small = Session(Memory(1 << 20, 1))
    for number in range(2):
        finish(begin(small, input=[item("a")]), f"r{number}")
    code = refused(small, generate=False, previous_response_id="r0")
    assert code == "previous_response_not_found"


def test_an_answer_that_is_no_json_is_lost_not_sent(session):
    """A provider's NaN reaches the client as it came, but no later request."""
    turn = begin(session, input=[])
    finish(turn, "r1", item("a", score=float("nan")))
    code = refused(session, input=[], previous_response_id="r1")
    assert code == "previous_response_not_found"


def test_two_ids_of_one_response_count_once(session):
    """The limit is of what is held."""
    finish(begin(session, input=[item("a" * 1000)]), "r1", created="r0")
    assert session._memory.size < 1200


def test_memory_holds_each_item_once(session):
    """A long conversation costs its own size, not the square of it."""
    parent = None
    for number in range(50):
        finish(begin(session, input=[item("x" * 100)], previous_response_id=parent), f"r{number}")
        parent = f"r{number}"
    assert session._memory.size < 50 * 200


def test_a_large_input_goes_in_as_it_was_written(session):
    """Its spaces and number formats too; what was remembered goes before it."""
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
