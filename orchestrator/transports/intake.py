"""How much microphone audio a client may send: real time, plus a burst. Pure: time comes as an argument.

A token bucket in frames. What exceeds it is to be dropped by the caller (a network that stalls delivers a burst; a client that plays a
file down the line as fast as it can must not make others wait).
"""

from __future__ import annotations

from parley.audio import FRAME_MS


class Intake:
    """One client's allowance."""

    def __init__(self, burst_ms: float, now_ms: float) -> None:
        self._limit_ms = burst_ms + FRAME_MS
        self._left_ms = self._limit_ms
        self._at_ms = now_ms

    def admit(self, now_ms: float) -> bool:
        """Whether one more frame may pass now."""
        self._left_ms = min(self._limit_ms, self._left_ms + (now_ms - self._at_ms))
        self._at_ms = now_ms
        if self._left_ms < FRAME_MS:
            return False
        self._left_ms -= FRAME_MS
        return True
