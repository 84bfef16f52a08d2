"""Compare stock LiteLLM, which refuses Codex, with a patched one, which serves it.

The same client sends the same requests to both, with a mock provider behind them.
`Comparison.problems` lists the results that are not what this project claims.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from litellm_overlay.local import codex_cli, environment, patching, processes
from litellm_overlay.local.cache import cache_root
from litellm_overlay.responses import codex_config
from litellm_overlay.responses.client import connect
from litellm_overlay.responses.protocol import (
    Turn,
    nested,
    response_create,
    tool_output,
    user_message,
    warm_up,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from litellm_overlay.local.cache import Progress
    from litellm_overlay.local.processes import Server

CODEX_PROMPTS = {"a turn": "say hi", "a tool call": "TRIGGERTOOL"}
TURN_SECONDS = 15  # the mock answers in a tenth of a second; a turn that hangs is a finding


@dataclass(frozen=True, slots=True)
class Case:
    """One form of request. The models are those of `processes.standard_config`."""

    name: str
    model_from: str
    model: str = "gpt-5.4"
    prompt: str = "say hi"
    in_query: bool = False
    nested: bool = False
    bridge_only: bool = False  # patch line 1.x does not serve it


CASES = (
    Case("flat frame", "model"),
    Case("nested frame", "response.model", nested=True),
    Case("model in URL", "?model=", in_query=True),
    Case("alias", "model", model="my-alias", bridge_only=True),
    Case("managed (vLLM)", "model", model="managed-5.4", bridge_only=True),
    Case("tool call", "model", prompt="TRIGGERTOOL"),
)


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """The outcome of a case. Times are in milliseconds; counts are sums over all its turns."""

    handshake: int
    completed: bool
    first_event_ms: float | None = None
    turn_ms: float | None = None
    events: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    error: str = ""


@dataclass(frozen=True, slots=True)
class CodexOutcome:
    """The outcome of one run of the real Codex CLI, with counts from the proxy's log."""

    completed: bool
    wall_seconds: float
    accepted: int
    refused: int
    posts: int


@dataclass(frozen=True, slots=True)
class Side:
    """The outcomes of one LiteLLM, by the name of the case or of Codex's run."""

    cases: dict[str, CaseOutcome]
    codex: dict[str, CodexOutcome]


@dataclass(frozen=True, slots=True)
class Comparison:
    """The outcomes of stock and patched LiteLLM; `report` is the guard's report."""

    litellm: str
    patch: str
    report: dict[str, Any]
    stock: Side
    patched: Side

    @property
    def problems(self) -> list[str]:
        """Return a sentence for each outcome that is not as claimed."""
        problems = []
        for case in cases_for(self.patch):
            before, after = self.stock.cases[case.name], self.patched.cases[case.name]
            if not case.in_query and before.handshake != 403:
                problems.append(f"stock did not refuse: {case.name}: HTTP {before.handshake}")
            if not after.completed:
                problems.append(f"patched failed: {case.name}: {after.error}")
        for name, run in self.stock.codex.items():
            if not run.refused or run.accepted:
                problems.append(f"stock did not refuse Codex: {name} (it asks from 0.116.0 on)")
        for name, run in self.patched.codex.items():
            if not (run.completed and run.accepted and not run.refused and not run.posts):
                problems.append(f"patched did not serve Codex over WebSocket: {name}")
        return problems


def cases_for(patch: str) -> tuple[Case, ...]:
    """Return the cases that a patch version claims to serve."""
    return tuple(case for case in CASES if not (case.bridge_only and patch.startswith("1.")))


