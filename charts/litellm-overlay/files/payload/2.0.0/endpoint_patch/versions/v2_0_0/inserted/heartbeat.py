"""When a turn that its provider leaves in silence is kept alive, and when no longer (pure).

Codex gives a turn up that has had no event for 300 s; the pings of a WebSocket do not count. So an
event that all clients pass over is told now and then, if an operator wants it.
"""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Heartbeat:
    """Seconds between events, and of silence after which a turn ends; `every` 0: neither."""

    every: float
    at_most: float

    def seconds_left(self, silent: float, untold: float) -> float | None:
        """Return the seconds until something must be told, or None for never.

        `silent`: seconds since the last event of the provider's; `untold`: since the last of all.
        """
        if not self.every:
            return None
        return max(0.0, min(self.every - untold, self.at_most - silent))

    def is_over(self, silent: float) -> bool:
        """Tell whether the silence took too long."""
        return bool(self.every) and silent >= self.at_most


NO_HEARTBEAT = Heartbeat(0, 0)


def heartbeat_event(number: int) -> dict[str, Any]:
    """Return the event; its number is that of the event before, which the next may follow."""
    return {"type": "litellm_overlay.heartbeat", "sequence_number": number}
