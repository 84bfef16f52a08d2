"""Environments: their place, their content, and no use of incomplete ones."""

from __future__ import annotations

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from litellm_overlay.catalogue import releases
from litellm_overlay.errors import NotInCatalogueError, OverlayError
from litellm_overlay.local import environment
from litellm_overlay.local.cache import cache_root

VERSION = "1.88.6"


@pytest.fixture(name="fake_uv")
def _fake_uv(monkeypatch):
    """Replace uv by a fake that creates the folders and records its calls."""
    calls = []

    def uv(*arguments):
        calls.append(arguments)
        if arguments[0] == "venv":
            root = Path(arguments[-1])
            (root / "bin").mkdir(parents=True)
            (root / "bin" / "python").symlink_to(sys.executable)
        else:
            python = Path(arguments[arguments.index("--python") + 1])
            site = python.parents[1] / "lib" / "python3.11" / "site-packages"
            (site / environment.ENDPOINTS).parent.mkdir(parents=True)
            (site / environment.ENDPOINTS).write_bytes(b"published")
        return ""

    monkeypatch.setattr(environment, "uv", uv)
    return calls


@pytest.fixture(name="published")
def _published(monkeypatch):
    """Accept what the fake uv installs as published."""
    monkeypatch.setattr(environment, "check_sha256", lambda content, release: None)


def test_the_cache_is_where_the_environment_says(monkeypatch, tmp_path):
    """The cache is the argument, else LITELLM_OVERLAY_CACHE, else below XDG_CACHE_HOME."""
    monkeypatch.delenv("LITELLM_OVERLAY_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache_root() == tmp_path / "xdg" / "litellm-overlay"
    monkeypatch.setenv("LITELLM_OVERLAY_CACHE", str(tmp_path / "own"))
    assert cache_root() == tmp_path / "own"
    assert cache_root(tmp_path / "given") == tmp_path / "given"


def test_a_release_is_resolved_as_of_its_own_date(fake_uv, published, tmp_path):
    """Packages are resolved as of three days after the release's upload."""
    environment.create(VERSION, cache=tmp_path, extra=("prometheus_client",), progress=str)
    install = fake_uv[1]
    assert install[install.index("--exclude-newer") + 1] == "2026-08-12T00:00:00Z"
    assert install[-2:] == (f"litellm[proxy]=={VERSION}", "prometheus_client")


LACKING = """uv pip install failed:
  cause: Because litellm-proxy was not found in the package registry and litellm[proxy]==1.110.2
No solution found when resolving dependencies"""


def test_what_the_index_lacks_is_worked_around_openly(fake_uv, published, monkeypatch, tmp_path):
    """If the index lacks packages, overrides are used, reported with reasons, and recorded."""
    messages, uv = [], environment.uv

    def lacking(*arguments):
        if arguments[0] == "pip" and "--override" not in arguments:
            fake_uv.append(arguments)
            raise OverlayError(LACKING)
        return uv(*arguments)

    monkeypatch.setattr(environment, "uv", lacking)
    built = environment.create("1.110.2", cache=tmp_path, progress=messages.append)
    assert ["--override" in call for call in fake_uv] == [False, False, True]
    written = (built.root / "overrides.txt").read_text()
    for name in (
        "litellm-proxy ; python_version < '3'",
        "litellm-proxy-extras",
        "litellm-enterprise",
    ):
        assert f"\n{name}  # " in f"\n{written}"
        assert any(repr(name) in line and "index" in line for line in messages)


@pytest.mark.parametrize(
    ("version", "said"), [("1.110.2", "connection refused"), (VERSION, LACKING)]
)
def test_a_failure_of_another_kind_is_not_worked_around(
    fake_uv, monkeypatch, tmp_path, version, said
):
    """Other failures are reported without overrides."""
    uv, tried = environment.uv, []

    def failing(*arguments):
        if arguments[0] == "venv":
            return uv(*arguments)
        tried.append(arguments)
        raise OverlayError(said)

    monkeypatch.setattr(environment, "uv", failing)
    with pytest.raises(OverlayError) as error:
        environment.create(version, cache=tmp_path, progress=str)
    assert (error.value.message, len(tried)) == (said, 1)


def test_a_release_that_does_not_start_with_its_own_date_s_fastapi_gets_an_older(
    fake_uv, published, tmp_path
):
    """1.95 to 1.97 get an older fastapi than their date's; other releases do not."""
    for version in ("1.94.3", "1.95.1", "1.97.0", "1.98.0"):
        built = environment.create(version, cache=tmp_path, progress=str)
        told = (built.root / "overrides.txt").read_text()
        assert told.startswith("fastapi<0.139  # ") is (version in {"1.95.1", "1.97.0"}), version


def test_an_environment_is_built_once(fake_uv, published, tmp_path):
    """An environment is built once per name and extras."""
    first = environment.create(VERSION, cache=tmp_path, progress=str)
    assert environment.create(VERSION, cache=tmp_path, progress=str) == first
    assert len(fake_uv) == 2
    patched = environment.create(VERSION, name="patched-2.0.0", cache=tmp_path, progress=str)
    more = environment.create(VERSION, extra=("httpx",), cache=tmp_path, progress=str)
    assert len({first.root, patched.root, more.root}) == 3


def test_a_half_made_environment_is_removed(fake_uv, tmp_path):
    """A wrong endpoints.py is an error, and the environment is removed."""
    with pytest.raises(OverlayError, match="altered LiteLLM") as error:
        environment.create(VERSION, cache=tmp_path, progress=str)
    assert "index" in error.value.hint
    assert not [path for path in (tmp_path / "environments").iterdir() if path.is_dir()]


def test_an_environment_left_half_made_by_a_kill_is_built_anew(fake_uv, published, tmp_path):
    """A folder without its mark of completion is built anew."""
    env = environment.create(VERSION, cache=tmp_path, progress=str)
    (env.root / "complete").unlink()
    (env.root / "rest of a broken install").touch()
    environment.create(VERSION, cache=tmp_path, progress=str)
    assert not (env.root / "rest of a broken install").exists()
    assert (env.root / "complete").exists()


def test_malware_is_not_installed(fake_uv, tmp_path):
    """Malicious releases are refused without asking the index."""
    with pytest.raises(OverlayError, match="malware"):
        environment.create("1.82.7", cache=tmp_path)
    with pytest.raises(OverlayError, match="malware"):
        environment.stock_endpoints("1.82.8", cache=tmp_path)
    assert not fake_uv


def test_an_unknown_release_is_not_installed(fake_uv, tmp_path):
    """An unknown release is refused, since its file could not be checked."""
    with pytest.raises(NotInCatalogueError):
        environment.create("9.99.9", cache=tmp_path)
    assert not fake_uv


def test_the_published_bytes_pass():
    """A file passes if it has the catalogue's hash."""
    release = releases.load().release(VERSION)
    sha256_of_nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    release = dataclasses.replace(release, endpoints_sha256=sha256_of_nothing)
    environment.check_sha256(b"", release)


def test_the_callers_environment_does_not_leak(monkeypatch):
    """PYTHONPATH and an active virtual environment do not reach uv; an index of pip does."""
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    monkeypatch.setenv("VIRTUAL_ENV", "/active")
    monkeypatch.setenv("PIP_INDEX_URL", "https://mirror.invalid/simple")
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)
    environ = environment.clean_environ()
    assert not {"PYTHONPATH", "VIRTUAL_ENV"} & environ.keys()
    assert environ["UV_DEFAULT_INDEX"] == "https://mirror.invalid/simple"


