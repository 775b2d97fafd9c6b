"""From frames that are speech or not to speech that starts and stops. Pure: no audio, no clock, 20 ms a call.

Speech starts when the last `start_ms` began and ended with speech and nearly all of it was (one frame in five may be missing:
consonants and the detector's own holes), and stops after `stop_ms` without any. How much is asked for depends on who has the floor, so
`start_ms` comes with each frame.
"""

from __future__ import annotations

from enum import Enum, auto

from parley.audio import FRAME_MS


class Edge(Enum):
    """What a frame changed."""

    STARTED = auto()
    STOPPED = auto()


class SpeechGate:
    """Debounces one session's frames."""

    def __init__(self, stop_ms: int) -> None:
        self._stop_frames = max(1, stop_ms // FRAME_MS)
        self._recent = 0  # bit i: was the frame i steps ago speech
        self._silent = 0
        self.talking = False
        self.start_ms = 0
        """The speech that had passed when STARTED was reported."""

    def push(self, speech: bool, start_ms: int, sure: bool = True) -> Edge | None:
        """The next frame; returns what it changed. While the speech is not `sure` it does not start, but it counts."""
        self._recent = (self._recent << 1 | speech) & 0xFFFF_FFFF
        self._silent = 0 if speech else self._silent + 1
        if self.talking:
            if self._silent < self._stop_frames:
                return None
            self.talking = False
            self._recent = 0
            return Edge.STOPPED
        frames = max(1, min(32, start_ms // FRAME_MS))
        heard = (self._recent & ((1 << frames) - 1)).bit_count()
        oldest = self._recent >> (frames - 1) & 1
        if not (sure and speech and oldest) or heard < frames - frames // 5:
            return None
        self.talking = True
        self.start_ms = frames * FRAME_MS
        return Edge.STARTED

    @property
    def stop_ms(self) -> int:
        """The silence that has passed when STOPPED is reported."""
        return self._stop_frames * FRAME_MS
