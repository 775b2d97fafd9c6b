"""One timer for all sessions: every 20 ms it calls whoever has an utterance to play. A tick costs less than 1 us a session.

Runs only while there is somebody to call. Ticks lie on an absolute grid, so a late one does not delay the next.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from parley.audio import FRAME_MS

Tick = Callable[[float], bool]
"""Called with the time in ms; False when there is nothing more to play."""


class Pacer:
    """The process's playing clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._ticks: dict[object, Tick] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._next_s = 0.0

    def add(self, owner: object, tick: Tick) -> None:
        """Call `tick` from the next grid point on; adding an owner again replaces its tick."""
        self._ticks[owner] = tick
        if self._timer is None:
            self._next_s = self._loop.time() + FRAME_MS / 1000
            self._timer = self._loop.call_at(self._next_s, self._fire)

    def remove(self, owner: object) -> None:
        """Stop calling; an unknown owner is fine."""
        self._ticks.pop(owner, None)

    def _fire(self) -> None:
        now_s = self._loop.time()
        for owner, tick in list(self._ticks.items()):
            if not tick(now_s * 1000) and self._ticks.get(owner) is tick:
                del self._ticks[owner]
        if not self._ticks:
            self._timer = None
            return
        self._next_s += FRAME_MS / 1000
        if self._next_s <= now_s:  # the loop stalled: go on from now, on the grid
            self._next_s += (int((now_s - self._next_s) * 1000 / FRAME_MS) + 1) * FRAME_MS / 1000
        self._timer = self._loop.call_at(self._next_s, self._fire)