def test_another_interpreter_is_found_when_ours_is_too_new(monkeypatch):
    """On a Python that LiteLLM does not support, uv finds another, or there is an error."""
    monkeypatch.setattr(sys, "version_info", (3, 14, 0))
    monkeypatch.setattr(environment, "uv", lambda *arguments: "/usr/bin/python3.13\n")
    assert environment.find_python() == Path("/usr/bin/python3.13")

    def fail(*arguments):
        raise OverlayError("none")

    monkeypatch.setattr(environment, "uv", fail)
    with pytest.raises(OverlayError, match=r"no Python 3\.10 to 3\.13 found") as error:
        environment.find_python()
    assert error.value.hint == "uv python install 3.13"


def test_a_failed_resolution_is_one_clear_error(tmp_path):
    """A failed resolution is an error with uv's last lines and a hint."""
    with pytest.raises(OverlayError, match="no-such-distribution-of-ours") as error:
        environment.uv(
            "pip", "install", "--offline", "--target", str(tmp_path), "no-such-distribution-of-ours"
        )
    assert error.value.message.startswith("uv pip install failed:")
    assert "UV_DEFAULT_INDEX" in error.value.hint


@pytest.fixture
def unconfigured(monkeypatch):
    """Remove this machine's configuration of an index."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)


@pytest.mark.parametrize("name", ["UV_DEFAULT_INDEX", "UV_INDEX_URL", "PIP_INDEX_URL"])
def test_the_index_is_the_one_of_the_variables(unconfigured, monkeypatch, name):
    """Variables give the index, uv's before pip's, without running a process."""
    monkeypatch.setattr(environment.subprocess, "run", None)
    monkeypatch.setenv("PIP_INDEX_URL", "https://pip.example.com/simple")
    monkeypatch.setenv(name, "https://index.example.com/simple")
    assert environment.index_url() == "https://index.example.com/simple"


def test_else_it_is_pips(unconfigured, monkeypatch, tmp_path):
    """Without variables pip's configuration gives the index."""
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://pip.example.com/simple\n")
    assert environment.index_url() == "https://pip.example.com/simple"


def test_else_it_is_uvs(unconfigured):
    """Without both it is uv's default, so that this repository contains no address."""
    url = environment.index_url()
    assert url.startswith("https://")
    assert url.endswith("/simple")
    assert "\n" not in url
