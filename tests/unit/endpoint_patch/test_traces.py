"""Malware is found before any of its code runs. All of it here is empty, or a canary."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

import pytest

from endpoint_patch import traces
from endpoint_patch.errors import CompromisedReleaseError
from endpoint_patch.locate import locate
from fakes import image as fake_image

if TYPE_CHECKING:
    from pathlib import Path

    from fakes.image import Image


@pytest.fixture
def image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Image:
    """Enter an image's working directory, with its environment and its own home."""
    built = fake_image.build(tmp_path, b"# the module\n", "1.88.6")
    monkeypatch.chdir(built.app)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    (tmp_path / "home").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name, value in built.environ().items():
        monkeypatch.setenv(name, value)
    return built


def canary(image: Image) -> Path:
    """Return the path that a line of `code` creates when it runs."""
    return image.app.parent / "ran"


def code(image: Image) -> str:
    """Return a line of code that records that it ran."""
    return f"import os; os.makedirs({str(canary(image))!r}, exist_ok=True)\n"


def refuses(sentence: str) -> None:
    """Require the refusal with this message and exit code 17."""
    with pytest.raises(CompromisedReleaseError, match=sentence) as refusal:
        locate()
    assert refusal.value.exit_code == 17


@pytest.mark.parametrize("name", ["cook.pth", "remote_code_loader.lock", "litellm_init.pth"])
@pytest.mark.parametrize("where", ["site-packages", "bin", "home", "venv", "front"])
def test_a_trace_is_refused(
    image: Image, monkeypatch: pytest.MonkeyPatch, name: str, where: str
) -> None:
    """A trace is refused wherever Python or the malware would put it; no code has run."""
    folder = {
        "site-packages": image.site_packages,
        "bin": image.bin,
        "home": image.app.parent / "home",
        "venv": image.bin.parent,
        "front": image.app.parent / "front",
    }[where]
    folder.mkdir(exist_ok=True)
    monkeypatch.setenv("PYTHONPATH", str(image.app.parent / "front"))
    (folder / name).write_text(code(image))
    (image.site_packages / "innocent.pth").write_text(code(image))
    refuses(name.replace(".", "[.]"))
    assert not canary(image).exists()


def test_a_trace_that_is_a_broken_link(image: Image) -> None:
    """A broken link with a trace's name is refused."""
    (image.site_packages / "cook.pth").symlink_to("/nowhere")
    refuses("cook.pth")


