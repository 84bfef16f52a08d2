"""The module's location: found as the proxy finds it, and not a look-alike."""

from __future__ import annotations

import importlib.util
import py_compile
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from endpoint_patch.errors import ModuleNotFoundInImageError
from endpoint_patch.locate import interpreter_of, locate
from fakes import image as fake_image

if TYPE_CHECKING:
    from fakes.image import Image

SCRIPT = "from litellm import run_server\n"


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    """Enter an image's working directory, with its environment; return the image."""
    built = fake_image.build(tmp_path, b"# the module\n", "1.88.6")
    monkeypatch.chdir(built.app)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    for name, value in built.environ().items():
        monkeypatch.setenv(name, value)
    return built


def put_on_pythonpath(image: Image, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Path:
    """Put a second LiteLLM on PYTHONPATH; return its module."""
    fake_image.add_package(folder, b"# in front\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return folder / fake_image.MODULE


def test_located(image: Image) -> None:
    """The installed module is found, not the decoy in the working directory."""
    located = locate()
    assert (located.path, located.litellm_version) == (str(image.module), "1.88.6")
    assert (located.versions, located.shadow) == (("1.88.6",), None)
    assert located.python.startswith("3.")
    assert (image.app / fake_image.MODULE).exists()


def test_nothing_in_the_working_directory_is_imported(image: Image) -> None:
    """A json.py in the working directory is not imported in place of the standard library's."""
    (image.app / "json.py").write_text("raise SystemExit('imported from the working directory')")
    assert locate().path == str(image.module)


def test_pythonpath_comes_first(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package on PYTHONPATH comes first, and the installed release is not its release."""
    module = put_on_pythonpath(image, monkeypatch, image.app.parent / "front")
    located = locate()
    assert (located.path, located.litellm_version) == (str(module), None)
    assert located.versions == ("1.88.6",)


@pytest.mark.parametrize("value", ["{site}:", ":{site}", "{site}::/x", ".", "lib"])
def test_pythonpath_that_depends_on_the_working_directory(
    image: Image, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    """An empty or relative entry of PYTHONPATH is refused: the proxy may import the decoy."""
    monkeypatch.setenv("PYTHONPATH", value.format(site=image.site_packages))
    with pytest.raises(ModuleNotFoundInImageError, match="PYTHONPATH has an empty or relative"):
        locate()


def test_a_module_beside_the_command_comes_first(image: Image) -> None:
    """A litellm.py in the command's folder is refused, since Python would import it first."""
    (image.bin / "litellm.py").touch()
    with pytest.raises(ModuleNotFoundInImageError, match="does not find"):
        locate()


def test_a_linked_command(image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For a link to the command, the target's folder counts, as for Python."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "litellm.py").touch()
    (tmp_path / "bin" / "litellm").symlink_to(image.bin / "litellm")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    assert locate().path == str(image.module)


def test_what_pth_files_print_is_no_answer(image: Image) -> None:
    """Output of start-up hooks before the answer is ignored."""
    (image.site_packages / "noise.pth").write_text("import sys; print('{}')\n")
    assert locate().path == str(image.module)


def test_no_command(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the command on PATH the guard refuses instead of guessing."""
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    assert image.module.exists()
    with pytest.raises(ModuleNotFoundInImageError, match="no `litellm` command") as refusal:
        locate()
    assert refusal.value.exit_code == 11


@pytest.mark.parametrize("missing", ["endpoints.py", "package"])
def test_no_module(image: Image, missing: str) -> None:
    """An interpreter without the package or the module is a refusal."""
    if missing == "package":
        (image.site_packages / "litellm").rename(image.site_packages / "renamed")
    else:
        image.module.unlink()
    with pytest.raises(ModuleNotFoundInImageError, match="does not find"):
        locate()


def test_a_package_in_the_modules_place(image: Image) -> None:
    """A folder `endpoints/` is refused, since Python imports it before the file."""
    (image.module.parent / "endpoints").mkdir()
    (image.module.parent / "endpoints" / "__init__.py").touch()
    with pytest.raises(ModuleNotFoundInImageError, match="as a source file, but"):
        locate()


@pytest.mark.parametrize("body", ["exit 3", "echo no json", "true", "echo oops >&2; exit 1"])
def test_an_interpreter_that_does_not_answer(image: Image, body: str) -> None:
    """An interpreter that fails in any way is a refusal that names it."""
    (image.bin / "python").unlink()
    (image.bin / "python").write_text(f"#!/bin/sh\n{body}\n")
    (image.bin / "python").chmod(0o755)
    with pytest.raises(ModuleNotFoundInImageError, match="did not answer"):
        locate()


def test_a_missing_interpreter(image: Image) -> None:
    """A console script with a missing interpreter is a refusal."""
    (image.bin / "python").unlink()
    with pytest.raises(ModuleNotFoundInImageError, match="did not answer"):
        locate()


@pytest.mark.parametrize(
    ("mode", "shadows"),
    [
        (py_compile.PycInvalidationMode.UNCHECKED_HASH, True),
        (py_compile.PycInvalidationMode.CHECKED_HASH, False),
        (py_compile.PycInvalidationMode.TIMESTAMP, False),
    ],
)
def test_bytecode(image: Image, mode: py_compile.PycInvalidationMode, shadows: bool) -> None:
    """Only unchecked bytecode is reported, since Python would use it in place of the patch."""
    cached = py_compile.compile(str(image.module), invalidation_mode=mode)
    assert locate().shadow == (cached if shadows else None)


def test_bytecode_of_another_python(image: Image) -> None:
    """Bytecode with another magic number is ignored, as Python ignores it."""
    cached = Path(importlib.util.cache_from_source(str(image.module)))
    cached.parent.mkdir()
    cached.write_bytes(b"\0\0\r\n" + (1).to_bytes(4, "little") + bytes(8))
    assert locate().shadow is None


@pytest.mark.parametrize(
    ("head", "words"),
    [
        ("#!{folder}/python\n", ["{folder}/python"]),
        ("#! {folder}/python3.13 -sE\r\n", ["{folder}/python3.13", "-sE"]),
        ("#!/usr/bin/env python\n", ["{which}"]),
        ("#!/usr/bin/env -S python -s\n", ["{which}", "-s"]),
        ("#!/bin/sh\n'''exec' /a/b/python \"$0\" \"$@\"\n' '''\n", ["/a/b/python"]),
        ("#!/bin/sh\n'''exec' \"/a b/python\" \"$0\" \"$@\"\n' '''\n", ["/a b/python"]),
        ("#!/bin/sh\n'''exec' '/a b/python' \"$0\" \"$@\"\n' '''\n", ["/a b/python"]),
        (
            '#!/bin/sh\n\'\'\'exec\' "$(dirname -- "$(realpath -- "$0")")"/\'python\' "$0" "$@"\n',
            ["{folder}/python"],
        ),
    ],
)
def test_shebangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, head: str, words: list[str]
) -> None:
    """Each shebang of pip, uv and distlib gives the interpreter and its options."""
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "python").touch(mode=0o755)
    monkeypatch.setenv("PATH", str(folder))
    script = folder / "litellm"
    script.write_text(head.replace("{folder}", "/x") + SCRIPT)
    places = {"folder": str(folder) if "dirname" in head else "/x", "which": str(folder / "python")}
    assert interpreter_of(script) == [word.format(**places) for word in words]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fELF\x02\x01",
        b"#!\n",
        b"#!/bin/sh\nexec litellm.real\n",
        b"#!/bin/bash\n",
        b"#!/usr/bin/env\n",
        b"#!/usr/bin/env python9\n",
        b'#!/bin/sh\n\'\'\'exec\' "/unclosed "$0" "$@"\n',
        b"import litellm\n",
    ],
)
def test_not_a_console_script(tmp_path: Path, content: bytes) -> None:
    """A wrapper or a binary is refused, since it does not name its Python."""
    script = tmp_path / "litellm"
    script.write_bytes(content)
    with pytest.raises(ModuleNotFoundInImageError, match="not a console script"):
        interpreter_of(script)


def test_a_path_with_spaces(image: Image) -> None:
    """An sh shebang with spaces in the path works when it is run."""
    moved = image.app / "a place"
    moved.symlink_to(image.bin.parent)
    line = (
        f"#!/bin/sh\n'''exec' {shlex.quote(str(moved / 'bin' / 'python'))} \"$0\" \"$@\"\n' '''\n"
    )
    (image.bin / "litellm").write_text(line + SCRIPT)
    assert locate().path.endswith("endpoints.py")
