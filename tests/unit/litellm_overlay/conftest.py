"""Fixtures for tests of the toolkit: a command line, run in this process."""

from __future__ import annotations

import io
import sys
from typing import NamedTuple

import pytest
import yaml

from litellm_overlay import cli as command_line


class Ended(NamedTuple):
    """A finished command: exit code, stdout and stderr."""

    code: int
    out: str
    err: str


class _Stdin(io.TextIOWrapper):
    is_terminal = False

    def isatty(self):
        return self.is_terminal


@pytest.fixture
def cli(monkeypatch, capsysbinary):
    """Return a function that runs a command line; `stdin` is text, or objects that become YAML."""

    def cli(*arguments, stdin="", terminal=False):
        text = stdin if isinstance(stdin, str) else yaml.safe_dump_all(stdin)
        stream = _Stdin(io.BytesIO(text.encode()), encoding="utf-8")
        stream.is_terminal = terminal
        monkeypatch.setattr(sys, "stdin", stream)
        monkeypatch.setattr(sys, "argv", ["litellm-overlay", *map(str, arguments)])
        with pytest.raises(SystemExit) as ending:
            command_line.main()
        out, err = capsysbinary.readouterr()
        return Ended(ending.value.code, out.decode(), err.decode())

    return cli
