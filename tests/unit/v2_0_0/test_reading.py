"""The reader of messages: it agrees with json.loads, is faster, and keeps little memory."""

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

# The ways for small messages, for large ones, and for large ones without orjson.
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
    """The reader finds what json.loads finds in an object, or refuses what JSON does not allow."""
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
    """Require that an object equals json.loads' result; compare unread values by their text."""
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
    """The reader accepts the same texts as json.loads."""
    try:
        expected = json.loads(text, parse_constant=reading._no_constant)
    except ValueError:
        expected = None
    try:
        with mock.patch.multiple(reading, **way):
            result = reading.read(text).members
    except RefusalError as refusal:
        assert not isinstance(expected, dict) or refusal.event["error"]["code"] == "invalid_json"
        assert not isinstance(expected, dict) or "e" in text  # 0e99 and such are out of range
    else:
        assert set(result) == set(expected)


def asked(text, monkeypatch):
    """Return how many characters, in how many calls, orjson gets to read a text."""
    lengths = []

    def loads(part):
        lengths.append(len(part))
        return orjson.loads(part)

    monkeypatch.setattr(reading, "_ORJSON", loads)
    reading.read(text)
    return sum(lengths), len(lengths)


def test_many_small_values_cost_no_more_than_their_message(monkeypatch):
    """With many small values orjson reads only a few times the message's size."""
    text = json.dumps({str(number): [number, "x" * 500] for number in range(1000)})
    characters, _ = asked(text, monkeypatch)
    assert characters < 10 * len(text)


def test_what_orjson_refused_once_it_is_not_given_again(monkeypatch):
    """After orjson has refused a few values it is not called again for the message."""
    text = json.dumps({str(number): ["\ud800", "x" * 100_000] for number in range(20)})
    assert asked(text, monkeypatch) == (pytest.approx(len(text) * 4 / 3, rel=1), 6)


@pytest.mark.parametrize("orjson", [None, SimpleNamespace(loads=json.loads), in_bytes])
def test_another_orjson_is_not_used(orjson, monkeypatch):
    """An orjson with other error messages, or byte positions, is not used."""
    assert reading._orjson() is not None
    monkeypatch.setitem(sys.modules, "orjson", orjson)
    assert reading._orjson() is None


def test_an_infinite_number_s_form_in_an_integer_is_no_infinite_number():
    """An integer whose bytes look like infinity is accepted; the quick check is verified."""
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
    """A large value keeps its text, so that it need not be encoded again."""
    fields = {"model": "m", "input": LARGE, "metadata": {"a": 1e2}, "tools": LARGE}
    text = json.dumps({**CREATE, **wrap(fields)}, indent=1)
    create = parse(text, None)
    assert set(create.texts) == {"input", "tools"}
    assert all(value in text for value in create.texts.values())
    assert json.loads(create.texts["input"]) == LARGE


def test_only_the_text_of_what_counts_is_kept():
    """Only values that reach the request keep their text."""
    long = "y" * 70_000
    event = {**CREATE, "model": "m", "input": LARGE, "stream": LARGE, "previous_response_id": long}
    assert set(parse(json.dumps(event), None).texts) == {"input"}
    event["response"] = {"input": [], "metadata": LARGE}
    create = parse(json.dumps(event), None)
    assert (create.body["input"], create.body["stream"]) == ([], True)
    assert set(create.texts) == {"metadata"}


def test_a_large_value_is_not_made():
    """A large value is not turned into objects; only its text is kept."""
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
    """A large value in the wrong place is refused like a small one."""
    with pytest.raises(RefusalError) as refused:
        parse(json.dumps({**CREATE, "model": "m", **fields}), None)
    assert refused.value.event["error"]["param"] == next(iter(fields))


@pytest.mark.parametrize("half", ["\\ud83d", "\\uD83D"])
def test_the_text_of_half_a_surrogate_pair_is_not_kept(half):
    """The text of a value with a lone surrogate is not kept."""
    text = json.dumps({**CREATE, "model": "m", "input": LARGE}).replace("xx", half, 1)
    assert parse(text, None).texts == {}


def test_a_refusal_holds_nothing_of_its_message():
    """A refusal keeps no reference to its message, since it may wait in its lane."""
    for raw in ("{nope", "[1]", json.dumps({"type": 7, "input": LARGE}), b"\xff"):
        refusal = parse_message(raw, size_in_bytes(raw), 1_000_000, None)
        assert isinstance(refusal, RefusalError)
        assert (refusal.__traceback__, refusal.__context__, refusal.__cause__) == (None,) * 3


@pytest.mark.parametrize("kind", ["response.create", "other"])
def test_the_collector_pauses_while_a_large_message_is_read(kind, monkeypatch):
    """Garbage collection pauses while a large message is read, and always resumes."""
    monkeypatch.setattr(frames, "parse", lambda raw, model: gc.isenabled())
    for size, paused in ((100, False), (100_000, True)):
        assert parse_message("{}", size, 1 << 20, None) is not paused
    monkeypatch.undo()
    raw = json.dumps({"type": kind, "model": "m", "input": LARGE})
    parse_message(raw, size_in_bytes(raw), 1 << 20, None)
    assert gc.isenabled()
