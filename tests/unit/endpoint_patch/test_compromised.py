"""The malicious releases: the payload's own list, and the plan's additions."""

from __future__ import annotations

import pytest

from endpoint_patch import compromised, stock_file
from endpoint_patch.errors import CompromisedReleaseError


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stock_file, "compromised", lambda: ("1.82.7", "1.107.0"))


@pytest.mark.parametrize("also", [(), ("1.120.1",), ("", "rc1")])
def test_refused(also: tuple[str, ...]) -> None:
    """A malicious release among the installed ones is refused; a plan cannot shorten the list."""
    compromised.refuse(["1.82.6", "1.82.8"], also)
    with pytest.raises(CompromisedReleaseError, match=r"1\.82\.7") as refusal:
        compromised.refuse(["1.82.6", "1.82.7"], also)
    assert refusal.value.exit_code == 17
    assert "rotate" in refusal.value.hint


@pytest.mark.parametrize("release", ["1.120.1", "v1.120.1+ours"])
def test_a_plan_adds(release: str) -> None:
    """A plan adds malicious releases that a frozen payload does not know."""
    compromised.refuse([release])
    with pytest.raises(CompromisedReleaseError):
        compromised.refuse([release], ["1.120.1"])


@pytest.mark.parametrize(
    ("release", "refused"),
    [
        ("1.107.0", True),
        ("1.107", True),
        ("v1.107.0", True),
        ("1.107.0+ours", True),
        ("1.107.0.post1", True),
        ("1.107.0rc2", False),
        ("1.107.0.dev3", False),
        ("1.107.0-beta.1", False),
        ("1.107.1", False),
        ("11.107.0", False),
        ("unknown", False),
    ],
)
def test_how_a_malicious_release_may_be_spelt(release: str, refused: bool) -> None:
    """Version labels do not hide a malicious release; its pre-releases are not malicious."""
    if not refused:
        return compromised.refuse([release])
    with pytest.raises(CompromisedReleaseError):
        compromised.refuse([release])
    return None
