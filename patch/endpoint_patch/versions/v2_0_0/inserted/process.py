"""What the connections of one worker process share."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .bounds import Allowances
from .clocks import DrainWatch, file_exists
from .gate import Gate
from .heartbeat import NO_HEARTBEAT, Heartbeat
from .histories import Histories
from .metrics import Metrics


@dataclass(frozen=True)
class LiteLLM:
    """What the bridge reads of the proxy around it, whenever it needs it."""

    key_header: Callable[[], str | None]  # where keys are read from, if not where they usually are
    is_keyless: Callable[[], bool]  # whoever asks is served
    keeps_conversations: Callable[[], bool]  # so that it may find one by a response's id


class Process:
    """The bounds that hold for all connections together, and what else they need of the proxy."""

    def __init__(  # noqa: PLR0913 - keywords, each a setting of its own
        self,
        litellm: LiteLLM,
        logger: Any,
        *,
        drain_file: str,
        history_bytes: int,
        off_file: str = "",
        heartbeat: Heartbeat = NO_HEARTBEAT,
    ) -> None:
        self.litellm = litellm
        self.logger = logger
        self.secret = os.urandom(32)  # for hashes of keys
        self.drain = DrainWatch(drain_file, off_file)
        self._off_file = off_file
        self.heartbeat = heartbeat
        self.metrics = Metrics(logger)
        self.allowances = Allowances(time.monotonic)
        self.histories = Histories(history_bytes)
        self.gate = Gate()

    def is_off(self) -> bool:
        """Tell whether the bridge is switched off, for connections that come."""
        return file_exists(self._off_file)
