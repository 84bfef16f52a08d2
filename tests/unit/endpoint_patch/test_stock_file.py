"""A file's identity: by its hash, its handler, or its shape."""

from __future__ import annotations

import hashlib
import json
from importlib import resources

import pytest

from endpoint_patch import stock_file, syntax
from fakes.endpoint_module import FIXED, NO_ENDPOINT, REWRITTEN, SHARED, STOCK, known_files

STATES = {"affected", "handshake-fixed", "fixed", "no-endpoint"}


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock_file, "_table", known_files)


@pytest.mark.parametrize(
    ("stock", "release", "state", "basis", "known_as"),
    [
        (STOCK, "1.83.5", "affected", "sha256", "1.82.6 to 1.88.6"),
        (STOCK, None, "affected", "sha256", "1.82.6 to 1.88.6"),
        (STOCK + b"\n", "1.83.5", "affected", "handler", None),
        (STOCK.replace(b"\n", b"\r\n"), "1.83.5", "affected", "handler", None),
        (STOCK.replace(b".accept()", b".close()"), "1.83.5", "unknown", None, None),
        (b"\xff", "1.83.5", "unknown", None, None),
        (NO_ENDPOINT, None, "no-endpoint", "sha256", "1.82.0"),
        (NO_ENDPOINT + b"\n", None, "unknown", None, None),
        (SHARED, "1.89.0", "handshake-fixed", "sha256", "1.89.0rc1 to 1.89.7"),
        (SHARED, "1.89.7", "handshake-fixed", "sha256", "1.89.0rc1 to 1.89.7"),
        (SHARED, "1.90.0rc1", "fixed", "sha256", "1.90.0rc1 to 1.91.0.dev2"),
        (SHARED, "1.91.0.dev1", "fixed", "sha256", "1.90.0rc1 to 1.91.0.dev2"),
        (SHARED, "1.100.0", "fixed", "sha256", "1.90.0rc1 to 1.91.0.dev2"),
        (SHARED, None, "handshake-fixed", "sha256", "1.89.0rc1 to 1.89.7"),
        (FIXED, "1.89.3+local", "handshake-fixed", "handler", None),
        (FIXED, "1.120.0", "fixed", "handler", None),
        (FIXED, None, "handshake-fixed", "handler", None),
        (REWRITTEN, "1.89.3+local", "handshake-fixed", "ast", None),
        (REWRITTEN, "2.0.0", "fixed", "ast", None),
        (REWRITTEN, None, "handshake-fixed", "ast", None),
    ],
)
def test_identify(
    stock: bytes, release: str | None, state: str, basis: str | None, known_as: str | None
) -> None:
    """The hash counts first, with the release where two share a file; then handler, then shape."""
    result = stock_file.identify(stock, release)
    assert (result.state, result.basis, result.known_as) == (state, basis, known_as)
    assert result.sha256 == hashlib.sha256(stock).hexdigest()


def test_the_digest_of_a_handler() -> None:
    """A handler's digest does not depend on the code around it or on line endings."""
    source = syntax.handler_source(STOCK)
    assert source is not None
    assert source.startswith(b"@router.websocket(")
    assert source.endswith(b"await websocket.accept()\n")
    digest = hashlib.sha256(source).hexdigest()
    for same in (STOCK, STOCK + b"x = 1\n", STOCK.replace(b"\n", b"\r\n"), b"\n" + STOCK):
        assert stock_file.identify(same, None).handler_sha256 == digest
    for other in (FIXED, STOCK.replace(b"# over several lines", b"#")):
        assert stock_file.identify(other, None).handler_sha256 not in (None, digest)
    for none in (NO_ENDPOINT, b"\xff", STOCK + STOCK):
        assert stock_file.identify(none, None).handler_sha256 is None


def test_the_real_table() -> None:
    """The shipped table has complete hashes and a state for each run of releases."""
    text = resources.files("endpoint_patch").joinpath("stock_files.json").read_text("utf-8")
    real = json.loads(text)
    assert real["compromised"] == ["1.82.7", "1.82.8", "1.107.0"]
    assert len(real["files"]) >= 36
    for digest in (*real["files"], *real["handlers"]):
        assert len(digest) == 64
        assert set(digest) <= set("0123456789abcdef")
    for runs in real["files"].values():
        assert {run["state"] for run in runs} <= STATES
        assert [set(run) for run in runs] == [{"state", "first", "last"}] * len(runs)
    assert sum(len(runs) > 1 for runs in real["files"].values()) == 1
    assert set(real["handlers"].values()) == {"affected", "fixed"}
