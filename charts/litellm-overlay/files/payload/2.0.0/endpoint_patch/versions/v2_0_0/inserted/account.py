"""Count what one connection does: in metrics as it happens, in one log line when it ends."""

import contextlib
import math
import time
from collections import Counter
from typing import Any

from .metrics import Metrics

_MAX_CALL_IDS = 64  # a connection can have thousands, and each turn has a line of its own


class Account:
    """One connection's turns and how they ended."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._began = time.monotonic()
        self._outcomes: Counter[str] = Counter()
        self._turns = 0
        self._cost = 0.0
        self._call_ids: list[str] = []
        metrics.opened()

    def turn(self, report: dict[str, Any]) -> None:
        """Take note of a request that ended; `report` is its exchange's."""
        self._turns += 1
        self._outcomes[report["outcome"]] += 1
        self._metrics.turn(report["outcome"], report["seconds"])
        if report["call_id"] and len(self._call_ids) < _MAX_CALL_IDS:
            self._call_ids.append(report["call_id"])
        with contextlib.suppress(TypeError, ValueError):  # a provider's word, perhaps no number
            cost = float(report["cost"] or 0)
            self._cost += cost if math.isfinite(cost) else 0

    def answered(self, outcome: str) -> None:
        """Take note of a frame that became no request: "warm_up" or "refused"."""
        self._outcomes[outcome] += 1
        self._metrics.turn(outcome)

    def close(self, code: int, key: bytes) -> dict[str, Any]:
        """Count the end of a connection; return the fields of its log line. `key` is a hash.

        The cost is in USD, the sum of the costs that LiteLLM reported.
        """
        seconds = time.monotonic() - self._began
        self._metrics.closed(code, seconds)
        return {
            "key": key.hex(),
            "seconds": round(seconds, 3),
            "code": code,
            "turns": self._turns,
            "outcomes": dict(self._outcomes),
            "cost": round(self._cost, 9),
            "call_ids": self._call_ids,
        }
