"""The warnings after a lookup: an index adds some, and removes none."""

from __future__ import annotations

import datetime as dt
import hashlib
from dataclasses import replace

import pytest

from endpoint_patch import stock_file
from fakes.endpoint_module import FIXED, REWRITTEN, STOCK, known_files
from litellm_overlay.catalogue import releases
from litellm_overlay.index import telling
from litellm_overlay.index.lookup import LookupResult

TODAY = dt.date(2026, 11, 26)


@pytest.mark.parametrize(
    ("look", "words"),
    [
        (LookupResult("1.999.0", None, fault="HTTP 503"), ["could not be asked: HTTP 503"]),
        (LookupResult("1.999.0", False), ["is not on the package index: withdrawn, or never"]),
        (LookupResult("1.999.0", True), ["unreviewed, the package index does not say how old"]),
        (LookupResult("1.999.0", True, "2026-11-19"), ["is unreviewed, 7 days old"]),
        (
            LookupResult("1.999.0", True, "2026-11-25"),
            ["is unreviewed, 1 day old", "younger than 7 days"],
        ),
        (
            LookupResult("1.999.0", True, "2026-11-01", "stolen token"),
            ["is unreviewed, 25 days old", "was withdrawn from the package index: stolen token"],
        ),
    ],
)
def test_every_look_warns(look, words):
    """Each result of a lookup gives warnings."""
    text = telling.warnings(look, TODAY)
    assert len(text) == len(words)
    assert all(word in sentence for word, sentence in zip(words, text, strict=True))


@pytest.fixture
def catalogue(monkeypatch):
    """Return a catalogue with the hash of STOCK; the guard knows our texts."""
    monkeypatch.setattr(stock_file, "_table", known_files)
    whole = releases.load()
    same = replace(whole.release("1.88.6"), endpoints_sha256=hashlib.sha256(STOCK).hexdigest())
    return replace(whole, releases=(same,))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ""),
        (STOCK, "its endpoints.py is that of 1.88.6, which is affected"),
        (
            FIXED + b"# new",
            "its endpoints.py is new, its WebSocket handler is not: the guard takes",
        ),
        (REWRITTEN, "its endpoints.py is new, and has upstream's fix by its shape, in a WebSocket"),
        (b"\x00", "its endpoints.py is new, and the guard refuses it, unless onUnknown says else"),
    ],
)
def test_what_its_file_is(catalogue, content, words):
    """The release's file is described as the guard sees it."""
    text = telling.describe_stock_file(LookupResult("1.999.0", True, endpoints=content), catalogue)
    assert text.startswith(words)
    assert bool(text) is bool(words)
