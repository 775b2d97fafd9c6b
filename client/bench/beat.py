"""How late one's own event loop is: a measuring process that was kept waiting must say so, since its samples are not the server's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

BEAT_S = 0.020


async def beat(late_ms: Callable[[float], None]) -> None:
    """Wake every 20 ms and tell how much too late, until cancelled. A missed beat is not made up for."""
    while True:
        due_s = time.monotonic() + BEAT_S
        await asyncio.sleep(BEAT_S)
        late_ms(max(0.0, (time.monotonic() - due_s) * 1000))
