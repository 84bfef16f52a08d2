"""LiteLLM at the address that the reports' snippets use: localhost:4000, key sk-1234."""

from __future__ import annotations

import contextlib
import socket

import pytest

from support import fleet


@contextlib.contextmanager
def litellm_on_port_4000(version, patch, folder):
    """Run one proxy on port 4000; fail if the port is taken."""
    with contextlib.suppress(OSError), socket.create_connection(("localhost", 4000), timeout=2):
        pytest.fail("port 4000 is taken, and the snippet has it fixed: end what listens there")
    with fleet.running(version, patch, folder, port=4000) as live:
        yield live
