"""The post-conditions: each refuses its own kind of bad text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from endpoint_patch import edits, syntax
from endpoint_patch.errors import VerificationFailedError
from endpoint_patch.postconditions import verify
from fakes.endpoint_module import MINIMAL, SETTINGS, STOCK, with_part

GOOD = edits.patch(STOCK, MINIMAL, SETTINGS, None)


@pytest.mark.parametrize("stock", [STOCK, STOCK.rstrip(b"\n"), STOCK.replace(b"\n", b"\r\n")])
def test_good(stock: bytes) -> None:
    """The text that `edits.patch` makes of a fitting module passes, with any line endings."""
    verify(stock, edits.patch(stock, MINIMAL, SETTINGS, "1.88.6"), MINIMAL)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"def attach", b"def (attach", "does not compile"),
        (b"router.attached", b"await router.attached", "does not compile"),
        (b"# litellm-overlay begin ", b"# begin ", "no begin marker"),
        (b"# litellm-overlay: @router", b"@router", "upstream's line"),
        (b"await websocket.accept()", b"await websocket.close()", "upstream's line"),
        (b"import json\nfrom elsewhere", b"from elsewhere", "upstream's line"),
        (b"# litellm-overlay end\n", b"_litellm_overlay()()\n", "binds more than"),
        (b"# litellm-overlay end\n", b"json = 1\n", "binds more than"),
        (b"def _litellm_overlay", b"json = 1\ndef _litellm_overlay", "binds more than"),
        (b"def _litellm_overlay", b"async def _litellm_overlay", "binds more than"),
        (b"def _litellm_overlay():", b"@json\ndef _litellm_overlay():", "has a decorator"),
        (b"_litellm_overlay()(", b"_litellm_overlay(", "not called once"),
        (b"(router=router", b"(router=json", "stock module's objects"),
        (b"(router=router", b"(json, router=router", "stock module's objects"),
        (b"authenticate=user_api_key_auth_websocket", b"authenticate=None", "objects"),
        (b"    return attach_litellm_overlay", b"    return json", "not what attaches it"),
        (b"# litellm-overlay end\n", b"# the end\n", "turned back|changed after"),
        (b'"stock_sha256":"', b'"stock_sha256":"0', "turned back|changed after"),
    ],
)
def test_bad(old: bytes, new: bytes, reason: str) -> None:
    """Each kind of damage is found by its own check."""
    assert old in GOOD
    with pytest.raises(VerificationFailedError, match=reason) as refusal:
        verify(STOCK, GOOD.replace(old, new, 1), MINIMAL)
    assert refusal.value.exit_code == 14


def test_a_route_that_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    """A remaining upstream route is found in the result's syntax."""
    whole = syntax.find_handler(syntax.parse(STOCK))
    missed = replace(whole, decorator_lines=whole.decorator_lines[:1])
    for module in (syntax, edits):
        monkeypatch.setattr(module, "find_handler", lambda _: missed)
    with pytest.raises(VerificationFailedError, match="route of upstream is left"):
        verify(STOCK, edits.patch(STOCK, MINIMAL, SETTINGS, None), MINIMAL)


@pytest.mark.parametrize(
    "part",
    [
        pytest.param(b"router = None\n", id="bound-by-stock"),
        pytest.param(b"def over_http(): pass\n", id="a-function-of-stock"),
        pytest.param(b"class Payload: pass\n", id="read-by-stock-through-a-star-import"),
        pytest.param(b"import json.decoder as json\n", id="another-module-of-the-name"),
        pytest.param(b"import json\ndel json\n", id="deleted"),
    ],
)
def test_the_scope_keeps_names_apart(part: bytes) -> None:
    """Names of the parts do not change the meaning of the module's own names."""
    version = with_part(part)
    verify(STOCK, edits.patch(STOCK, version, SETTINGS, None), version)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (b"def f():\n    global router\n    router = 1\n", "binds more than"),
        (b"global router\nrouter = 1\n", "binds more than"),
        (b"from os import *\n", "does not compile"),
    ],
)
def test_what_would_reach_out_of_the_scope(part: bytes, reason: str) -> None:
    """A part that would change the module's names, for example by `global`, is refused."""
    version = with_part(part)
    with pytest.raises(VerificationFailedError, match=reason):
        verify(STOCK, edits.patch(STOCK, version, SETTINGS, None), version)


@pytest.mark.parametrize("line", [b"_litellm_overlay = 1\n", b"print(_litellm_overlay)\n"])
def test_the_one_name_must_be_new(line: bytes) -> None:
    """A module that already uses our one name is refused."""
    stock = STOCK + line
    with pytest.raises(VerificationFailedError, match="another meaning"):
        verify(stock, edits.patch(stock, MINIMAL, SETTINGS, None), MINIMAL)


def test_a_future_import_cannot_be_inserted() -> None:
    """A part with a `from __future__` import is refused, since it would not compile."""
    version = with_part(b"from __future__ import annotations\n")
    with pytest.raises(VerificationFailedError, match="does not compile"):
        verify(STOCK, edits.patch(STOCK, version, SETTINGS, None), version)
