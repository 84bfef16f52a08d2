"""The frames that a client may send, and the errors for others."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoint_patch.versions.v2_0_0.inserted.errors import RefusalError
from endpoint_patch.versions.v2_0_0.inserted.frames import (
    ControlEvent,
    Create,
    parse,
    parse_message,
    size_in_bytes,
)

CREATE = {"type": "response.create"}
NO_JSON = (
    *("{", "{}{}", "{} x", "{,}", '{"a"}', '{"a":}', '{"a":1,}', '{"a":1 "b":2}', "{'a':1}"),
    *('{"a":1]', '{"a" 1}', "{1:1}", '{"a":01}', '{"a":1}}', '{"a":+1}', '{"response":{"a":1,}}'),
    *('{"response":{}', '{"a\n":1}', "\ufeff{}", '{"a":.5}', '{"a":nul}', "\u00a0{}", "{\x00}"),
)


def refusal(raw, default=None):
    with pytest.raises(RefusalError) as caught:
        parse(raw if isinstance(raw, str | bytes) else json.dumps(raw), default)
    return caught.value


@pytest.mark.parametrize(
    ("event", "default", "model"),
    [
        ({**CREATE, "model": "gpt-5.4"}, None, "gpt-5.4"),
        ({**CREATE, "response": {"model": "gpt-4o"}}, None, "gpt-4o"),
        ({**CREATE, "model": "a", "response": {"model": "a"}}, None, "a"),
        ({**CREATE, "model": "a", "response": {}}, None, "a"),
        ({**CREATE, "model": "a", "response": None}, None, "a"),
        (CREATE, "from-url", "from-url"),
        ({**CREATE, "model": None}, "from-url", "from-url"),
        ({**CREATE, "model": "a"}, "from-url", "a"),
        ({**CREATE, "model": "azure/\u00e9t\u00e9 (eu)"}, None, "azure/\u00e9t\u00e9 (eu)"),
    ],
)
def test_the_model_comes_from_the_frame_else_from_the_url(event, default, model):
    """The model comes from the nested form, else the flat form, else ?model=."""
    assert parse(json.dumps(event), default).body["model"] == model


def test_the_envelope_does_not_reach_the_request():
    """Fields that only a WebSocket has are removed; all others stay."""
    event = {
        **CREATE,
        "event_id": "e",
        "stream_id": "lane.1",
        "generate": True,
        "model": "m",
        "input": [{"type": "message"}],
        "store": False,
        "extra": {"kept": 1},
    }
    create = parse(json.dumps(event), None)
    assert create.body == {
        "model": "m",
        "input": [{"type": "message"}],
        "store": False,
        "extra": {"kept": 1},
        "stream": True,
    }
    assert create.stream_id == "lane.1"
    assert not create.warm_up


@pytest.mark.parametrize(
    "event",
    [
        {**CREATE, "model": "m", "generate": False},
        {**CREATE, "response": {"model": "m", "generate": False}},
        {**CREATE, "response": {"model": "m"}, "generate": False},
    ],
)
def test_a_warm_up_is_known_in_every_form(event):
    """`generate: false` is a warm-up in every form of frame; otherwise it would be billed."""
    create = parse(json.dumps(event), None)
    assert create.warm_up
    assert "generate" not in create.body


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ("", "invalid_json"),
        ("{nope", "invalid_json"),
        (b"\xff\xfe", "invalid_json"),
        ('{"type":"response.create","model":"m","temperature":NaN}', "invalid_json"),
        ('{"type":"response.create","model":"m","temperature":1e999}', "invalid_json"),
        ('{"type":"response.create","model":"m","x":[{"y":-1e999}]}', "invalid_json"),
        ('{"type":"response.create","model":"m","response":{"x":[Infinity]}}', "invalid_json"),
        ("[" * 100_000, "invalid_json"),
        ('{"x":' + "[" * 100_000, "invalid_json"),
        ('{"x":' + '{"x":' * 5000 + "1" + "}" * 5001, "invalid_json"),
        *((text, "invalid_json") for text in NO_JSON),
        ("[1]", "invalid_type"),
        (" [1] ", "invalid_type"),
        ('"text"', "invalid_type"),
        ("null", "invalid_type"),
        ({}, "unknown_event"),
        ({"type": 7, "model": "m"}, "unknown_event"),
        ({"type": "", "model": "m"}, "unknown_event"),
        ({"type": ["response.create"], "model": "m"}, "unknown_event"),
        (CREATE, "missing_required_parameter"),
        ({**CREATE, "model": ""}, "invalid_value"),
        ({**CREATE, "model": " m"}, "invalid_value"),
        ({**CREATE, "model": 7}, "invalid_value"),
        ({**CREATE, "model": ["m"]}, "invalid_value"),
        ({**CREATE, "model": 'a","user":"b'}, "invalid_value"),
        ({**CREATE, "model": "a\\b"}, "invalid_value"),
        ({**CREATE, "model": "a\nb"}, "invalid_value"),
        ({**CREATE, "model": "m" * 257}, "invalid_value"),
        ({**CREATE, "model": "a", "response": {"model": "b"}}, "ambiguous_model"),
        ({**CREATE, "model": 7, "response": {"model": "b"}}, "invalid_value"),
        ('{"type":"response.create","model":"a","model":"b"}', "duplicate_key"),
        ('{"type":"response.create","mod\\u0065l":"a","model":"b"}', "duplicate_key"),
        ('{"type":"response.create","response":{"model":"a","model":"b"}}', "duplicate_key"),
        ('{"type":"x","type":"response.create","model":"a"}', "duplicate_key"),
        ('{"response":{"model":"a"},"response":{"model":"a"}}', "duplicate_key"),
        ('{"type":"response.create","model":"m","response":{"x":1,"\\u0078":1}}', "duplicate_key"),
        ({**CREATE, "model": "m", **{str(n): n for n in range(2000)}}, "invalid_json"),
        ({**CREATE, "response": "text"}, "invalid_type"),
        ({**CREATE, "model": "m", "input": 7}, "invalid_type"),
        ({**CREATE, "model": "m", "input": [1, 2]}, "invalid_type"),
        ({**CREATE, "model": "m", "previous_response_id": 7}, "invalid_type"),
        ({**CREATE, "model": "m", "background": True}, "unsupported_parameter"),
        ({**CREATE, "model": "m", "stream_id": ""}, "invalid_stream_id"),
        ({**CREATE, "model": "m", "stream_id": "a b"}, "invalid_stream_id"),
        ({**CREATE, "model": "m", "stream_id": 7}, "invalid_stream_id"),
    ],
)
def test_a_bad_frame_is_refused_in_openai_s_shape(raw, code):
    """Every refusal is an error event with status 400 and OpenAI's four members."""
    event = refusal(raw).event
    assert event["type"] == "error"
    assert event["status"] == 400
    assert set(event["error"]) == {"type", "code", "message", "param"}
    assert event["error"]["code"] == code


