"""The edit and its undoing: files that stay as they are, then files that change."""

from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from endpoint_patch import edits
from endpoint_patch.errors import AnchorError, VerificationFailedError
from endpoint_patch.versions import PatchVersion
from fakes.endpoint_module import MINIMAL, SETTINGS, STOCK, with_part

TEXTS = st.sampled_from(
    [STOCK, STOCK.rstrip(b"\n"), STOCK.replace(b"\n", b"\r\n"), STOCK + b"\n\n# \xc3\xa9"]
)


def patched(stock: bytes = STOCK, version: PatchVersion = MINIMAL) -> bytes:
    """Return the patched text with the usual settings."""
    return edits.patch(stock, version, SETTINGS, "1.88.6")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(b"", id="empty"),
        pytest.param(STOCK, id="stock"),
        pytest.param(STOCK.replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(b"\xff\xfe no text at all", id="bytes"),
        pytest.param(b"x = '# litellm-overlay begin'\n", id="the marker's words in a string"),
    ],
)
def test_undo_leaves_what_is_not_patched(text: bytes) -> None:
    """`undo` returns a file without our marker unchanged."""
    assert edits.undo(text) == text


@pytest.mark.parametrize("text", [b"", b"x = 1\n", b"def (", b"\xff"])
def test_what_does_not_fit_is_not_patched(text: bytes) -> None:
    """A file without the anchors is refused, not patched in part."""
    with pytest.raises(AnchorError):
        patched(text)


def test_patched_text() -> None:
    """Decorators become comments in place; marker, parts, call and end mark are appended."""
    head, marked, tail = patched().partition(b"# litellm-overlay begin ")
    assert marked
    assert head.splitlines() == [
        b"# litellm-overlay: " + line
        if (
            line in (b'@router.websocket("/v1/responses")', b"@router.websocket(", b")")
            and number > 10
        )
        or b"over several lines" in line
        else line
        for number, line in enumerate(STOCK.splitlines())
    ]
    marker, _, inserted = tail.partition(b"\n")
    assert json.loads(marker) == {
        "patch_version": "9.0.0",
        "stock_sha256": hashlib.sha256(STOCK).hexdigest(),
        "litellm_version": "1.88.6",
    }
    assert inserted == (
        b"def _litellm_overlay():\n"
        b'    """The least that a patch version can be."""\n'
        b"    import json\n\n\n"
        b"    def attach_litellm_overlay(*, router, settings, **others):\n"
        b"        router.attached = json.dumps(settings)\n\n\n"
        b"    return attach_litellm_overlay\n\n\n"
        b"_litellm_overlay()(router=router, stock_handler=over_websocket,"
        b" authenticate=user_api_key_auth_websocket, logger=verbose_proxy_logger,"
        b" settings={'mode': 'websocket', 'drainFile': ''}, litellm_version='1.88.6')\n"
        b"# litellm-overlay end\n"
    )


def test_values_cannot_break_out() -> None:
    """A quote, a newline or a non-ASCII letter in a value stays inside its literal."""
    hostile = "');import os\n# litellm-overlay end\n\u2028é"
    text = edits.patch(STOCK, MINIMAL, {"drainFile": hostile}, hostile)
    assert edits.undo(text) == STOCK
    assert text[len(STOCK) :].isascii()
    assert text.count(b"\n# litellm-overlay end\n") == 1


@given(TEXTS, st.none() | st.text(), st.dictionaries(st.text(), st.text() | st.integers()))
def test_there_and_back(stock: bytes, release: str | None, settings: dict[str, str | int]) -> None:
    """Undoing restores the stock bytes, and patching twice equals patching once."""
    once = edits.patch(stock, MINIMAL, settings, release)
    assert edits.undo(once) == stock
    assert edits.patch(once, MINIMAL, settings, release) == once


def test_one_version_replaces_another() -> None:
    """Patching over another version equals patching the stock file, in both directions."""
    newer = with_part(b"ANSWER = 42\n")
    assert patched(patched(), newer) == patched(STOCK, newer)
    assert patched(patched(STOCK, newer)) == patched()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"await websocket.accept()", b"await websocket.close()", id="stock-part"),
        pytest.param(b'"stock_sha256":"', b'"stock_sha256":"0', id="hash"),
        pytest.param(b'"stock_sha256"', b'"stock"', id="no-hash"),
        pytest.param(b'begin {"patch_version"', b"begin [", id="marker-is-no-json"),
        pytest.param(b"# litellm-overlay end\n", b"", id="cut-off"),
        pytest.param(b"# litellm-overlay end\n", b"# litellm-overlay end\nx = 1\n", id="appended"),
    ],
)
def test_a_patched_file_that_was_changed_is_refused(old: bytes, new: bytes) -> None:
    """`undo` refuses a patched file that was changed afterwards."""
    text = patched()
    assert old in text
    with pytest.raises(VerificationFailedError, match="changed after it was patched"):
        edits.undo(text.replace(old, new))


def test_parts_are_joined_without_their_own_imports() -> None:
    """Parts are joined in one function, without their relative imports."""
    first = b'"""Doc."""\n\nfrom typing import Any\n\nA: Any = 1\n\n\n'
    second = (
        b"import json\nfrom .first import A\nfrom .third import (\n    B,\n    C,\n)\n\nD = A\n"
    )
    assert edits.assemble(PatchVersion("9.0.2", "D", (first, second))) == (
        b'def _litellm_overlay():\n    """Doc."""\n\n    from typing import Any\n\n    A: Any = 1\n'
        b"\n\n    import json\n\n    D = A\n\n\n    return D\n"
    )
