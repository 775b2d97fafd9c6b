"""The ledger: what became of every frame of one utterance, and so what the user heard. Pure.

    received  -> sent -> played          positions are samples at 48 kHz since the utterance's first
                      \\-> discarded      at a STOP: received or sent, and never played

Frames that wait to be sent are kept here and nowhere else; they are bounded by what the worker may run ahead (its lead), and by
`LIMIT_MS` against one that does not keep to it. Heard text comes from marks; where a mark is open, the word counts from its middle on.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from parley.audio import FRAME_BYTES, FRAME_SAMPLES, ms_of, samples_of, split_frames

LIMIT_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class SpokenMark:
    """Code points [char_begin, char_end) of the utterance's text lie at samples [pts_begin, pts_end) of its audio."""

    char_begin: int
    char_end: int
    pts_begin: int
    pts_end: int
    estimated: bool


class Ledger:
    """One utterance's frames, from the worker to the ear."""

    def __init__(self, utterance_id: int, turn_id: int) -> None:
        self.utterance_id = utterance_id
        self.turn_id = turn_id
        self.complete = False
        """The worker has said that no more audio will come."""
        self.sent_samples = 0
        self._waiting: deque[bytes] = deque()
        self._marks: list[SpokenMark] = []
        self._next_mark = 0
        self._acknowledged: int | None = None

    # ---------- from the worker ----------

    def receive(self, pcm: bytes) -> None:
        """Whole frames, in order. Raises OverflowError when the worker runs ahead without measure."""
        if len(self._waiting) * FRAME_BYTES + len(pcm) > samples_of(LIMIT_MS) * 2:
            raise OverflowError(f"more than {LIMIT_MS} ms of audio wait to be sent")
        self._waiting.extend(split_frames(pcm))

    def add_mark(self, mark: SpokenMark) -> None:
        """A word's place. One that comes again (its end is known now) replaces the first."""
        for i in range(len(self._marks) - 1, -1, -1):
            known = self._marks[i]
            if (known.char_begin, known.pts_begin) == (mark.char_begin, mark.pts_begin):
                self._marks[i] = mark
                return
            if known.pts_begin < mark.pts_begin:
                break
        self._marks.append(mark)

    # ---------- to the client ----------

    @property
    def waiting(self) -> int:
        """Frames received and not yet sent."""
        return len(self._waiting)

    @property
    def exhausted(self) -> bool:
        """All that will ever come has been sent."""
        return self.complete and not self._waiting

    def take(self) -> tuple[bytes, Sequence[SpokenMark]]:
        """The next frame to send, and the marks that begin in it."""
        frame = self._waiting.popleft()
        self.sent_samples += FRAME_SAMPLES
        begun = self._next_mark
        while self._next_mark < len(self._marks) and self._marks[self._next_mark].pts_begin < self.sent_samples:
            self._next_mark += 1
        return frame, self._marks[begun : self._next_mark]

    # ---------- what was heard ----------

    def acknowledge(self, played_ms: float) -> None:
        """The client says how far it has played; never taken for more than was sent, nor for less than it said before."""
        self._acknowledged = max(self._acknowledged or 0, min(samples_of(played_ms), self.sent_samples))

    def played_samples(self, assumed: int) -> int:
        """How far the user has heard: what the client acknowledged, or else `assumed`, by the clock."""
        return min(self.sent_samples, assumed) if self._acknowledged is None else self._acknowledged

    def heard_chars(self, played_samples: int) -> int:
        """Code points of the utterance's text that were heard when `played_samples` had been played."""
        chars = 0
        for mark in self._marks:
            end = mark.pts_end or self.sent_samples
            if (mark.pts_begin + end) / 2 > played_samples:
                break
            chars = max(chars, mark.char_end)
        return chars

    @property
    def sent_ms(self) -> float:
        """Milliseconds of audio that have gone out."""
        return ms_of(self.sent_samples)