def test_a_binary_frame_is_read_as_text():
    """A binary frame with JSON is read as text."""
    assert parse(json.dumps({**CREATE, "model": "m"}).encode(), None).body["model"] == "m"


def test_an_acknowledgement_is_ignored():
    """Codex 0.135's `response.processed` is ignored, since an error would end its next turn."""
    assert parse('{"type":"response.processed","response_id":"r"}', None) is None


def test_a_refusal_keeps_its_lane():
    """A refusal keeps the stream id of its frame."""
    assert refusal({**CREATE, "stream_id": "l1"}).stream_id == "l1"


@pytest.mark.parametrize(
    ("raw", "size"),
    [
        ("", 0),
        (b"", 0),
        ("abc", 3),
        (b"\xff\xfe", 2),
        ("\u4e16", 3),
        ("\U0001f600", 4),
        ("\ud83d", 1),  # a lone surrogate has no UTF-8; it counts as its replacement
    ],
)
def test_a_message_is_measured_in_bytes(raw, size):
    """A message's size is its number of UTF-8 bytes, for text and bytes alike."""
    assert size_in_bytes(raw) == size


GOOD = json.dumps({**CREATE, "model": "m", "stream_id": "l1"})


@pytest.mark.parametrize(
    ("raw", "max_size", "code", "close", "stream_id"),
    [
        (GOOD, 1000, None, None, "l1"),
        (GOOD, len(GOOD), None, None, "l1"),
        (GOOD, len(GOOD) - 1, "message_too_large", 1009, None),
        ("{nope", 1000, "invalid_json", None, None),
        ("{nope", 1, "message_too_large", 1009, None),
        ('{"type":7,"stream_id":"l1"}', 1000, "unknown_event", None, "l1"),
    ],
)
def test_a_message_becomes_a_frame_good_or_bad(raw, max_size, code, close, stream_id):
    """A message becomes a frame or a refusal with its stream id; only size means a close."""
    frame = parse_message(raw, size_in_bytes(raw), max_size, None)
    assert frame.stream_id == stream_id
    if code is None:
        assert isinstance(frame, Create)
    else:
        assert (frame.event["error"]["code"], frame.close) == (code, close)


def test_what_is_to_be_ignored_is_no_frame():
    """An ignored message is no frame, so it takes no room in a lane."""
    raw = '{"type":"response.processed"}'
    assert parse_message(raw, size_in_bytes(raw), 1000, None) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)
KEYS = st.sampled_from(["type", "model", "response", "input", "stream_id", "store", "generate"])


@given(st.dictionaries(KEYS | st.text(), JSON | st.just("response.create"), max_size=8))
def test_no_frame_breaks_the_parser(event):
    """Any JSON object is parsed or refused with status 400."""
    try:
        frame = parse(json.dumps(event), "default")
    except RefusalError as error:
        assert error.event["status"] == 400
    else:
        if isinstance(frame, ControlEvent):
            assert frame.kind == event["type"] != "response.create"
        else:
            assert frame is None or isinstance(frame.body["model"], str)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(raw):
    """Bytes that are no valid frame are refused."""
    with pytest.raises(RefusalError):
        parse(raw, None)
