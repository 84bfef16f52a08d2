"""One side of one release, stock or bridge, and the outcomes of all its rows."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import traceback
from typing import TYPE_CHECKING, Any

from litellm_overlay.local import environment, patching, processes
from support.every_release import BRIDGE, STOCK
from support.fleet import EXTRA, running
from support.release_asks import CONFIG, models
from support.release_client import HTTP, Client
from support.release_rows import ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.fleet import Live

# Seconds without an event that count as silence. Stock stays silent for 300 s, longer than any row.
PATIENCE = {STOCK: 15, BRIDGE: 90}


@contextlib.contextmanager
def proxy_of(
    release: str, side: str, folder: Path, settings: dict[str, Any] | None = None
) -> Iterator[Live]:
    """Run one side of a release.

    Both sides share an environment, since compiling a new one takes most of a start.
    """
    env = environment.create(release, name="every", extra=EXTRA)
    kept = env.root / "endpoints.py"
    if not kept.exists():
        shutil.copy(env.endpoints, kept)
    if side == STOCK:
        fresh = kept.with_suffix(".fresh")
        shutil.copy(kept, fresh)
        fresh.replace(env.endpoints)
    else:
        report = patching.apply(env, "2.0.0", settings, on_fixed="patch")
        assert report["decision"] == "patched", report
    patch = None if side == STOCK else "2.0.0"
    folder.mkdir(parents=True)
    with (
        processes.start_mock(env, folder / "plain.jsonl", "--no-websocket") as plain,
        running(
            release, patch, folder / "proxy", env=env, config=CONFIG, models=models(plain.url)
        ) as live,
    ):
        yield live


class Place:
    """One side of one release: its proxy, and the outcome of each row."""

    def __init__(self, release: str, side: str, live: Live, *, small: bool) -> None:
        self.release, self.side, self.live = release, side, live
        self.found: dict[tuple[str, str], str] = {}  # by row and way
        ways = [
            (row, way) for row in ROWS for way in (side, HTTP) if not (small and ROWS[row].slow)
        ]
        wanted = [
            (row, way) for row, way in ways if way != HTTP or (ROWS[row].http and side == BRIDGE)
        ]
        asyncio.run(self._run(wanted))

    async def _run(self, wanted: list[tuple[str, str]]) -> None:
        for warm_up in ("openai", "managed"):
            await self._one(warm_up, self.side)
        await asyncio.gather(*(self._one(*each) for each in wanted))

    async def _one(self, row: str, way: str) -> None:
        def client(**limits: Any) -> Client:
            return Client(self.live, PATIENCE[self.side], way, self.live.new_key(**limits))

        try:
            self.found[row, way] = await ROWS[row].run(client)
        except Exception:  # noqa: BLE001 - the row's own test tells it
            self.found[row, way] = traceback.format_exc()
