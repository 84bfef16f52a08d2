"""The tables of docs/clients.md: what each client comes to over WebSocket, beside HTTP."""

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
    """What a client is asked to do, and with which key.

    `quick`: no client tries it again. `at_the_door`: refused before there is a socket.
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
    """Return what the docs say of two outcomes; one that both came to stands once."""
    return websocket if websocket == http else f"{websocket}; HTTP: {http}"


def render(cells: Cells) -> str:
    """Return one Markdown table a release, the newest first."""
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
    """Return the cells of a text that `render` made."""
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
    """Put what was seen into the docs; what was not run, and the text above, stays."""
    text = DOCS.read_text("utf-8")
    DOCS.write_text(f"{text.partition(MARK)[0]}{MARK}\n{render(read(text) | seen)}", "utf-8")


def differences(seen: Cells) -> list[str]:
    """Return where the docs tell something else than was seen."""
    told = read(DOCS.read_text("utf-8"))
    return [
        f"{', '.join(key)}: seen {text!r}, told {told.get(key)!r}"
        for key, text in seen.items()
        if told.get(key) != text
    ]
