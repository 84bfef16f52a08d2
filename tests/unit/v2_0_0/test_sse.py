"""Server-sent events: the standard's cases, and any split of a stream."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoint_patch.versions.v2_0_0.inserted.sse import EventStream


def parse(*chunks, limit=1 << 20):
    stream = EventStream(limit)
    return [data for chunk in chunks for data in stream.feed(chunk)]


@pytest.mark.parametrize(
    ("raw", "events"),
    [
        (b"", []),
        (b"data: a", []),  # no end: the standard drops it
        (b"data: a\n", []),
        (b"data: a\n\n", ["a"]),
        (b"data:a\n\n", ["a"]),
        (b"data:  a\n\n", [" a"]),
        (b"data: a\r\n\r\n", ["a"]),
        (b"data: a\r\rdata: b\r\r", ["a", "b"]),
        (b"data: a\ndata: b\n\n", ["a\nb"]),
        (b"data\n\n", [""]),
        (b": comment\ndata: a\n: more\n\n", ["a"]),
        (b"event: x\nid: 7\nretry: 3\ndata: a\n\n", ["a"]),
        (b"event: only\n\n", []),
        (b"\xef\xbb\xbfdata: a\n\n", ["a"]),
        (b"\n\n\ndata: a\n\n\n\n", ["a"]),
        ("data: h\u00e9 \u2028\n\n".encode(), ["h\u00e9 \u2028"]),
        (b"database: a\n\n", []),
    ],
)
def test_an_event_is_what_the_standard_says(raw, events):
    """Line endings, comments, multi-line data and a byte order mark follow the standard."""
    assert parse(raw) == events


LINES = st.lists(
    st.sampled_from(
        ["data: a", "data:b", "data: \u00e9\u4e16", ": c", "event: e", "", "", "data: " + "x" * 50]
    ),
    max_size=20,
)


@given(
    lines=LINES,
    ends=st.lists(st.sampled_from(["\n", "\r\n", "\r"]), min_size=20, max_size=20),
    cuts=st.lists(st.integers(0, 400), max_size=12),
)
def test_a_split_changes_nothing(lines, ends, cuts):
    """The same events result, wherever the bytes are split."""
    raw = "".join(line + end for line, end in zip(lines, ends, strict=False)).encode()
    points = sorted({min(cut, len(raw)) for cut in cuts})
    chunks = [raw[a:b] for a, b in zip([0, *points], [*points, len(raw)], strict=True)]
    assert parse(*chunks) == parse(raw)
    assert parse(*(bytes([byte]) for byte in raw)) == parse(raw)


@pytest.mark.parametrize(
    ("before", "events"),
    [
        (b"data: a\n", ["a\nb"]),
        (b"data: a\r", ["a\nb"]),
        (b"data: a\n\r", ["a", "b"]),
        (b"data: a", ["adata: b"]),
        (b": a", []),
        (b"event: a\n", ["b"]),
        (b"\xef\xbb\xbf", ["b"]),
    ],
)
def test_a_chunk_that_looks_like_an_event_may_be_none(before, events):
    """A chunk that looks like an event on its own is read in the context of earlier chunks."""
    after = b"\ndata: c\n\n"
    assert parse(before, b"data: b\n\n", after) == [*events, "c"]
    assert parse(before + b"data: b\n\n" + after) == [*events, "c"]


def test_an_event_without_end_is_refused():
    """An event without an end is refused beyond the limit."""
    with pytest.raises(ValueError, match="too large"):
        parse(b"data: " + b"x" * 600, b"x" * 600, limit=1000)
    with pytest.raises(ValueError, match="too large"):
        parse(*(b"data: " + b"x" * 90 + b"\n" for _ in range(20)), limit=1000)
