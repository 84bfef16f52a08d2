"""Facts from a syntax tree: the handler's anchors, upstream's fix, and names."""

from __future__ import annotations

import pytest

from endpoint_patch import syntax
from endpoint_patch.errors import AnchorError
from fakes.endpoint_module import STOCK

TEXT = STOCK.decode()
HANDLER = TEXT[TEXT.index('@router.websocket("/v1/responses")') :]


def test_handler() -> None:
    """Every anchor is found, with all lines of a decorator."""
    first = TEXT[: TEXT.index('@router.websocket("/v1/responses")')].count("\n") + 1
    assert syntax.find_handler(syntax.parse(STOCK)) == syntax.Handler(
        name="over_websocket",
        router="router",
        authenticate="user_api_key_auth_websocket",
        logger="verbose_proxy_logger",
        decorator_lines=(first, first + 1, first + 2, first + 3),
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(HANDLER, "", id="no-handler"),
        pytest.param(HANDLER, HANDLER + "\n\n" + HANDLER, id="handler-twice"),
        pytest.param('@router.websocket("/v1/responses")\n', "", id="one-route-missing"),
        pytest.param('"/responses",', '"/openai/v1/responses",', id="other-path"),
        pytest.param('"/responses",', '"/v1/responses",', id="same-path-twice"),
        pytest.param('"/responses",', 'path="/responses",', id="path-by-keyword"),
        pytest.param(
            "async def over_websocket", "@cached\nasync def over_websocket", id="decorator"
        ),
        pytest.param(
            HANDLER,
            HANDLER.replace("async ", "").replace("await ", ""),
            id="not-async",
        ),
        pytest.param("    websocket,\n", "    websocket,\n    extra=None,\n", id="extra-argument"),
        pytest.param("    websocket,\n", "", id="missing-argument"),
        pytest.param("Query(..., ", "Query('gpt', ", id="model-with-a-default"),
        pytest.param("fastapi.Query(..., ", "other.Query(..., ", id="not-fastapi"),
        pytest.param("Depends(user_api_key_auth_websocket)", "Depends(other)", id="other-auth"),
        pytest.param("=Depends(user_api_key_auth_websocket)", "=None", id="no-auth"),
        pytest.param("verbose_proxy_logger\n", "another_logger\n", id="no-logger"),
        pytest.param("router = fastapi", "routers = fastapi", id="router-not-bound"),
        pytest.param("@router.websocket(\n", "@second.websocket(\n", id="two-routers"),
        pytest.param(
            "await websocket.accept()",
            'router.add_api_websocket_route("/x/responses", json)',
            id="a-third-route",
        ),
    ],
)
def test_anchor_does_not_fit(old: str, new: str) -> None:
    """A missing, duplicate or changed anchor is refused with exit code 13."""
    assert TEXT.count(old) >= 1
    tree = syntax.parse(TEXT.replace(old, new, 1).encode())
    with pytest.raises(AnchorError) as refusal:
        syntax.find_handler(tree)
    assert refusal.value.exit_code == 13


def test_the_handler_of_a_fixed_release() -> None:
    """The handler of a fixed release has the same anchors."""
    fixed = STOCK.replace(b"Query(..., ", b"Query(None, ")
    assert syntax.find_handler(syntax.parse(fixed)) == syntax.find_handler(syntax.parse(STOCK))


@pytest.mark.parametrize(
    "old",
    [
        pytest.param("json.dumps(request)", id="body"),
        pytest.param('@router.post("/v1/responses")', id="http-route"),
        pytest.param("import json", id="unrelated-import"),
    ],
)
def test_the_rest_of_the_module_does_not_matter(old: str) -> None:
    """Changes outside the handler do not matter."""
    tree = syntax.parse(
        TEXT.replace(old, old.replace("json", "jsonx").replace("post", "put")).encode()
    )
    assert syntax.find_handler(tree).name == "over_websocket"


@pytest.mark.parametrize("source", [b"def (", b"\xff", b"\0", b"(" * 5000], ids=str)
def test_not_python(source: bytes) -> None:
    """A file that does not parse is a refusal."""
    with pytest.raises(AnchorError):
        syntax.parse(source)


@pytest.mark.parametrize(
    ("default", "optional"),
    [
        ('fastapi.Query(..., description="x")', False),
        ('fastapi.Query(description="x")', False),
        ("Query(default=...)", False),
        ('"gpt-4o"', False),
        ("None", True),
        ('fastapi.Query(None, description="x")', True),
        ("Query(default=None)", True),
    ],
)
def test_upstreams_fix(default: str, optional: bool) -> None:
    """Only a default of None for `model` counts as upstream's fix."""
    text = TEXT.replace('fastapi.Query(..., description="which model")', default)
    assert syntax.model_is_optional(syntax.parse(text.encode())) is optional


@pytest.mark.parametrize("text", ["", HANDLER.replace("model:", "other:"), HANDLER + HANDLER])
def test_no_handler_is_no_fix(text: str) -> None:
    """A module without exactly one handler does not count as fixed."""
    assert not syntax.model_is_optional(syntax.parse(text.encode()))


def test_module_names() -> None:
    """Names that the module's own scope binds are found, and inner ones are not."""
    source = b"""
import a.b, c as d
from e import f as g
h: int = 1
i, (j, *k) = x
def l(inner): m = 1; global n
class o: inner = 1
try: pass
except E as p: q = 1
for r in y: pass
with z as s: pass
if (t := 1): pass
match v:
    case {"w": aa, **bb}: pass
    case [cc, *dd]: pass
[inner for inner in y]
(lambda inner: inner)(1)
del ee
"""
    names = "a d g h i j k l n o p q r s t aa bb cc dd ee"
    assert syntax.module_names(syntax.parse(source)) == set(names.split())
