"""The clients that `make clients` installs, and the error if it cannot."""

from __future__ import annotations

import pytest

from litellm_overlay.errors import OverlayError
from support import client_packages


def test_without_npm_one_line_says_so(monkeypatch, tmp_path):
    """Without npm there is an error with a hint."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("LITELLM_OVERLAY_CACHE", str(tmp_path))
    with pytest.raises(OverlayError, match="npm is needed to install the clients") as caught:
        client_packages.npm_packages()
    assert "Node.js" in caught.value.hint


def test_each_client_has_a_program_and_a_name_of_its_own():
    """Each client has a program and a unique name."""
    names = [client.name for client in client_packages.CLIENTS]
    assert len(set(names)) == len(names)
    for client in client_packages.CLIENTS:
        assert (client_packages.PROGRAMS / client.program).is_file()