@contextlib.contextmanager
def compare(
    litellm: str, patch: str, binary: Path | None, cache: Path | None, progress: Progress
) -> Iterator[tuple[Comparison, Server]]:
    """Run the comparison; yield its result and the patched proxy, which is still running."""
    stock_env = environment.create(litellm, cache=cache, progress=progress)
    name = f"patched-{patch}"
    patched_env = environment.create(litellm, name=name, cache=cache, progress=progress)
    progress(f"patching LiteLLM {litellm} with {patch}")
    report = patching.apply(patched_env, patch)

    def measure(server: Server, side: str) -> Side:
        cases = asyncio.run(run_cases(server, cases_for(patch), side, progress))
        return Side(cases, run_codex(server, binary, side, progress) if binary else {})

    with scratch_folder(cache_root(cache) / "demo") as folder:
        # Over TLS, or LiteLLM's own relay (stock, and patch line 1.x) could not reach the mock.
        tls = processes.make_certificates(stock_env, folder / "tls")
        with processes.start_mock(stock_env, folder / "mock.jsonl", tls=tls) as mock:
            config = processes.standard_config(mock.url)
            start = partial(
                processes.start_proxy,
                config=config,
                environ={"SSL_CERT_FILE": str(tls.bundle)},
                progress=progress,
            )
            with start(stock_env, log=folder / "stock.log") as server:
                stock = measure(server, "stock")
            with start(patched_env, log=folder / "patched.log") as server:
                yield Comparison(litellm, patch, report, stock, measure(server, "patched")), server


async def run_cases(
    server: Server, cases: tuple[Case, ...], side: str, progress: Progress
) -> dict[str, CaseOutcome]:
    """Run the cases against a proxy; return their outcomes by name."""
    outcomes = {}
    # LiteLLM imports much of itself at its first request; do not time that.
    await run_case(server, Case("first request", "?model=", in_query=True))
    for case in cases:
        progress(f"{side}: {case.name}")
        outcomes[case.name] = await run_case(server, case)
    return outcomes


async def run_case(server: Server, case: Case) -> CaseOutcome:
    """Make a warm-up, a turn that continues it, and turns with tool outputs, as Codex does."""
    shape = nested if case.nested else dict
    query = case.model if case.in_query else None
    key, url = processes.MASTER_KEY, server.ws_url
    async with connect(url, key, model_in_query=query, timeout=TURN_SECONDS) as connection:
        if not connection.accepted:
            refusal = f"HTTP {connection.status}"
            return CaseOutcome(connection.status, completed=False, error=refusal)
        warm = await connection.turn(shape(warm_up(case.model)))
        turns: list[Turn] = []
        previous, items = warm, [user_message(case.prompt)]
        while items and (previous.completed or not turns):
            frame = response_create(case.model, *items, previous=previous.response_id)
            previous = await connection.turn(shape(frame))
            turns.append(previous)
            items = [tool_output(call["call_id"], "tool-ran") for call in previous.calls]
    return summarize(connection.status, turns)


def summarize(handshake: int, turns: list[Turn]) -> CaseOutcome:
    """Return the outcome of a case from its turns, of which there is at least one."""
    last = turns[-1]
    error = last.error.get("error", {}).get("message", "")
    if not (last.completed or error):
        closed = "no answer in time" if last.silent else f"closed with {last.close}"
        error = last.terminal or closed
    return CaseOutcome(
        handshake=handshake,
        completed=last.completed and bool(last.text),
        first_event_ms=turns[0].first_event_ms,
        turn_ms=sum(turn.total_ms for turn in turns),
        events=sum(len(turn.events) for turn in turns),
        input_tokens=sum(turn.usage.get("input_tokens", 0) for turn in turns),
        output_tokens=sum(turn.usage.get("output_tokens", 0) for turn in turns),
        error=error,
    )


def run_codex(
    server: Server, binary: Path, side: str, progress: Progress
) -> dict[str, CodexOutcome]:
    """Run the real Codex CLI against a proxy, once per prompt; return the outcomes by name."""
    outcomes = {}
    config = codex_config.config(f"{server.url}/v1", "gpt-5.4")
    for name, prompt in CODEX_PROMPTS.items():
        progress(f"{side}: Codex, {name}")
        seen = len(server.log.read_bytes())
        run = codex_cli.run(binary, config, processes.MASTER_KEY, prompt)
        new = server.log.read_bytes()[seen:].decode(errors="replace")
        counts = codex_cli.count_requests(new)
        outcomes[name] = CodexOutcome(run.completed, run.wall_seconds, **counts)
    return outcomes


@contextlib.contextmanager
def scratch_folder(parent: Path) -> Iterator[Path]:
    """Yield a new folder for logs. It stays after an error, whose message may name them."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent))
    failed = False
    try:
        yield folder
    except Exception:
        failed = True
        raise
    finally:
        if not failed:
            shutil.rmtree(folder, ignore_errors=True)
