"""The decision for a file: every cell of the table in `endpoint_patch --help`."""

from __future__ import annotations

import itertools

import pytest

from endpoint_patch import __main__ as guard
from endpoint_patch import decision, edits, stock_file, versions
from endpoint_patch.errors import (
    AnchorError,
    GuardError,
    UnknownStockFileError,
    VerificationFailedError,
)
from endpoint_patch.plan import Policy
from fakes.endpoint_module import (
    FIXED,
    NO_ENDPOINT,
    REWRITTEN,
    SETTINGS,
    SHARED,
    STOCK,
    known_files,
)

ALTERED = STOCK + b"# altered\n"
# (state, basis) -> a file, and the release in the metadata beside it
FILES = {
    ("affected", "sha256"): (STOCK, "1.83.5"),
    ("affected", "handler"): (ALTERED, "1.83.5"),
    ("handshake-fixed", "sha256"): (SHARED, "1.89.7"),
    ("handshake-fixed", "handler"): (FIXED + b"\n", "1.89.7"),
    ("handshake-fixed", "ast"): (REWRITTEN, "1.89.7"),
    ("fixed", "sha256"): (SHARED, "1.90.0"),
    ("fixed", "handler"): (FIXED + b"\n", "1.120.0"),
    ("fixed", "ast"): (REWRITTEN, "1.120.0"),
    ("no-endpoint", "sha256"): (NO_ENDPOINT, "1.82.0"),
    ("unknown", "null"): (b"x = 1\n", "1.83.5"),
}
ON_FIXED, ON_UNKNOWN = ("passthrough", "patch"), ("fail", "passthrough", "patch")


def cells() -> dict[tuple[str, ...], tuple[str, int]]:
    """Return the table: {(state, basis, onFixed, onUnknown): (decision, exit code)}."""
    results = {}
    for line in (guard.__doc__ or "").splitlines():
        words = line.split()
        if len(words) != 6 or tuple(words[:2]) not in FILES:
            continue
        state, basis, on_fixed, on_unknown, decided, exit_code = words
        for one, other in itertools.product(ON_FIXED, ON_UNKNOWN):
            if on_fixed in ("any", one) and on_unknown in ("any", other):
                assert (state, basis, one, other) not in results
                results[state, basis, one, other] = (decided, int(exit_code))
    return results


CELLS = cells()


@pytest.fixture(autouse=True)
def _table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock_file, "_table", known_files)


def carry_out(
    stock: bytes,
    policy: Policy | None = None,
    release: str | None = "1.83.5",
    version: str = "2.0.0",
) -> decision.Outcome:
    """Identify a file, decide and carry out, as the pod does; return the outcome."""
    return decision.carry_out(
        stock,
        stock_file.identify(stock, release),
        versions.load(version),
        policy=policy or Policy(),
        settings=SETTINGS,
        litellm_version=release,
    )


def policy_for(stock: bytes, on_fixed: str, on_unknown: str) -> Policy:
    """Return a policy, with the file's hash where `onUnknown: patch` needs one."""
    expected = stock_file.identify(stock, None).sha256 if on_unknown == "patch" else None
    return Policy(on_fixed, on_unknown, expected)


def test_the_table_is_whole() -> None:
    """Every combination of file and policy has exactly one cell."""
    every = {
        (*file, *policy) for file in FILES for policy in itertools.product(ON_FIXED, ON_UNKNOWN)
    }
    assert set(CELLS) == every


