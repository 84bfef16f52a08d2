"""The tables of docs/clients.md: each client's outcomes over WebSocket and over HTTP."""

from __future__ import annotations

from dataclasses import dataclass

from pins import PINS, ROOT
from support.client_packages import CLIENTS

DOCS = ROOT / "docs" / "clients.md"
COMMAND = "make clients ARGS=--write-docs"
MARK = f"<!-- From here on written by: {COMMAND} -->"
RELEASES = PINS["litellm-clients"]
TITLE = "## LiteLLM "


@dataclass(frozen=True)
class Case:
    """One request of a client: its action, its key, and whether the proxy serves it.

    `quick`: no client retries it. `at_the_door`: the proxy rejects the handshake.
    """

    name: str
    does: str = "turn"
    model: str = "gpt-4o"
    text: str = "hi"
    key: str = "sk-all-00000001"
    previous: str | None = None
    served: bool = True
    quick: bool = True
    at_the_door: bool = False


CASES = (
    Case("a turn"),
    Case("a tool's call and its output", does="tools", text="TRIGGERTOOL"),
    Case("`previous_response_id`, `openai/`", does="chain"),
    Case("`previous_response_id`, `deepseek/`", does="chain", model="chat-5.4"),
    Case("`previous_response_id` that nobody knows", previous="resp_unknown", served=False),
    Case("an unknown key", key="sk-unknown-0001", served=False, at_the_door=True),
    Case("a blocked key", key="sk-blocked-0001", served=False, at_the_door=True),
    Case("a spent budget", key="sk-budget-00001", served=False, at_the_door=True, quick=False),
    Case("a model that the key may not use", key="sk-limited-0001", model="gpt-5.4", served=False),
    Case("the provider says 400", text="TRIGGER400", served=False),
    Case("the provider says 500", text="TRIGGER500", served=False, quick=False),
    Case("the response fails", text="TRIGGERFAILED", served=False, quick=False),
)

Cells = dict[tuple[str, str, str], str]  # (release, case, client): cell


def cell(websocket: str, http: str) -> str:
    """Return the table cell for two outcomes; equal outcomes are given once."""
    return websocket if websocket == http else f"{websocket}; HTTP: {http}"


def render(cells: Cells) -> str:
    """Return the Markdown: one table per release, the newest first."""
    names = [client.name for client in CLIENTS]
    parts = []
    for release in reversed(RELEASES):
        cases = [case.name for case in CASES if (release, case.name) in {key[:2] for key in cells}]
        if cases:
            parts += [f"\n{TITLE}{release}\n", _line("", *names)]
            parts.append("| --- " * (len(names) + 1) + "|")
        for case in cases:
            parts.append(_line(case, *(cells.get((release, case, name), "") for name in names)))
    return "\n".join(parts) + "\n"


def _line(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def read(text: str) -> Cells:
    """Return the cells of a page that contains the text of `render`; empty cells are left out."""
    cells: Cells = {}
    for section in text.partition(MARK)[2].split(f"\n{TITLE}")[1:]:
        release, _, body = section.partition("\n")
        heads, _, *rows = (
            [given.strip() for given in line[1:-1].split(" | ")]
            for line in body.strip().splitlines()
        )
        for case, *row in rows:
            told = zip(heads[1:], row, strict=True)
            cells.update({(release, case, name): said for name, said in told if said})
    return cells


def write(seen: Cells) -> None:
    """Write cells into docs/clients.md; keep the text above the tables, and the cells not given."""
    text = DOCS.read_text("utf-8")
    DOCS.write_text(f"{text.partition(MARK)[0]}{MARK}\n{render(read(text) | seen)}", "utf-8")


def differences(seen: Cells) -> list[str]:
    """Return a sentence for each cell that differs from docs/clients.md."""
    told = read(DOCS.read_text("utf-8"))
    return [
        f"{', '.join(key)}: seen {text!r}, told {told.get(key)!r}"
        for key, text in seen.items()
        if told.get(key) != text
    ]
