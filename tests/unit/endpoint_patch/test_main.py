"""The whole program: a plan in; files, a sentence and an exit code out.

More than 300 lines: one table of inputs and outcomes, with one fixture.
"""

from __future__ import annotations

import hashlib
import json
import os
import py_compile
import re
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

import endpoint_patch.__main__ as program
from endpoint_patch import edits, errors, install, plan, report, stock_file, syntax, versions
from fakes import image as fake_image
from fakes.endpoint_module import FIXED, MINIMAL, STOCK, known_files

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from fakes.image import Image


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    """Enter an image with a known affected file and a known patch version."""
    built = fake_image.build(tmp_path, STOCK, "1.88.6")
    monkeypatch.chdir(built.app)
    for name, value in built.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.delenv("LITELLM_OVERLAY_PLAN", raising=False)
    monkeypatch.setattr(stock_file, "_table", known_files)
    load = versions.load
    monkeypatch.setattr(versions, "load", lambda v: MINIMAL if v == "9.0.0" else load(v))
    (tmp_path / "out").mkdir()
    return built


class Run:
    """A run of the program in this process, and its results."""

    def __init__(self, image: Image, monkeypatch: pytest.MonkeyPatch, **change: Any) -> None:
        self.out = image.app.parent / "out"
        raw = {
            "patchVersion": "9.0.0",
            "modulePath": str(image.module),
            "outputPath": str(self.out / "endpoints.py"),
            "terminationMessagePath": str(self.out / "termination-log"),
            **change,
        }
        monkeypatch.setenv("LITELLM_OVERLAY_PLAN", json.dumps(raw))
        self.code = program.main([])

    @property
    def output(self) -> bytes | None:
        """Return the bytes at the output path, or None."""
        path = self.out / "endpoints.py"
        return path.read_bytes() if path.exists() else None

    @property
    def report(self) -> Mapping[str, Any]:
        """Return report.json, after comparing it with the termination message."""
        data: Mapping[str, Any] = json.loads((self.out / "report.json").read_bytes())
        assert json.loads((self.out / "termination-log").read_bytes()) == data
        assert set(data) == set(report.blank())
        return data


