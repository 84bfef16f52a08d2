"""The matrix of LiteLLM releases, Codex versions and models, with its proxies and its table."""

from __future__ import annotations

import itertools

import pytest
from rich import box
from rich.console import Console
from rich.table import Table

from litellm_overlay.local import codex_cli
from pins import PINS
from support import matrix
from support.fleet import Fleet

MODELS = {
    "gpt-5.4": "openai/",
    "my-alias": "openai/, alias",
    "managed-5.4": "hosted_vllm/",
}
CELLS = pytest.StashKey[dict]()
CAPTION = """\
Patched, ok: one handshake accepted, no 403, no HTTP request; seconds of the first, the second
and the tool-call turn of one Codex process. Stock refuses before it knows the model: number of
refused handshakes, then the turn over HTTP; seconds of one `codex exec`.
(a) LiteLLM's native relay sends the alias to the provider as it is, which does not know it.
(b) LiteLLM's emulation takes the alias for the provider's model, and finds no provider."""


def pytest_addoption(parser):
    """Add --matrix and --write-docs."""
    matrix.add_options(
        parser,
        small="the newest affected LiteLLM, the oldest and the newest Codex",
        pages="docs/statuses.md and docs/silence.md",
    )


def pytest_generate_tests(metafunc):
    """Parametrize with releases outermost, so that each proxy starts once."""
    releases, versions = PINS["litellm-codex"], PINS["codex"]
    if matrix.is_small(metafunc.config):
        releases, versions = releases[-1:], [versions[0], versions[-1]]
    axes = {"litellm": releases, "codex_version": versions, "model": list(MODELS)}
    if names := [name for name in axes if name in metafunc.fixturenames]:
        metafunc.parametrize(names, list(itertools.product(*(axes[name] for name in names))))


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """Yield the session's proxies: `fleet.get(version, patch)`."""
    fleet = Fleet(tmp_path_factory.mktemp("fleet"))
    yield fleet
    fleet.close()


@pytest.fixture
def binary(codex_version):
    """Return the Codex CLI, installed if missing; the test fails if that fails."""
    return codex_cli.install(codex_version)


@pytest.fixture
def note(request, litellm, codex_version):
    """Return a function that sets a cell: `note(column, text, model)`; without model, of all."""
    cells = request.config.stash.setdefault(CELLS, {})

    def note(column, text, model=None):
        for name in [model] if model else MODELS:
            cells.setdefault((litellm, codex_version, name), {})[column] = text

    return note


def pytest_terminal_summary(terminalreporter, config):
    """Print the table, also after failures."""
    cells = config.stash.get(CELLS, {})
    if not cells:
        return
    columns = ("stock", "patch 2.0.0", "patch 1.0.0")
    table = Table("LiteLLM", "Codex", "model", *columns, box=box.SIMPLE)
    for row in sorted(cells, key=position):
        litellm, version, model = row
        if model == "gpt-5.4" and version == PINS["codex"][0]:
            table.add_section()
        seen = (cells[row].get(name, "") for name in columns)
        table.add_row(litellm, version, MODELS[model], *seen)
    console = Console(width=105)
    with console.capture() as captured:
        console.print(table)
    terminalreporter.write(f"\n{captured.get()}{CAPTION}\n")


def position(key):
    """Return a row's sort key, which follows the order of the pins."""
    pins = (PINS["litellm-codex"], PINS["codex"], list(MODELS))
    return [axis.index(value) for axis, value in zip(pins, key, strict=True)]
