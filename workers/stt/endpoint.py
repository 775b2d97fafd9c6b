"""Where speech begins and ends, by level alone: for clients that leave endpointing to the worker.

A frame is loud when it stands well above the noise floor, which follows the quietest recent level. It knows no words and no model;
an orchestrator that has a VAD of its own switches it off and says FINALIZE instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from parley.audio import FRAME_MS, FRAME_SAMPLES

ABOVE_FLOOR_DB: Final = 10.0
QUIETEST_SPEECH_DBFS: Final = -50.0
BEGIN_FRAMES: Final = 3
FLOOR_RISE_DB_PER_FRAME: Final = 0.03  # 1.5 dB/s: a new steady noise stops being "speech" after some seconds, a sentence does not
FLOOR_START_DBFS: Final = -60.0
FLOOR_RANGE_DBFS: Final = (-80.0, -30.0)


@dataclass(frozen=True, slots=True)
class Begin:
    """Speech began at `pts`."""

    pts: int


@dataclass(frozen=True, slots=True)
class End:
    """Speech ended at `pts`, as `silence_ms` of silence after it has shown."""

    pts: int


class Endpointer:
    """Feed it frames in order; it says what they changed."""

    def __init__(self, silence_ms: int) -> None:
        self._silence_frames = max(1, silence_ms // FRAME_MS)
        self._floor_dbfs = FLOOR_START_DBFS
        self._speaking = False
        self._run = 0  # frames in a row that contradict `_speaking`

    def push(self, pcm: bytes, pts: int) -> list[Begin | End]:
        """The changes in `pcm` (whole frames, the first one at `pts`)."""
        samples = np.frombuffer(pcm, dtype="<i2").reshape(-1, FRAME_SAMPLES).astype(np.float32)
        power = np.mean(np.square(samples), axis=1) / 32768.0**2
        levels = 10.0 * np.log10(np.maximum(power, 1e-10))
        found: list[Begin | End] = []
        for index, level in enumerate(levels.tolist()):
            change = self._frame(level, pts + index * FRAME_SAMPLES)
            if change is not None:
                found.append(change)
        return found

    def reset(self) -> None:
        """Forget the utterance, keep the noise floor."""
        self._speaking, self._run = False, 0

    def _frame(self, level_dbfs: float, pts: int) -> Begin | End | None:
        loud = level_dbfs > max(self._floor_dbfs + ABOVE_FLOOR_DB, QUIETEST_SPEECH_DBFS)
        low, high = FLOOR_RANGE_DBFS
        self._floor_dbfs = min(max(min(level_dbfs, self._floor_dbfs + FLOOR_RISE_DB_PER_FRAME), low), high)
        if loud is self._speaking:
            self._run = 0
            return None
        self._run += 1
        if self._run < (self._silence_frames if self._speaking else BEGIN_FRAMES):
            return None
        since = pts - (self._run - 1) * FRAME_SAMPLES
        self._speaking, self._run = not self._speaking, 0
        return Begin(since) if self._speaking else End(since)
