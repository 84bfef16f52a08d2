"""What LiteLLM's `/metrics` tells of the bridge, where `prometheus_client` is at hand.

Labels have few values, all listed here: no key, model or text becomes one. A failure here loses
numbers, never a turn.
"""

from collections.abc import Sequence
from typing import Any

OUTCOMES = (
    "completed",
    "incomplete",
    "failed",
    "cancelled",
    "error",
    "client_left",
    "refused",  # by the bridge: it became no request
    "warm_up",
)
REASONS = (
    *("origin", "model", "key", "limit", "fault", "budget", "expired", "blocked", "route"),
    "http_fallback",
    "switched_off",
)
_CODES = ("1000", "1001", "1005", "1006", "1008", "1009", "1011", "1012")
_OTHER = "other"
_TURN_SECONDS = (0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_CONNECTION_SECONDS = (1, 10, 60, 300, 900, 1800, 3600)
_LABELS = {"turns": OUTCOMES, "closes": (*_CODES, _OTHER), "handshakes_refused": REASONS}


def _registered() -> dict[str, Any]:
    """Return our metrics by name, registered where LiteLLM's `/metrics` finds them."""
    import prometheus_client as prometheus  # type: ignore[import-not-found,unused-ignore] # noqa: PLC0415

    def gauge(name: str, description: str) -> Any:
        # Of several workers: the sum of those that live.
        return prometheus.Gauge(f"litellm_overlay_{name}", description, multiprocess_mode="livesum")

    def counter(name: str, description: str, label: str) -> Any:
        made = prometheus.Counter(f"litellm_overlay_{name}", description, [label])
        for value in _LABELS[name]:  # a rate needs the 0 before the first one
            made.labels(value)
        return made

    def histogram(name: str, description: str, buckets: Sequence[float | str]) -> Any:
        return prometheus.Histogram(f"litellm_overlay_{name}", description, buckets=buckets)

    return {
        "connections": gauge("connections", "Open Responses WebSockets."),
        "history": gauge("history_bytes", "Conversations remembered for open WebSockets, bytes."),
        "turns": counter("turns", "Turns over WebSocket by how they ended.", "outcome"),
        "closes": counter("closes", "Closed WebSockets by close code.", "code"),
        "refused": counter("handshakes_refused", "Refused handshakes by why.", "reason"),
        "turn_seconds": histogram("turn_duration_seconds", "A turn's seconds.", _TURN_SECONDS),
        "connection_seconds": histogram(
            "connection_duration_seconds", "A WebSocket's seconds.", _CONNECTION_SECONDS
        ),
    }


class Metrics:
    """One process's numbers.

    They are registered with the first handshake, not before: until then LiteLLM may still choose
    how the numbers of several workers come together.
    """

    def __init__(self, logger: Any) -> None:
        self._logger = logger
        self._made: dict[str, Any] | None = None
        self._told = False  # that something failed

    def opened(self) -> None:
        """Count a connection in."""
        self._change("connections", "inc")

    def closed(self, code: int, seconds: float) -> None:
        """Count a connection out."""
        self._change("connections", "dec")
        self._change("closes", "inc", label=str(code) if str(code) in _CODES else _OTHER)
        self._change("connection_seconds", "observe", seconds)

    def turn(self, outcome: str, seconds: float | None = None) -> None:
        """Count a turn; `seconds` where it was a request."""
        self._change("turns", "inc", label=outcome if outcome in OUTCOMES else "error")
        if seconds is not None:
            self._change("turn_seconds", "observe", seconds)

    def refused(self, reason: str) -> None:
        """Count a refused handshake; `reason` is one of REASONS."""
        self._change("refused", "inc", label=reason)

    def set_history_bytes(self, history_bytes: int) -> None:
        """Note how much is remembered."""
        self._change("history", "set", history_bytes)

    def _change(self, name: str, how: str, *amount: float, label: str | None = None) -> None:
        try:
            if self._made is None:
                self._made = {}  # one try
                self._made = _registered()
            metric = self._made.get(name)
            if metric is not None:
                getattr(metric if label is None else metric.labels(label), how)(*amount)
        except ImportError:
            pass  # LiteLLM has no /metrics either
        except Exception:
            if not self._told:
                self._logger.warning("responses websocket: no metrics", exc_info=True)
            self._told = True