def test_patched(
    image: Image, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A stock file is patched, and report and output give all details."""
    run = Run(image, monkeypatch, settings={"mode": "http-fallback"})
    settings = plan.check_settings({"mode": "http-fallback"})
    expected = edits.patch(STOCK, MINIMAL, settings, "1.88.6")
    assert (run.code, run.output) == (0, expected)
    assert image.module.read_bytes() == STOCK
    measured = {name: run.report[name] for name in ("milliseconds", "python")}
    assert run.report == {
        **measured,
        "decision": "patched",
        "exitCode": 0,
        "message": "Patched LiteLLM 1.88.6 with 9.0.0.",
        "hint": None,
        "patchVersion": "9.0.0",
        "litellmVersion": "1.88.6",
        "upstream": "affected",
        "basis": "sha256",
        "knownAs": "1.82.6 to 1.88.6",
        "modulePath": str(image.module),
        "stockSha256": hashlib.sha256(STOCK).hexdigest(),
        "handlerSha256": hashlib.sha256(syntax.handler_source(STOCK) or b"").hexdigest(),
        "patchedSha256": hashlib.sha256(expected).hexdigest(),
        "executedPth": [],
        "traces": [],
    }
    assert isinstance(measured["milliseconds"], int)
    assert capsys.readouterr() == ("Patched LiteLLM 1.88.6 with 9.0.0.\n", "")


def test_twice_is_once(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second run gives the same bytes, also over a patched module."""
    first = Run(image, monkeypatch).output
    assert first
    image.module.write_bytes(first)
    run = Run(image, monkeypatch)
    assert (run.code, run.output) == (0, first)
    assert run.report["stockSha256"] == hashlib.sha256(STOCK).hexdigest()


def test_upstream_fixed(
    image: Image, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A module with upstream's fix is written unchanged, or patched with `onFixed: patch`."""
    image.module.write_bytes(FIXED)
    asked = Run(image, monkeypatch, onFixed="patch")
    settings = plan.check_settings({})
    assert (asked.code, asked.output) == (0, edits.patch(FIXED, MINIMAL, settings, "1.88.6"))
    run = Run(image, monkeypatch)
    assert (run.code, run.output) == (0, FIXED)
    assert (run.report["decision"], run.report["upstream"]) == ("upstream-fixed", "handshake-fixed")
    assert run.report["patchedSha256"] == run.report["stockSha256"]
    assert "\nNothing changed: LiteLLM 1.88.6" in capsys.readouterr().out


def test_passthrough(
    image: Image, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With `onUnknown: passthrough` an unknown module is written unchanged, with a warning."""
    image.module.write_bytes(STOCK + b"# altered\n")
    run = Run(image, monkeypatch, onUnknown="passthrough")
    assert (run.code, run.output) == (0, STOCK + b"# altered\n")
    assert (run.report["decision"], run.report["upstream"]) == ("passthrough", "affected")
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("warning: NOT PATCHED, as onUnknown says passthrough.")


def unknown(image: Image) -> dict[str, object]:
    """Alter the module; return no change to the plan."""
    image.module.write_bytes(STOCK + b"# altered\n")
    return {}


def crlf(image: Image) -> dict[str, object]:
    """Give the module Windows line endings; return no change to the plan."""
    image.module.write_bytes(STOCK.replace(b"\n", b"\r\n"))
    return {}


def rewritten(image: Image) -> dict[str, object]:
    """Add a check to a fixed handler; return a plan that requests the bridge."""
    image.module.write_bytes(FIXED.replace(b"await websocket", b"await check(websocket)"))
    return {"onFixed": "patch"}


def tampered(image: Image) -> dict[str, object]:
    """Alter a patched module; return no change to the plan."""
    patched = edits.patch(STOCK, MINIMAL, {}, None)
    image.module.write_bytes(patched.replace(b"accept", b"close"))
    return {}


def compromised(image: Image) -> dict[str, object]:
    """Add the metadata of a malicious release; return no change to the plan."""
    fake_image.install_metadata(image.site_packages, "1.82.7")
    return {}


def traced(image: Image) -> dict[str, object]:
    """Add an empty file with the name of the 1.107.0 malware's; return no change to the plan."""
    (image.site_packages / "cook.pth").touch()
    return {}


def stale(image: Image) -> dict[str, object]:
    """Add bytecode that Python does not compare with its source; return no change to the plan."""
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(str(image.module), invalidation_mode=mode)
    return {}


@pytest.mark.parametrize(
    ("prepare", "error", "sentence"),
    [
        (lambda _: {"typo": 1}, errors.PlanUnreadableError, "typo"),
        (lambda i: i.module.unlink() or {}, errors.ModuleNotFoundInImageError, "does not find"),
        (
            lambda _: {"modulePath": None, "sourcePath": "/missing"},
            errors.ModuleNotFoundInImageError,
            "/missing",
        ),
        (unknown, errors.UnknownStockFileError, "altered"),
        (crlf, errors.UnknownStockFileError, "altered"),
        (tampered, errors.VerificationFailedError, "changed after it was patched"),
        (lambda i: {"modulePath": str(i.app / fake_image.MODULE)}, errors.WrongModulePathError, ""),
        (lambda _: {"modulePath": "/missing.py"}, errors.WrongModulePathError, "/missing.py"),
        (compromised, errors.CompromisedReleaseError, "malicious"),
        (traced, errors.CompromisedReleaseError, "cook.pth is a trace of the malware"),
        (stale, errors.StaleBytecodeError, ".pyc"),
        (lambda _: {"patchVersion": "7.7.7"}, errors.PatchVersionMissingError, "7.7.7"),
        (lambda _: {"compromised": ["1.88.6"]}, errors.CompromisedReleaseError, "malicious"),
        (
            lambda _: {"patchVersion": "1.0.0", "onFixed": "patch"},
            errors.PlanUnreadableError,
            "1.0.0 is not made for what upstream has fixed",
        ),
        (rewritten, errors.AnchorError, "in a WebSocket handler that nobody has read"),
    ],
)
def test_refused(
    image: Image,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    prepare: Any,
    error: type[errors.GuardError],
    sentence: str,
) -> None:
    """Each refusal has its exit code, error, hint and report, and keeps the old output."""
    install.install(str(image.app.parent / "out" / "endpoints.py"), b"of an earlier run\n")
    run = Run(image, monkeypatch, **prepare(image))
    assert (run.code, run.output) == (error.exit_code, b"of an earlier run\n")
    assert (run.report["decision"], run.report["exitCode"]) == ("refused", error.exit_code)
    assert run.report["patchedSha256"] is None
    assert sentence in run.report["message"]
    out, err = capsys.readouterr()
    assert not out
    assert err == f"error: {run.report['message']}\nhint: {run.report['hint']}\n"
    assert run.report["hint"]


def test_the_right_module_path_is_told(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a wrong module path the hint names the right one."""
    run = Run(image, monkeypatch, modulePath=str(image.app / fake_image.MODULE))
    assert run.report["hint"] == f"Set modulePath to {image.module}."
    assert run.report["modulePath"] == str(image.module)


def test_a_mount_through_a_link(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module path through a symbolic link, such as lib64, is accepted."""
    (image.app / "lib64").symlink_to(image.site_packages)
    run = Run(image, monkeypatch, modulePath=str(image.app / "lib64" / fake_image.MODULE))
    assert run.code == 0


def test_stale_bytecode_of_a_fixed_module_does_no_harm(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stale bytecode is harmless where the original bytes are written."""
    image.module.write_bytes(STOCK.replace(b"Query(...,", b"Query(None,"))
    assert Run(image, monkeypatch, **stale(image)).code == 0


def test_a_python_too_old_for_the_inserted_text(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Python older than the inserted code needs is refused, such as 3.9."""
    located = program.Located(str(image.module), "1.82.3", ("1.82.3",), "3.9.18", None)
    monkeypatch.setattr(program, "locate", lambda **_: located)
    run = Run(image, monkeypatch)
    assert run.code == 20
    assert "3.9.18" in run.report["message"]


def test_source_path(image: Image, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """With `sourcePath` a named file is patched without any interpreter."""
    (tmp_path / "stock.py").write_bytes(STOCK)
    monkeypatch.setenv("PATH", "")
    run = Run(image, monkeypatch, modulePath=None, sourcePath=str(tmp_path / "stock.py"))
    assert run.code == 0
    assert run.output == edits.patch(STOCK, MINIMAL, plan.check_settings({}), None)
    assert run.report["litellmVersion"] is None
    compromised = {"sourcePath": str(tmp_path / "stock.py"), "litellmVersion": "1.82.7"}
    assert Run(image, monkeypatch, modulePath=None, **compromised).code == 17


def test_no_room_for_the_output(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unwritable output gives exit code 15 and no hash in the report."""
    run = Run(image, monkeypatch, outputPath="/proc/x", reportPath=str(image.app / "report.json"))
    assert run.code == 15
    assert json.loads((image.app / "report.json").read_bytes())["patchedSha256"] is None


def test_no_room_for_the_report(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unwritable report fails the run with 15; a refusal keeps its own code."""
    run = Run(image, monkeypatch, reportPath="/proc/report.json")
    assert run.code == 15
    data = json.loads((run.out / "termination-log").read_bytes())
    assert (data["exitCode"], data["decision"]) == (15, "refused")
    assert (data["patchedSha256"], run.output) == (None, None)
    unknown(image)
    assert Run(image, monkeypatch, reportPath="/proc/report.json").code == 12


def test_a_termination_message_that_cannot_be_written(
    image: Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unwritable termination message does not change the outcome."""
    assert Run(image, monkeypatch, terminationMessagePath="/proc/x/log").code == 0


def test_a_fault_of_ours(
    image: Image, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """An unexpected exception is one line and a report, without a traceback."""
    monkeypatch.setattr(stock_file, "identify", lambda *_: 1 / 0)
    run = Run(image, monkeypatch)
    assert (run.code, run.output) == (1, None)
    assert (run.report["decision"], run.report["exitCode"]) == ("crashed", 1)
    err = capsys.readouterr().err
    assert err.startswith("error: A fault in endpoint_patch: ZeroDivisionError")
    assert "Traceback" not in err
    assert err.count("\n") == 2


def linked(target: Path, name: str) -> Path:
    """Return a symbolic link to a path that need not exist."""
    link = (target if target.is_dir() else target.parent) / f"to-{name}"
    link.symlink_to(target)
    return link


def hard_linked(path: Path) -> Path:
    """Return a hard link to a new file."""
    path.touch()
    other = path.parents[1] / "hard"
    other.hardlink_to(path)
    return other


WAYS = {
    "the same text": lambda path: path,
    "by ..": lambda path: path.parent / ".." / path.parent.name / path.name,
    "through a folder's link": lambda path: linked(path.parent, "folder") / path.name,
    "a link": lambda path: linked(path, "file"),
    "a hard link": hard_linked,
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("key", ["reportPath", "terminationMessagePath"])
def test_no_path_leads_to_the_output(
    image: Image, monkeypatch: pytest.MonkeyPatch, key: str, way: str
) -> None:
    """Output, report and message cannot be the same file, by any name."""
    output = image.app.parent / "out" / "endpoints.py"
    install.install(str(output), b"of an earlier run\n")
    run = Run(image, monkeypatch, **{key: str(WAYS[way](output))})
    assert (run.code, run.output) == (10, b"of an earlier run\n")
    other = image.app.parent / "out" / ("report.json" if key != "reportPath" else "termination-log")
    assert json.loads(other.read_bytes())["message"] == (
        f"{', '.join(sorted(['outputPath', key])).replace(', ', ' and ')} must be two different files."
    )


@pytest.mark.parametrize("key", ["outputPath", "reportPath", "terminationMessagePath"])
@pytest.mark.parametrize("named", [True, False])
def test_nothing_is_written_over_the_stock_file(
    image: Image, monkeypatch: pytest.MonkeyPatch, key: str, named: bool
) -> None:
    """No output can overwrite the stock file, whether named in the plan or found."""
    change: dict[str, object] = {key: str(image.module)}
    if named:
        change |= {"sourcePath": str(image.module), "modulePath": None}
    assert Run(image, monkeypatch, **change).code == 10
    assert image.module.read_bytes() == STOCK


def run_module(*arguments: str, text: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the program in a process; return the finished process."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(fake_image.PATCH_ROOT / "endpoint_patch"), *arguments],
        env={"PATH": os.defpath, **environ},
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("door", ["argument", "stdin", "environment"])
def test_three_doors_for_the_plan(tmp_path: Path, door: str) -> None:
    """A plan from a path, from stdin or from the environment gives the same result."""
    (tmp_path / "stock.py").write_bytes(STOCK)
    text = json.dumps(
        {
            "patchVersion": "2.0.0",
            "sourcePath": str(tmp_path / "stock.py"),
            "outputPath": str(tmp_path / "out.py"),
            "onUnknown": "passthrough",
        }
    )
    (tmp_path / "plan.json").write_text(text)
    done = {
        "argument": lambda: run_module(str(tmp_path / "plan.json")),
        "stdin": lambda: run_module("-", text=text),
        "environment": lambda: run_module(LITELLM_OVERLAY_PLAN=text),
    }[door]()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.py").read_bytes() == STOCK


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "No plan is given"),
        (["/missing/plan.json"], "Could not read /missing/plan.json"),
        (["-"], "not JSON"),
        (["a", "b"], "At most one argument"),
    ],
)
def test_no_plan(arguments: list[str], sentence: str) -> None:
    """Without a readable plan the program exits with 10, an error and a hint."""
    done = run_module(*arguments)
    assert done.returncode == 10
    assert done.stderr.startswith("error: ")
    assert sentence in done.stderr
    assert "\nhint: " in done.stderr
    assert "Traceback" not in done.stderr


def test_help_is_the_protocol() -> None:
    """`--help` lists every key, setting and exit code."""
    done = run_module("--help")
    assert done.returncode == 0
    words = {*plan._KEYS, *plan._SETTINGS, *report.blank()}
    assert [word for word in sorted(words) if word not in done.stdout] == []
    by_the_proof = 21  # manifests/prove.py, which starts the guard
    codes = {0, 1, by_the_proof, *(kind.exit_code for kind in errors.GuardError.__subclasses__())}
    assert codes == {int(code) for code in re.findall(r"  (\d+)  ", done.stdout)}


def test_exit_codes() -> None:
    """Each refusal has its own exit code, and all but one have a default hint."""
    kinds = errors.GuardError.__subclasses__()
    assert sorted(kind.exit_code for kind in kinds) == list(range(10, 21))
    assert [kind for kind in kinds if not kind.default_hint] == [errors.WrongModulePathError]