@pytest.mark.parametrize("entry", ["", "."])
def test_a_relative_entry_of_pythonpath(
    image: Image, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    """A trace under a relative entry of PYTHONPATH is refused, seen from /."""
    monkeypatch.setenv("PYTHONPATH", f"{entry}:{image.app.parent.relative_to('/')}")
    (image.app.parent / "cook.pth").touch()
    refuses("cook.pth")


@pytest.mark.parametrize("name", ["litellm", "litellm-proxy"])
@pytest.mark.parametrize("metadata", [True, False], ids=["metadata", "folder alone"])
def test_a_malicious_release_is_refused_by_its_metadata(
    image: Image, metadata: bool, name: str
) -> None:
    """1.107.0 is refused by its metadata, even with an honest endpoints.py, before code runs."""
    fake_image.install_metadata(image.site_packages, "1.107.0", name)
    if not metadata:
        folder = f"{name.replace('-', '_')}-1.107.0.dist-info"
        (image.site_packages / folder / "METADATA").unlink()
    (image.site_packages / "sitecustomize.py").write_text(code(image))
    (image.site_packages / "other.pth").write_text(code(image))
    refuses("1.107.0")
    assert not canary(image).exists()


def test_a_folder_that_a_pth_file_adds(image: Image) -> None:
    """A trace in a folder that a .pth file adds is refused before any line runs."""
    (image.app.parent / "more").mkdir()
    (image.app.parent / "more" / "remote_code_loader.lock").touch()
    (image.site_packages / "more.pth").write_text(f"# more\n\n{image.app.parent / 'more'}\n")
    (image.site_packages / "other.pth").write_text(code(image))
    refuses("remote_code_loader")
    assert not canary(image).exists()


def test_a_folder_that_a_start_up_line_adds(image: Image) -> None:
    """A trace in a folder that a start-up line adds is refused after that line has run."""
    (image.app.parent / "late").mkdir()
    (image.app.parent / "late" / "cook.pth").touch()
    line = f"import sys; sys.path.append({str(image.app.parent / 'late')!r})\n"
    (image.site_packages / "late.pth").write_text(line)
    refuses("late/cook.pth")


def test_known_content_is_refused(image: Image, monkeypatch: pytest.MonkeyPatch) -> None:
    """Known malicious content is refused under any start-up name and in LiteLLM's own files."""
    for place in ("zz.pth", "sitecustomize.py", "litellm/proxy/proxy_server.py"):
        path = image.site_packages / place
        path.write_bytes(b"# a stand-in\n")
        with monkeypatch.context() as patched:
            known = {hashlib.sha256(b"# a stand-in\n").hexdigest(): "1.107.0"}
            patched.setattr(traces, "_CONTENT", known)
            refuses(place)
        path.unlink()


def test_sitecustomize_alone_is_reported(image: Image) -> None:
    """A sitecustomize.py alone is only reported; with the malware's other file it is refused."""
    file = image.site_packages / "sitecustomize.py"
    file.write_text(code(image))
    expected = {"name": str(file), "sha256": hashlib.sha256(file.read_bytes()).hexdigest()}
    assert expected in locate().startup.traces
    assert canary(image).exists()
    (image.site_packages / "cook.py").touch()
    refuses("cook.py and .*sitecustomize.py are traces")


def test_start_up_lines_are_reported_without_their_text(image: Image) -> None:
    """Start-up lines of .pth files are reported by name, hash and count, without their text."""
    lines = b"\xef\xbb\xbfimport os\r\n# import re\n/nowhere\nimport\tsys # secret\n imported\n"
    (image.site_packages / "a.pth").write_bytes(lines)
    (image.site_packages / "b.pth").write_text("/nowhere\n")
    sha256 = hashlib.sha256(lines).hexdigest()
    located = locate().startup.executed_pth
    assert {"name": "a.pth", "sha256": sha256, "count": 2} in located
    assert "b.pth" not in {item["name"] for item in located}
    assert "secret" not in json.dumps(located)


@pytest.mark.parametrize("system", [True, False])
def test_the_systems_packages_count_where_they_are_imported(
    image: Image, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, system: bool
) -> None:
    """The system's and the user's packages are scanned only if the environment includes them."""
    config = image.bin.parent / "pyvenv.cfg"
    answer = str(system).lower()
    config.write_text(config.read_text().replace("packages = false", f"packages = {answer}"))
    monkeypatch.setenv("PYTHONUSERBASE", str(tmp_path / "user"))
    version = image.site_packages.parent.name
    folder = tmp_path / "user" / "lib" / version / "site-packages"
    folder.mkdir(parents=True)
    (folder / "mine.pth").write_text(code(image))
    names = {item["name"] for item in locate().startup.executed_pth}
    assert ("mine.pth" in names, canary(image).exists()) == (system, system)
    (folder / "cook.pth").touch()
    refuses("cook.pth")


def test_what_cannot_be_read_is_nothing_to_python_either(tmp_path: Path) -> None:
    """Loops, files and relative names in place of folders are ignored."""
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").touch()
    (tmp_path / "folder.pth").mkdir()
    (tmp_path / "odd.pth").write_bytes(b"a\0b\n\xff\n" + b"x" * 5000)
    odd = [str(tmp_path / name) for name in ("loop", "file", "missing")]
    result = traces.scan([*odd, "", "relative", "/\0"], [str(tmp_path)])
    assert result == traces.Startup()


def guarded(image: Image, **environ: str) -> tuple[int, str]:
    """Run the guard as the pod does; return exit code and output."""
    order = {
        "patchVersion": "2.0.0",
        "outputPath": str(image.app.parent / "out.py"),
        "onUnknown": "passthrough",
    }
    done = image.run_guard(json.dumps(order), **environ)
    return done.returncode, done.stdout + done.stderr


def test_no_module_on_pythonpath_runs_in_the_guard(image: Image) -> None:
    """No module on PYTHONPATH or in the working directory runs in the guard."""
    front = image.app.parent / "front"
    front.mkdir()
    for name in ("hashlib", "json", "site", "sitecustomize", "pathlib", "endpoint_patch"):
        (front / f"{name}.py").write_text(code(image))
        (image.app / f"{name}.py").write_text(code(image))
    fake_image.install_metadata(image.site_packages, "1.107.0")
    (image.site_packages / "any.pth").write_text(code(image))
    exit_code, text = guarded(image, PYTHONPATH=str(front))
    assert (exit_code, canary(image).exists()) == (17, False), text
    assert "1.107.0 is one of the malicious releases" in text


def test_pythonpath_still_says_where_the_module_is(image: Image) -> None:
    """PYTHONPATH still determines the module, as it does for the proxy."""
    front = image.app.parent / "front"
    fake_image.add_package(front, b"# in front\n")
    exit_code, text = guarded(image, PYTHONPATH=str(front))
    assert exit_code == 0, text
    assert (image.app.parent / "out.py").read_bytes() == b"# in front\n"
