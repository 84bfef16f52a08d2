"""How a message is read: as the standard reader reads it, at a fraction of the time, holding nothing."""

import gc
import json
import marshal
import sys
from types import SimpleNamespace
from unittest import mock

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from endpoint_patch.versions.v2_0_0.inserted import frames, reading
from endpoint_patch.versions.v2_0_0.inserted.errors import RefusalError
from endpoint_patch.versions.v2_0_0.inserted.frames import (
    ControlEvent,
    parse,
    parse_message,
    size_in_bytes,
)
from endpoint_patch.versions.v2_0_0.inserted.reading import Unread

CREATE = {"type": "response.create"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
KEYS = st.sampled_from(["type", "model", "response", "input", "stream_id", "store", "generate"])


def _in_bytes(text):
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        error.pos = len(text[: error.pos].encode())
        raise


in_bytes = SimpleNamespace(loads=_in_bytes)

# As a small message is read; as a large one; and as a large one where orjson is not at hand.
WAYS = pytest.mark.parametrize(
    "way",
    [
        {"SMALL_BYTES": 1000},
        {"SMALL_BYTES": 8, "_FIRST_LOOK": 16},
        {"SMALL_BYTES": 8, "_ORJSON": None},
    ],
    ids=["small", "large", "no orjson"],
)


@WAYS
@given(
    event=st.dictionaries(KEYS | st.text(), JSON, max_size=8),
    indent=st.sampled_from([None, 1, "\t"]),
    ascii_only=st.booleans(),
)
def test_an_object_is_read_as_json_reads_it(way, event, indent, ascii_only):
    """Reading by hand at two levels finds what the standard reader finds, or refuses what it does."""
    text = json.dumps(event, indent=indent, ensure_ascii=ascii_only)
    with mock.patch.multiple(reading, **way):
        try:
            result = reading.read(text)
        except RefusalError:
            with pytest.raises(ValueError, match="not JSON compliant"):
                json.dumps(event, allow_nan=False)
            return
    check(result, event)


def check(found, event):
    """Assert that an object was read as JSON reads it; what is unread counts by its text."""
    assert not found.repeated
    assert list(found.members) == list(event)
    for name, value in found.members.items():
        assert json.loads(found.text[found.places[name]]) == event[name]
        if found.nested is not None and value is found.nested.members:
            check(found.nested, event[name])
        elif isinstance(value, Unread):
            assert value.is_array == isinstance(event[name], list)
        else:
            assert value == event[name]


@WAYS
@given(text=st.text(alphabet='{}[]",:0e.\\n tru', max_size=24))
@example(text='{"a":[1]x}')
@example(text='{"a":[[1,2,3,4,5,6]}')
@example(text='{"a":[1e999,"long enough"]}')
@example(text='{"a":["\\ud800 long enough"],"b":[NaN]}')
def test_what_is_no_json_is_none_here(way, text):
    """What this reader takes the standard one takes, and the other way round."""
    try:
        expected = json.loads(text, parse_constant=reading._no_constant)
    except ValueError:
        expected = None
    try:
        with mock.patch.multiple(reading, **way):
            result = reading.read(text).members
    except RefusalError as refusal:
        assert not isinstance(expected, dict) or refusal.event["error"]["code"] == "invalid_json"
        assert not isinstance(expected, dict) or "e" in text  # 0e99 and its like are out of range
    else:
        assert set(result) == set(expected)


def asked(text, monkeypatch):
    """Return how many characters, and how often, orjson is given while a text is read."""
    lengths = []

    def loads(part):
        lengths.append(len(part))
        return orjson.loads(part)

    monkeypatch.setattr(reading, "_ORJSON", loads)
    reading.read(text)
    return sum(lengths), len(lengths)


def test_many_small_values_cost_no_more_than_their_message(monkeypatch):
    """Each is looked at with a little of what follows, not with all of it."""
    text = json.dumps({str(number): [number, "x" * 500] for number in range(1000)})
    characters, _ = asked(text, monkeypatch)
    assert characters < 10 * len(text)


def test_what_orjson_refused_once_it_is_not_given_again(monkeypatch):
    """As LiteLLM will not take such a message from it either, and asking costs a look at it all."""
    text = json.dumps({str(number): ["\ud800", "x" * 100_000] for number in range(20)})
    assert asked(text, monkeypatch) == (pytest.approx(len(text) * 4 / 3, rel=1), 6)


@pytest.mark.parametrize("orjson", [None, SimpleNamespace(loads=json.loads), in_bytes])
def test_another_orjson_is_not_used(orjson, monkeypatch):
    """One that tells a value's end in other words, or in bytes, would have other text forwarded."""
    assert reading._orjson() is not None
    monkeypatch.setitem(sys.modules, "orjson", orjson)
    assert reading._orjson() is None


def test_an_infinite_number_s_form_in_an_integer_is_no_infinite_number():
    """The quick look is checked where it finds something."""
    form = marshal.dumps(float("inf"), 2)
    number = int.from_bytes(b"\x00" * 8, "little")
    digits = [0x6700, 0, 0, 0, 0x7FF0]
    for place, digit in enumerate(digits):
        number |= digit << (15 * place)
    assert form in marshal.dumps(number, 2)
    assert reading._is_finite([number])
    assert not reading._is_finite([number, float("-inf")])


LARGE = [{"type": "message", "content": "x" * 70_000, "n": 1.0}]


@pytest.mark.parametrize("wrap", [lambda fields: fields, lambda fields: {"response": fields}])
def test_a_large_value_keeps_its_text(wrap):
    """Encoded again it would cost as much again; the text was read all the same."""
    fields = {"model": "m", "input": LARGE, "metadata": {"a": 1e2}, "tools": LARGE}
    text = json.dumps({**CREATE, **wrap(fields)}, indent=1)
    create = parse(text, None)
    assert set(create.texts) == {"input", "tools"}
    assert all(value in text for value in create.texts.values())
    assert json.loads(create.texts["input"]) == LARGE


def test_only_the_text_of_what_counts_is_kept():
    """Not that of a value which another one stands for, nor of what is checked or set here."""
    long = "y" * 70_000
    event = {**CREATE, "model": "m", "input": LARGE, "stream": LARGE, "previous_response_id": long}
    assert set(parse(json.dumps(event), None).texts) == {"input"}
    event["response"] = {"input": [], "metadata": LARGE}
    create = parse(json.dumps(event), None)
    assert (create.body["input"], create.body["stream"]) == ([], True)
    assert set(create.texts) == {"metadata"}


def test_a_large_value_is_not_made():
    """Nobody needs it: its text was read, and of its values LiteLLM makes what it wants."""
    fields = {"model": "m", "input": [{"content": "\U0001f600" * 20_000}], "metadata": {"a": LARGE}}
    create = parse(json.dumps({**CREATE, **fields}), None)
    assert set(create.texts) == {"input", "metadata"}
    assert [create.body[name] for name in create.texts] == [Unread(True), Unread(False)]
    assert json.loads(create.texts["input"]) == fields["input"]
    assert isinstance(parse(json.dumps({**fields, "type": "other"}), None), ControlEvent)


@pytest.mark.parametrize(
    "fields",
    [
        {"input": {"a": LARGE}},
        {"model": LARGE},
        {"response": LARGE},
        {"background": LARGE},
        {"previous_response_id": LARGE},
        {"stream_id": LARGE},
        {"type": LARGE},
    ],
)
def test_a_large_value_is_refused_where_it_cannot_stand(fields):
    """As a small one is."""
    with pytest.raises(RefusalError) as refused:
        parse(json.dumps({**CREATE, "model": "m", **fields}), None)
    assert refused.value.event["error"]["param"] == next(iter(fields))


@pytest.mark.parametrize("half", ["\\ud83d", "\\uD83D"])
def test_the_text_of_half_a_surrogate_pair_is_not_kept(half):
    """It is looked at once more where it is encoded."""
    text = json.dumps({**CREATE, "model": "m", "input": LARGE}).replace("xx", half, 1)
    assert parse(text, None).texts == {}


def test_a_refusal_holds_nothing_of_its_message():
    """It may wait in its lane behind a turn, where a message's objects would be memory held."""
    for raw in ("{nope", "[1]", json.dumps({"type": 7, "input": LARGE}), b"\xff"):
        refusal = parse_message(raw, size_in_bytes(raw), 1_000_000, None)
        assert isinstance(refusal, RefusalError)
        assert (refusal.__traceback__, refusal.__context__, refusal.__cause__) == (None,) * 3


@pytest.mark.parametrize("kind", ["response.create", "other"])
def test_the_collector_pauses_while_a_large_message_is_read(kind, monkeypatch):
    """And goes on whatever came of it; for a small one it is left alone."""
    monkeypatch.setattr(frames, "parse", lambda raw, model: gc.isenabled())
    for size, paused in ((100, False), (100_000, True)):
        assert parse_message("{}", size, 1 << 20, None) is not paused
    monkeypatch.undo()
    raw = json.dumps({"type": kind, "model": "m", "input": LARGE})
    parse_message(raw, size_in_bytes(raw), 1 << 20, None)
    assert gc.isenabled()
