"""The rows of docs/every-release.md: each check, and the right outcome.

A row with `http` must have the same outcome over HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.release_asks import (
    ALIAS,
    CHAT,
    FAILING,
    MANAGED,
    NATIVE,
    OTHER_MANAGED,
    OWN_NAME,
    PLAIN,
    apply_patch,
    array_frame,
    binary_frame,
    hook,
    idle_slot,
    late_first_frame,
    one_turn,
    openai_python,
    reasoning,
    revoked,
    spend,
    told,
    two_models,
    under_limits,
    warm_up_calls,
    warm_up_input,
)

if TYPE_CHECKING:
    from support.release_asks import Ask
    from support.release_client import Words


@dataclass(frozen=True)
class Row:
    """One row: its check, the right outcome, and whether the check also runs over HTTP."""

    title: str
    right: Words
    run: Ask
    http: bool = False
    slow: bool = False  # left out of the short form


NOT_ASKED = "400, provider not asked"
ROWS: dict[str, Row] = {
    "openai": Row("a turn, `openai/`", "turn", one_turn(), http=True),
    "alias": Row("a turn, alias of `openai/`", "turn", one_turn(model=ALIAS), http=True),
    "managed": Row("a turn, alias of `hosted_vllm/`", "turn", one_turn(model=MANAGED), http=True),
    "chat": Row("a turn, chat completions", "turn", one_turn(model=CHAT), http=True),
    "plain": Row("a provider without WebSockets", "turn", one_turn(model=PLAIN), http=True),
    "fallback": Row("the router's fallback", "turn", one_turn(model=FAILING), http=True),
    "warm-up-call": Row("a warm-up, `hosted_vllm/`: calls", "turn, 0 calls", warm_up_calls),
    "warm-up-input": Row("what a warm-up said, `hosted_vllm/`", "turn, kept", warm_up_input),
    "apply-patch": Row("apply_patch, `hosted_vllm/`", "2 times turn", apply_patch),
    "reasoning": Row("reasoning, `hosted_vllm/`", "2 times turn, kept", reasoning),
    "switch": Row(
        "another model, `openai/`",
        "turn of gpt-4o, turn of gpt-5.4",
        two_models(NATIVE, "gpt-5.4"),
        http=True,
    ),
    "limited": Row(
        "a model that the key may not use, `openai/`",
        "turn of gpt-4o, 400",
        two_models(NATIVE, "gpt-5.4", models=[NATIVE]),
    ),
    "limited-managed": Row(
        "a model that the key may not use, `hosted_vllm/`",
        "turn of gpt-4o, 400",
        two_models(OTHER_MANAGED, OWN_NAME, models=[OTHER_MANAGED]),
    ),
    "rpm": Row("rpm=2", "2 of 4 turns", under_limits(4, rpm_limit=2), http=True),
    "budget": Row("a spent budget", "1 of 3 turns", under_limits(3, max_budget=1e-6), http=True),
    "revoked": Row("a key revoked between turns", "turn, 400, closed 1008", revoked),
    "slot": Row("max_parallel_requests=1 beside an idle one", "2 times turn", idle_slot, http=True),
    "spend": Row("three turns' spend", "54 tokens, 3 records before the end", spend, http=True),
    "hook": Row("a hook refuses", NOT_ASKED, hook("TRIGGERHOOK", NATIVE), http=True),
    "guardrail": Row(
        "a guardrail refuses, `openai/`",
        NOT_ASKED,
        hook("TRIGGERREFUSE", NATIVE),
        http=True,
    ),
    "guardrail-managed": Row(
        "a guardrail refuses, `hosted_vllm/`",
        NOT_ASKED,
        hook("TRIGGERREFUSE", OWN_NAME),
        http=True,
    ),
    "drop": Row("the provider drops the connection", "told", told(input="TRIGGERDROP")),
    "early-end": Row("the provider's stream ends early", "told", told(input="TRIGGEREARLYEND")),
    "error": Row(
        "a provider's error, `hosted_vllm/`",
        "400",
        one_turn(model=OWN_NAME, input="TRIGGER400"),
        http=True,
    ),
    "unknown": Row("an unknown model", "400", one_turn(model="no-such-model"), http=True),
    "binary": Row("a binary frame, then a turn", "2 times turn", binary_frame),
    "array": Row("a JSON array, then a turn", "400, turn", array_frame),
    "openai-python": Row("OpenAI's Python client", "2 times turn", openai_python),
    "late": Row("33 s of silence, then a turn", "turn", late_first_frame, slow=True),
}
