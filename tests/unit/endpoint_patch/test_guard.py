"""The decision: which file it is, and what becomes of it."""

from __future__ import annotations

import hashlib
import json
from importlib import resources
from typing import Any

import pytest

from endpoint_patch import edits, guard
from endpoint_patch.errors import (
    CompromisedReleaseError,
    UnknownStockFileError,
    VerificationFailedError,
)
from fakes.endpoint_module import MINIMAL, SETTINGS, STOCK

FIXED = STOCK.replace(b"Query(...,", b"Query(None,")
NO_ENDPOINT = STOCK[: STOCK.index(b"@router.websocket")]
SHARED = b"# one file in two release lines\n"
STATES = {"affected", "handshake-fixed", "fixed", "no-endpoint"}


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Make our own texts known files."""
    runs = {
        STOCK: [("affected", "1.82.6", "1.88.6")],
        NO_ENDPOINT: [("no-endpoint", "1.82.0", "1.82.0")],
        SHARED: [("handshake-fixed", "1.89.0rc1", "1.89.7"), ("fixed", "1.90.0rc1", "1.91.0.dev2")],
    }
    fake = {
        "compromised": ["1.82.7"],
        "files": {
            hashlib.sha256(text).hexdigest(): [
                {"state": state, "first": first, "last": last} for state, first, last in entry
            ]
            for text, entry in runs.items()
        },
    }
    monkeypatch.setattr(guard, "_table", lambda: fake)
    return fake


def carry_out(
    stock: bytes, *, release: str | None = None, on_unknown: str = "fail"
) -> guard.Outcome:
    """Decide and carry out, as the pod does."""
    return guard.carry_out(
        stock,
        guard.decide(stock, release),
        MINIMAL,
        settings=SETTINGS,
        litellm_version=release,
        on_unknown=on_unknown,
    )


@pytest.mark.parametrize(
    ("stock", "release", "verdict"),
    [
        (STOCK, "1.83.5", ("affected", "sha256", "1.82.6 to 1.88.6")),
        (STOCK, None, ("affected", "sha256", "1.82.6 to 1.88.6")),
        (STOCK + b"\n", "1.83.5", ("unknown", None, None)),
        (STOCK.replace(b"\n", b"\r\n"), "1.83.5", ("unknown", None, None)),
        (b"\xff", "1.83.5", ("unknown", None, None)),
        (NO_ENDPOINT, None, ("no-endpoint", "sha256", "1.82.0")),
        (NO_ENDPOINT + b"\n", None, ("unknown", None, None)),
        (SHARED, "1.89.0", ("handshake-fixed", "sha256", "1.89.0rc1 to 1.89.7")),
        (SHARED, "1.89.7", ("handshake-fixed", "sha256", "1.89.0rc1 to 1.89.7")),
        (SHARED, "1.90.0rc1", ("fixed", "sha256", "1.90.0rc1 to 1.91.0.dev2")),
        (SHARED, "1.91.0.dev1", ("fixed", "sha256", "1.90.0rc1 to 1.91.0.dev2")),
        (SHARED, "1.100.0", ("fixed", "sha256", "1.90.0rc1 to 1.91.0.dev2")),
        (SHARED, None, ("handshake-fixed", "sha256", "1.89.0rc1 to 1.89.7")),
        (FIXED, "1.89.3+local", ("handshake-fixed", "ast", None)),
        (FIXED, "2.0.0", ("fixed", "ast", None)),
        (FIXED, "1.120.0", ("fixed", "ast", None)),
        (FIXED, None, ("handshake-fixed", "ast", None)),
    ],
)
def test_decide(stock: bytes, release: str | None, verdict: tuple[str | None, ...]) -> None:
    """The hash tells first; one file of two lines needs the version; syntax tells the rest."""
    assert guard.decide(stock, release) == guard.Verdict(*verdict)  # type: ignore[arg-type]


@pytest.mark.parametrize("on_unknown", ["fail", "passthrough"])
@pytest.mark.parametrize(
    ("stock", "release"), [(SHARED, "1.89.0"), (SHARED, "1.90.0"), (FIXED, "1.120.0")]
)
def test_fixed_upstream_is_a_true_no_op(stock: bytes, release: str, on_unknown: str) -> None:
    """The original bytes go through, and the sentence says that nothing was changed."""
    outcome = carry_out(stock, release=release, on_unknown=on_unknown)
    assert (outcome.decision, outcome.content) == ("upstream-fixed", stock)
    assert outcome.message.startswith(f"Nothing changed: LiteLLM {release} ")
    assert "remove the overlay" in outcome.hint.lower()


@pytest.mark.parametrize(
    ("stock", "sentence"),
    [
        (STOCK + b"\n", "looks affected, but was altered"),
        (b"x = 1\n", "does not have the endpoint this patch was made for"),
        (b"\xff", "does not have the endpoint this patch was made for"),
        (NO_ENDPOINT, "has no Responses WebSocket endpoint: there is nothing to patch"),
    ],
)
def test_unknown(stock: bytes, sentence: str) -> None:
    """An unknown file is refused with its own sentence, or passed through with the same one."""
    with pytest.raises(UnknownStockFileError, match=sentence) as refusal:
        carry_out(stock, release="1.83.5")
    assert refusal.value.exit_code == 12
    outcome = carry_out(stock, release="1.83.5", on_unknown="passthrough")
    assert (outcome.decision, outcome.content) == ("passthrough", stock)
    assert outcome.message == (
        f"NOT PATCHED, as onUnknown says passthrough. {refusal.value.message}"
    )
    assert outcome.hint == refusal.value.hint


def test_affected_is_patched() -> None:
    """A known affected file becomes what `edits.patch` makes of it."""
    outcome = carry_out(STOCK, release="1.83.5", on_unknown="passthrough")
    assert outcome.decision == "patched"
    assert outcome.content == edits.patch(STOCK, MINIMAL, SETTINGS, "1.83.5")
    assert outcome.message == "Patched LiteLLM 1.83.5 with 9.0.0."


def test_nothing_unverified_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A patched text that fails its post-conditions is no outcome, whatever onUnknown says."""
    monkeypatch.setattr(edits, "patch", lambda *_: STOCK + b"import os\n")
    with pytest.raises(VerificationFailedError):
        carry_out(STOCK, release="1.83.5", on_unknown="passthrough")


def test_compromised() -> None:
    """A malicious release anywhere among the installed ones is refused; others are not."""
    guard.refuse_compromised(["1.82.6", "1.82.8"])
    with pytest.raises(CompromisedReleaseError, match=r"1\.82\.7") as refusal:
        guard.refuse_compromised(["1.82.6", "1.82.7"])
    assert refusal.value.exit_code == 17
    assert "rotate" in refusal.value.hint


def test_the_real_table() -> None:
    """The shipped table holds the known files, each hash whole and each run named."""
    text = resources.files("endpoint_patch").joinpath("stock_files.json").read_text("utf-8")
    real = json.loads(text)
    assert real["compromised"] == ["1.82.7", "1.82.8"]
    assert len(real["files"]) == 35
    for sha256, runs in real["files"].items():
        assert len(sha256) == 64
        assert set(sha256) <= set("0123456789abcdef")
        assert {run["state"] for run in runs} <= STATES
        assert [set(run) for run in runs] == [{"state", "first", "last"}] * len(runs)
    assert sum(len(runs) > 1 for runs in real["files"].values()) == 1
