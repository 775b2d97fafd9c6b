"""How loud is it when nobody speaks? A session's noise floor from the levels of its frames. Pure: 20 ms a call, no audio, no clock.

Two estimates, the higher counts:
    lasting   a low percentile of the last four seconds: speech has pauses and dips, so it hardly ever fills the lowest tenth, and
              frames taken for speech count a quarter
    steady    the median of the last second, if it holds no dip, not even of one frame: a fan that is switched on, hum, hiss. No
              speech is as even as that; should something be, its first dip takes it back.
A sound that was found to be noise (`accept`) may vary more and is learned at once.
"""

from __future__ import annotations

from collections import deque
from typing import Final

_RING: Final = 200  # 4 s
_PERCENT: Final = 10
_SPEECH_PART: Final = 4
_RECENT: Final = 50  # 1 s
_LOOK_EVERY: Final = 6
_STEADY_DB: Final = 4.0
"""From the lowest recent level to the highest but a tenth. Noise stays within 1-3 dB, speech spreads over 15 and more."""
_ACCEPTED: Final = 30  # 0.6 s
_ACCEPT_DB: Final = 12.0
_RELEASE_DB: Final = 6.0
_QUIET: Final = 30  # the bucket of -70 dBFS: a session begins as if it had been quiet
_PREFILL: Final = 8


class NoiseFloor:
    """One session's floor in whole decibels."""

    def __init__(self) -> None:
        self._ring = [_QUIET] * _PREFILL  # buckets of 1 dB, 0 is -100 dBFS
        self._next = _PREFILL
        self._recent = deque([_QUIET] * _RECENT, maxlen=_RECENT)
        self._spoken = 0
        self._counts = [0] * 101
        self._counts[_QUIET] = _PREFILL
        self._lasting = _QUIET
        self._below = 0  # entries of the ring below `_lasting`
        self._steady = 0
        self._until_look = _LOOK_EVERY

    @property
    def floor_dbfs(self) -> float:
        """What is taken for noise."""
        return float(max(self._lasting, self._steady) - 100)

    def push(self, level_dbfs: float, speech: bool = False) -> None:
        """The next frame's level, whatever it holds, and what it was taken for."""
        bucket = min(100, max(0, int(level_dbfs + 100)))
        self._recent.append(bucket)
        self._spoken += speech
        if not speech or self._spoken % _SPEECH_PART == 0:
            self._keep(bucket)
        self._until_look -= 1
        if not self._until_look:
            self._until_look = _LOOK_EVERY
            self._look()

    def accept(self) -> None:
        """The sound of the last moments was noise: a rise above it counts again, it itself does not."""
        recent = sorted(list(self._recent)[-_ACCEPTED:])
        if recent[-2] - recent[1] <= _ACCEPT_DB:
            self._steady = recent[-2]

    def _keep(self, bucket: int) -> None:
        ring, at = self._ring, self._next
        if len(ring) < _RING:
            ring.append(bucket)
        else:
            old = ring[at]
            self._counts[old] -= 1
            self._below -= old < self._lasting
            ring[at] = bucket
        self._next = (at + 1) % _RING
        self._counts[bucket] += 1
        self._below += bucket < self._lasting
        self._settle()

    def _settle(self) -> None:
        """Move `_lasting` to the lowest bucket that has a tenth of the ring at or below it."""
        wanted, counts = len(self._ring) * _PERCENT // 100, self._counts
        lasting, below = self._lasting, self._below
        while below > wanted:
            lasting -= 1
            below -= counts[lasting]
        while below + counts[lasting] <= wanted:
            below += counts[lasting]
            lasting += 1
        self._lasting, self._below = lasting, below

    def _look(self) -> None:
        recent = sorted(self._recent)
        if recent[-1 - _RECENT // 10] - recent[0] <= _STEADY_DB:
            self._steady = recent[_RECENT // 2]
        elif recent[0] < self._steady - _RELEASE_DB:
            self._steady = 0
