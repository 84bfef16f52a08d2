"""The guard on LiteLLM's own files, fetched from the package index."""

from __future__ import annotations

import ast
import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from endpoint_patch import edits, plan, stock_file, syntax, versions
from endpoint_patch.postconditions import verify
from fakes import image as fake_image
from litellm_overlay.local.environment import stock_endpoints

if TYPE_CHECKING:
    from pathlib import Path

    from fakes.image import Image

E1 = "b7e6510d715b80464e583eda1590808721dc6464bdf6a8bc762aa8f5fb517fe6"
E2 = "70c03efe50353d18abb668fc30042992134cfa72bb0a6e4e1abcba6100070c54"
E3 = "45f7a059764accda5ba3004f332d7a597470a6fc703caff4093928cb6171bc8b"
AFFECTED = {"1.82.1": E1, "1.82.3": E2, "1.88.6": E3}
FIXED = {"1.89.0": "handshake-fixed", "1.90.0": "fixed", "1.109.1": "fixed"}
SETTINGS = plan.check_settings({"drainFile": "/run/it's here/drain"})


@pytest.fixture(params=["1.0.0", "2.0.0"])
def version(request: pytest.FixtureRequest) -> versions.PatchVersion:
    """Return each patch version of the payload."""
    return versions.load(request.param)


@pytest.fixture
def image(tmp_path: Path) -> Image:
    """Lay out an image of the newest affected release."""
    return fake_image.build(tmp_path, stock_endpoints("1.88.6"), "1.88.6")


def run(image: Image, **change: Any) -> tuple[int, bytes | None, dict[str, Any]]:
    """Run the guard in a process; return exit code, output file and report."""
    out = image.app.parent / "out"
    out.mkdir(exist_ok=True)
    order = {
        "patchVersion": "2.0.0",
        "modulePath": str(image.module),
        "outputPath": str(out / "endpoints.py"),
        **change,
    }
    done = image.run_guard(json.dumps(order))
    assert "Traceback" not in done.stderr
    output = out / "endpoints.py"
    report = json.loads((out / "report.json").read_bytes())
    assert report["exitCode"] == done.returncode
    return done.returncode, output.read_bytes() if output.exists() else None, report


@pytest.mark.parametrize("release", AFFECTED)
def test_affected(release: str, version: versions.PatchVersion) -> None:
    """Each affected file is recognized, patched, verified, and restored by undo."""
    stock = stock_endpoints(release)
    assert hashlib.sha256(stock).hexdigest() == AFFECTED[release]
    assert stock_file.identify(stock, release).state == "affected"
    patched = edits.patch(stock, version, SETTINGS, release)
    verify(stock, patched, version)
    assert edits.undo(patched) == stock
    assert edits.patch(patched, version, SETTINGS, release) == patched


@pytest.mark.parametrize("release", AFFECTED)
def test_the_edit_is_small(release: str, version: versions.PatchVersion) -> None:
    """Of upstream's lines only the two decorators change, and none moves."""
    stock = stock_endpoints(release).splitlines()
    patched = edits.patch(stock_endpoints(release), version, SETTINGS, release).splitlines()
    changed = [(old, new) for old, new in zip(stock, patched, strict=False) if old != new]
    assert changed == [
        (
            b'@router.websocket("/v1/responses")',
            b'# litellm-overlay: @router.websocket("/v1/responses")',
        ),
        (b'@router.websocket("/responses")', b'# litellm-overlay: @router.websocket("/responses")'),
    ]
    assert patched[len(stock)].startswith(b"# litellm-overlay begin {")


@pytest.mark.parametrize("release", AFFECTED)
def test_one_version_replaces_the_other(release: str) -> None:
    """Patching over another version gives the same file as patching the stock file."""
    stock = stock_endpoints(release)
    old, new = versions.load("1.0.0"), versions.load("2.0.0")
    for first, second in ((old, new), (new, old)):
        over = edits.patch(edits.patch(stock, first, SETTINGS, release), second, SETTINGS, release)
        assert over == edits.patch(stock, second, SETTINGS, release)


@pytest.mark.parametrize("on_fixed", ["passthrough", "patch"])
@pytest.mark.parametrize(("release", "state"), FIXED.items())
def test_fixed_upstream(tmp_path: Path, release: str, state: str, on_fixed: str) -> None:
    """1.89 is always patched, as Codex hangs there; later files only with `onFixed: patch`."""
    stock = stock_endpoints(release)
    image = fake_image.build(tmp_path, stock, release)
    code, output, report = run(image, onFixed=on_fixed)
    assert (code, report["upstream"], report["basis"]) == (0, state, "sha256")
    if state == "fixed" and on_fixed == "passthrough":
        assert (report["decision"], output) == ("upstream-fixed", stock)
        return
    settings = plan.check_settings({})
    assert report["decision"] == "patched"
    assert output == edits.patch(stock, versions.load("2.0.0"), settings, release)


