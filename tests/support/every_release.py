"""Outcomes on the releases with upstream's fix: docs/every-release.json and its page.

A run compares its rows with the file. With `--write-docs` it writes the file, the page, and the
releases that each of the catalogue's gaps was seen on. tests/unit/support/test_every_release.py
checks that these agree.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import catalogue_files
from catalogue_files import CATALOGUE
from pins import PINS, ROOT
from support.release_rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = ROOT / "docs" / "every-release.json"
DOCS = ROOT / "docs" / "every-release.md"
COMMAND = "make every ARGS=--write-docs"
MARK = f"<!-- From here on written by: {COMMAND} -->"
NEWEST: str = PINS["litellm-every"][-1]
STOCK, BRIDGE = "stock", "bridge"
CODEX = ("0.118.0", "0.169.0")
MODELS = {"gpt-5.4": "`openai/`", "my-alias": "alias", "managed-5.4": "alias of `hosted_vllm/`"}
CODEX_RIGHT = "6 turns over one connection, bodies as over HTTP"

Seen = dict[str, dict[str, dict[str, str]]]  # release: side: row: words


def codex_row(version: str, model: str) -> str:
    """Return the name of the row for a Codex session."""
    return f"codex {version} {model}"


TITLES = {name: row.title for name, row in ROWS.items()} | {
    codex_row(version, model): f"Codex {version}, {kind}"
    for version in CODEX
    for model, kind in MODELS.items()
}
RIGHT = {name: row.right for name, row in ROWS.items()} | {
    codex_row(version, model): CODEX_RIGHT for version in CODEX for model in MODELS
}
MANAGED = tuple(codex_row(version, "managed-5.4") for version in CODEX)


def wrong(name: str) -> Callable[[dict[str, str]], bool | None]:
    """Return a predicate on stock's rows: whether this row is wrong, or None if it was not run."""
    return lambda rows: None if name not in rows else rows[name] != RIGHT[name]


def spend(*, zero: bool = False, late: bool = False) -> Callable[[dict[str, str]], bool | None]:
    """Return a predicate on stock's row "spend": tokens are zero, recorded late, or else wrong.

    The predicate returns None if the row was not run.
    """

    def ask(rows: dict[str, str]) -> bool | None:
        if "spend" not in rows:
            return None
        tokens, early = (int(part.split()[0]) for part in rows["spend"].split(", "))
        if zero:
            return tokens == 0
        if late:
            return tokens != 0 and early == 0
        return tokens not in {0, 54}

    return ask


# For each of the catalogue's gaps, a predicate that tells from stock's rows whether stock has it.
GAPS: dict[str, Callable[[dict[str, str]], bool | None]] = {
    "warmup-is-a-call": lambda rows: (
        not rows["warm-up-call"].endswith(", 0 calls") if "warm-up-call" in rows else None
    ),
    "alias-hangs": wrong("managed"),
    "later-model-native": lambda rows: (
        rows["limited"].endswith("turn of gpt-5.4") if "limited" in rows else None
    ),
    "first-frame-deadline": wrong("late"),
    "apply-patch-hangs": wrong("apply-patch"),
    "history-cut": wrong("reasoning"),
    "warmup-input-lost": wrong("warm-up-input"),
    "error-without-status": wrong("error"),
    "upstream-drop": wrong("drop"),
    "plain-http-provider": wrong("plain"),
    "no-fallback": wrong("fallback"),
    "rate-limits": wrong("rpm"),
    "budget": wrong("budget"),
    "zero-token-spend": spend(zero=True),
    "spend-per-connection": spend(late=True),
    "tokens-differ": spend(),
    "revoked-key": wrong("revoked"),
    "later-model-managed": wrong("limited-managed"),
    "model-switch": wrong("switch"),
    "hooks-skipped": wrong("hook"),
    "guardrails-skipped": lambda rows: (
        "provider asked" in rows["guardrail"] if "guardrail" in rows else None
    ),
    "hooks-without-status": lambda rows: (
        rows["guardrail"].startswith("error without status") if "guardrail" in rows else None
    ),
    "slot-held": wrong("slot"),
    "unknown-model": wrong("unknown"),
    "frame-ends-session": wrong("binary"),
}


