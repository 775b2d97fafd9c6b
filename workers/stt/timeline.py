"""Where a sample of the engine's audio lies in the client's stream.

The engine counts samples at its own rate, of what it was fed. The client counts 48 kHz samples of its stream, and parts of that
never reach the engine: lost frames, frames during a PAUSE, the resampler's tail that a STOP threw away. An anchor says which pts
the engine's sample has after each such break; between anchors both count alike.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import Final

from parley.audio import SAMPLE_RATE_HZ

MAX_ANCHORS: Final = 1024
"""Breaks remembered at once; beyond it the oldest is forgotten, and times before it are a little off."""


class Timeline:
    """Engine samples to stream pts. Anchors only ever grow, in both counts."""

    def __init__(self, rate_hz: int, pts: int = 0) -> None:
        self._rate_hz = rate_hz
        self._samples = [0]
        self._pts = [pts]

    def anchor(self, sample: int, pts: int) -> None:
        """From engine sample `sample` on, the stream position is `pts`. Idempotent where it says nothing new."""
        if self.pts_of(sample) == pts:
            return
        if sample <= self._samples[-1]:
            self._pts[-1] = pts
            return
        self._samples.append(sample)
        self._pts.append(pts)
        if len(self._samples) > MAX_ANCHORS:
            del self._samples[0], self._pts[0]

    def pts_of(self, sample: int) -> int:
        """Stream position of the engine's `sample`-th sample."""
        at = max(bisect_right(self._samples, sample) - 1, 0)
        return self._pts[at] + max(sample - self._samples[at], 0) * SAMPLE_RATE_HZ // self._rate_hz

    def forget_before(self, sample: int) -> None:
        """Nothing before `sample` will be asked for again."""
        keep = max(bisect_right(self._samples, sample) - 1, 0)
        del self._samples[:keep], self._pts[:keep]