def test_1_89_and_1_90_are_one_file() -> None:
    """1.89.0 and 1.90.0 have the same file, so only the release distinguishes them."""
    assert stock_endpoints("1.89.0") == stock_endpoints("1.90.0")
    assert stock_file.identify(stock_endpoints("1.90.0"), None).state == "handshake-fixed"


@pytest.mark.parametrize(("release", "state"), FIXED.items())
def test_a_fixed_file_that_was_altered(tmp_path: Path, release: str, state: str) -> None:
    """An altered file is recognized by its handler, which suffices for `onFixed: patch`."""
    image = fake_image.build(tmp_path, stock_endpoints(release) + b"\n# our own build\n", release)
    code, _, report = run(image)
    assert (code, report["upstream"], report["basis"]) == (0, state, "handler")
    assert report["decision"] == "upstream-fixed"
    code, _, report = run(image, onFixed="patch")
    assert (code, report["decision"]) == (0, "patched")


@pytest.mark.parametrize("release", FIXED)
def test_a_fixed_file_with_a_new_handler(tmp_path: Path, release: str) -> None:
    """An unknown handler passes through, but is not patched: it may contain a new check."""
    stock = stock_endpoints(release)
    handler = syntax.handler_source(stock) or b""
    rewritten = stock.replace(handler, handler[:-1] + b"  # new\n")
    image = fake_image.build(tmp_path, rewritten, release)
    code, _, report = run(image)
    assert (code, report["basis"], report["decision"]) == (0, "ast", "upstream-fixed")
    code, _, report = run(image, onFixed="patch", onUnknown="passthrough")
    assert (code, report["decision"]) == (13, "refused")
    assert "may hold a check that the patch would leave out" in report["message"]


@pytest.mark.parametrize("release", AFFECTED)
def test_stock_has_the_defect(release: str) -> None:
    """The stock endpoint requires the query parameter `model`: the defect that we patch."""
    tree = syntax.parse(stock_endpoints(release))
    assert not syntax.model_is_optional(tree)
    assert len(syntax.responses_routes(tree)) == 2


def test_no_endpoint(tmp_path: Path) -> None:
    """A release without the endpoint is refused with its own message."""
    image = fake_image.build(tmp_path, stock_endpoints("1.82.0"), "1.82.0")
    code, output, report = run(image)
    assert (code, output) == (12, None)
    assert "no Responses WebSocket endpoint" in report["message"]


def test_the_decoy_is_not_found(image: Image) -> None:
    """Started beside a decoy in /app, the guard patches the installed LiteLLM."""
    code, output, report = run(image)
    assert code == 0
    assert report["modulePath"] == str(image.module)
    assert output == edits.patch(
        stock_endpoints("1.88.6"), versions.load("2.0.0"), plan.check_settings({}), "1.88.6"
    )
    code, _, report = run(image, modulePath=str(image.app / fake_image.MODULE))
    assert code == 16
    assert str(image.module) in report["hint"]


@pytest.mark.parametrize(
    "alter",
    [
        pytest.param(lambda stock: stock.replace(b"\n", b"\r\n"), id="crlf"),
        pytest.param(lambda stock: stock + b"\n", id="one-line-more"),
        pytest.param(lambda stock: stock.replace(b"1011", b"1012", 1), id="one-digit"),
        pytest.param(lambda stock: stock[:-1], id="cut-short"),
        pytest.param(lambda _: b"", id="empty"),
    ],
)
def test_an_altered_file(image: Image, alter: Any) -> None:
    """A file that differs by a byte is refused, or passed through by `onUnknown: passthrough`."""
    altered = alter(image.module.read_bytes())
    image.module.write_bytes(altered)
    code, output, report = run(image)
    assert (code, output, report["knownAs"]) == (12, None, None)
    code, output, report = run(image, onUnknown="passthrough")
    assert (code, output, report["decision"]) == (0, altered, "passthrough")


def test_an_altered_file_that_is_expected(image: Image) -> None:
    """`onUnknown: patch` accepts only the file with the expected hash."""
    altered = image.module.read_bytes() + b"# ours\n"
    image.module.write_bytes(altered)
    expected = {"onUnknown": "patch", "expectedSha256": hashlib.sha256(altered).hexdigest()}
    assert run(image, **expected)[2]["decision"] == "patched"
    image.module.write_bytes(altered + b"#\n")
    assert run(image, **expected)[0] == 12


def test_the_output_is_stable(image: Image, version: versions.PatchVersion) -> None:
    """The same plan gives the same valid file each time."""
    runs = [run(image, patchVersion=version.version)[2]["patchedSha256"] for _ in range(2)]
    assert runs[0] == runs[1]
    assert ast.parse((image.app.parent / "out" / "endpoints.py").read_bytes())