# Rows that stock may get wrong because of a gap that another row shows.
BESIDES = {
    "alias": {"alias-hangs"},
    "chat": {"alias-hangs"},
    "openai-python": {"alias-hangs"},
    "limited": {"model-switch"},
    "early-end": {"upstream-drop"},
    "array": {"frame-ends-session"},
    "guardrail-managed": {"guardrails-skipped", "hooks-without-status"},
}
BESIDES |= {row: {"apply-patch-hangs"} for row in MANAGED}
BESIDES |= {codex_row(version, "my-alias"): {"alias-hangs"} for version in CODEX}


def seen_on(rows: Seen) -> dict[str, list[str]]:
    """Return {gap: releases whose stock has it}."""
    return {
        gap: [release for release, sides in rows.items() if ask(sides[STOCK])]
        for gap, ask in GAPS.items()
    }


def read() -> dict[str, Any]:
    """Return the file's contents: `rows` as `Seen`, `waits` in seconds."""
    data: dict[str, Any] = json.loads(DATA.read_text("utf-8"))
    return data


def version(release: str) -> list[int]:
    """Return the sort key of a release."""
    return [int(part) for part in release.split(".")]


def write(seen: Seen, waits: dict[str, dict[str, float]]) -> None:
    """Write outcomes into the file, its page and the catalogue's gaps; keep rows not run."""
    told = read() if DATA.exists() else {"rows": {}, "waits": {}}
    for release, sides in seen.items():
        for side, rows in sides.items():
            told["rows"].setdefault(release, {}).setdefault(side, {}).update(rows)
    told["waits"].update(waits)
    ordered = dict(sorted(told["rows"].items(), key=lambda item: version(item[0])))
    text = json.dumps({"rows": ordered, "waits": told["waits"]}, indent=1, ensure_ascii=False)
    DATA.write_text(text + "\n", "utf-8")
    head = DOCS.read_text("utf-8").partition(MARK)[0]
    DOCS.write_text(f"{head}{MARK}\n\n{render(read())}", "utf-8")
    catalogue = json.loads(CATALOGUE.read_text("utf-8"))
    result = seen_on(ordered)
    for gap in catalogue["gaps"]:
        gap["seen_on"] = result.get(gap["id"], gap["seen_on"])
    catalogue_files.write(CATALOGUE, catalogue)


def render(told: dict[str, Any]) -> str:
    """Return the page's Markdown: stock and bridge by row, then stock's wrong outcomes, then waits.

    Fails if the bridge has a wrong outcome.
    """
    rows: Seen = told["rows"]
    for sides in rows.values():
        for row, words in sides[BRIDGE].items():
            assert words == RIGHT[row], "where the bridge fails there is nothing to write down"
    lines = [
        "## Stock and bridge, row by row\n",
        line("", *rows, f"bridge, all {len(rows)}"),
        "| --- " * (len(rows) + 2) + "|",
    ]
    for row in TITLES:
        cells = [sides[STOCK].get(row) for sides in rows.values()]
        signs = ["-" if words is None else "ok" if words == RIGHT[row] else "✗" for words in cells]
        ours = "ok" if any(row in sides[BRIDGE] for sides in rows.values()) else "-"
        lines.append(line(TITLES[row], *signs, ours))
    lines += ["", "## What is right, and what stock came to\n", line("", "right", "stock")]
    lines.append("| --- " * 3 + "|")
    for row in TITLES:
        by_words: dict[str, list[str]] = {}
        for release, sides in rows.items():
            text = sides[STOCK].get(row, RIGHT[row])
            if text != RIGHT[row]:
                by_words.setdefault(text, []).append(release)
        if by_words:
            result = "; ".join(f"{words}: {', '.join(of)}" for words, of in by_words.items())
            lines.append(line(TITLES[row], RIGHT[row], result))
    if told["waits"]:
        lines += [
            "",
            "## The apply_patch turn of Codex on `hosted_vllm/`, not cut short: seconds\n",
        ]
        lines += [line("", *CODEX), "| --- " * 3 + "|"]
        for name, seconds in told["waits"].items():
            lines.append(line(name, *(f"{seconds[codex]:.0f}" for codex in CODEX)))
    return "\n".join(lines) + "\n"


def line(*cells: str) -> str:
    """Return one line of a Markdown table."""
    return "| " + " | ".join(cells) + " |"
