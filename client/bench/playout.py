"""A listener's buffer in numbers: how late each frame of one utterance came, and whether the sound would have stopped.

It holds no audio and plays nothing. Two clocks are kept, because they answer two questions:
lateness takes the first frame's arrival as the schedule (no buffer beyond it: the strictest listener);
underruns take a listener that begins to play when `PREFILL_FRAMES` have come, and waits for so many again when it has run dry.
"""

from __future__ import annotations

from dataclasses import dataclass

FRAME_S = 0.020
PREFILL_FRAMES = 3
LATE_MS = 20.0
"""A frame later than this counts as late: the strictest listener would have missed it by a whole frame."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What one frame's arrival meant."""

    late_ms: float
    underrun: bool


class Playout:
    """One utterance, from its first frame on."""

    __slots__ = ("_due_s", "_first_s", "_frames", "_prefilled")

    def __init__(self) -> None:
        self._frames = 0
        self._first_s = 0.0
        self._due_s = 0.0  # when the next frame is needed
        self._prefilled = 0

    @property
    def frames(self) -> int:
        """Frames that have come."""
        return self._frames

    def arrived(self, now_s: float) -> Arrival:
        """The next frame came at `now_s`."""
        index = self._frames
        self._frames = index + 1
        if index == 0:
            self._first_s = now_s
        late_s = now_s - (self._first_s + index * FRAME_S)
        return Arrival(late_s * 1000 if late_s > 0 else 0.0, self._dry(now_s))

    def _dry(self, now_s: float) -> bool:
        dry = self._prefilled == PREFILL_FRAMES and now_s > self._due_s
        if dry:
            self._prefilled = 0
        if self._prefilled < PREFILL_FRAMES:
            self._prefilled += 1
            self._due_s = now_s + PREFILL_FRAMES * FRAME_S
        else:
            self._due_s += FRAME_S
        return dry
