"""What tests of verbs share. None of them asks the package index of this machine."""

from __future__ import annotations

import io
import sys
from types import SimpleNamespace

import pytest

from fakes import package_index
from litellm_overlay import cli
from litellm_overlay.local import environment


@pytest.fixture(autouse=True)
def _index(monkeypatch, tmp_path):
    """Let whoever asks get no answer."""
    monkeypatch.setattr(environment, "index_url", lambda: "http://127.0.0.1:9/simple")
    monkeypatch.setenv("LITELLM_OVERLAY_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def index(monkeypatch):
    """Serve an index of our own, and let the verbs ask that."""
    with package_index.serving() as served:
        monkeypatch.setattr(environment, "index_url", lambda: served.url)
        yield served


@pytest.fixture
def run(monkeypatch, capsysbinary):
    """Run a command line; return exit code, stdout, stderr."""

    def run(*arguments, stdin=""):
        monkeypatch.setattr(sys, "argv", ["litellm-overlay", *map(str, arguments)])
        monkeypatch.setattr(
            sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8")
        )
        with pytest.raises(SystemExit) as ending:
            cli.main()
        out, err = capsysbinary.readouterr()
        return SimpleNamespace(code=ending.value.code, out=out.decode(), err=err.decode())

    return run