@pytest.mark.parametrize("version", ["1.0.0", "2.0.0"])
@pytest.mark.parametrize("cell", CELLS, ids=" ".join)
def test_a_cell(cell: tuple[str, ...], version: str) -> None:
    """Each decision writes the right file and says so; a refusal writes nothing."""
    state, basis, on_fixed, on_unknown = cell
    if version == "1.0.0" and on_fixed == "patch":
        return  # a plan error: test_main.py
    stock, release = FILES[state, basis]
    file = stock_file.identify(stock, release)
    assert (file.state, str(file.basis).replace("None", "null")) == (state, basis)
    decided, exit_code = CELLS[cell]
    policy = policy_for(stock, on_fixed, on_unknown)
    assert decision.decide(file, policy) == decided
    if decided == "refused":
        with pytest.raises(GuardError) as refusal:
            carry_out(stock, policy, release, version)
        assert refusal.value.exit_code == exit_code
        return
    outcome = carry_out(stock, policy, release, version)
    assert (outcome.decision, exit_code) == (decided, 0)
    if decided == "patched":
        text = edits.patch(stock, versions.load(version), SETTINGS, release)
        assert outcome.content == text
        assert outcome.message == f"Patched LiteLLM {release} with {version}."
    else:
        assert outcome.content == stock
        start = {"upstream-fixed": "Nothing changed: ", "passthrough": "NOT PATCHED, "}[decided]
        assert outcome.message.startswith(start)


@pytest.mark.parametrize("stock", [ALTERED, b"x = 1\n", NO_ENDPOINT + b"\n"])
def test_another_file_than_the_expected_one(stock: bytes) -> None:
    """`onUnknown: patch` refuses another file than the expected one, as after an image change."""
    with pytest.raises(UnknownStockFileError, match="is not the file that expectedSha256 names"):
        carry_out(stock, Policy("passthrough", "patch", "0" * 64))


@pytest.mark.parametrize(
    ("stock", "sentence"),
    [
        (ALTERED, "looks affected, but was altered"),
        (b"x = 1\n", "does not have the endpoint this patch was made for"),
        (b"\xff", "does not have the endpoint this patch was made for"),
        (NO_ENDPOINT, "has no Responses WebSocket endpoint: there is nothing to patch"),
        (STOCK.replace(b".accept()", b".close()"), "its text is not, and may hold a check"),
    ],
)
def test_unknown(stock: bytes, sentence: str) -> None:
    """An unknown file is refused with its own message, or passed through with the same one."""
    with pytest.raises(UnknownStockFileError, match=sentence) as refusal:
        carry_out(stock)
    outcome = carry_out(stock, Policy(on_unknown="passthrough"))
    assert outcome.message == (
        f"NOT PATCHED, as onUnknown says passthrough. {refusal.value.message}"
    )
    assert outcome.hint == refusal.value.hint


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (b".accept()", b".close()", "may hold a check that the patch would leave out"),
        (b"    websocket,\n", b"    websocket,\n    request,\n", "must take websocket, model"),
        (b"Depends(user_api", b"Depends(other_api", r"is not Depends\(user_api_key_auth_websocket"),
        (b"async def over_websocket", b"def over_websocket", "is not an async function"),
        (b'@router.websocket("/v1', b'@once\n@router.websocket("/v1', "no other decorator"),
        (
            b'("/v1/responses")\n@router.websocket(',
            b'("/v2/responses")\n@router.websocket(',
            "/v2/",
        ),
    ],
)
def test_a_changed_handler_is_never_replaced(old: bytes, new: bytes, what: str) -> None:
    """Under `patch` an unknown handler is refused, and the message names the change."""
    changed = FIXED.replace(old, new, 1)
    assert changed != FIXED
    for policy in (Policy(on_fixed="patch"), policy_for(changed, "passthrough", "patch")):
        if decision.decide(stock_file.identify(changed, "1.120.0"), policy) == "upstream-fixed":
            continue
        with pytest.raises(AnchorError, match=what) as refusal:
            carry_out(changed, policy, "1.120.0")
        assert refusal.value.exit_code == 13


def test_what_stays_is_named() -> None:
    """Where nothing is changed, message and hint name the remaining defects and their cure."""
    outcome = carry_out(SHARED, release="1.100.0")
    assert "hang for 300 s" in outcome.message
    assert outcome.hint.startswith("Set onFixed to patch for the bridge there")


def test_nothing_unverified_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """A patched text that fails its post-conditions is refused under every policy."""
    monkeypatch.setattr(edits, "patch", lambda *_: STOCK + b"import os\n")
    with pytest.raises(VerificationFailedError):
        carry_out(STOCK, Policy("passthrough", "passthrough"))
