"""One numbering of positions, segments and revisions over all workers that hear a session. Pure; it edits the messages it is given.

Each worker session counts from its own beginning. When a worker is lost in the middle of a segment and another hears it again from its
start, the new worker's first segment goes on under the old number with higher revisions, so that its text replaces the old one's. When
part of the segment could not be kept, it gets a new number: the old segment's last text stands for what it covered.
"""

from __future__ import annotations

from parley.v1 import audio_pb2, stt_pb2


class SttNumbers:
    """Worker's numbers to session's numbers."""

    def __init__(self) -> None:
        self.base_pts = 0
        """Position of the present worker session's first sample."""
        self._last_segment = 0
        self._open = False
        self._revision = 0
        self._segment_shift: int | None = None
        self._first_segment = 0
        self._revision_shift = 0
        self._continues = False

    def begin(self, base_pts: int, whole: bool) -> None:
        """A new worker session that hears from `base_pts` on; `whole`: the open segment from its beginning."""
        self.base_pts = base_pts
        self._segment_shift = None
        self._continues = whole and self._open

    def closed(self) -> None:
        """The open segment was discarded."""
        self._open = False

    def hypothesis(self, hypothesis: stt_pb2.Hypothesis) -> None:
        if self._segment_shift is None:
            self._first_segment = hypothesis.segment_id
            target = self._last_segment if self._continues else self._last_segment + 1
            self._segment_shift = target - hypothesis.segment_id
            self._revision_shift = self._revision if self._continues else 0
        if self._revision_shift and hypothesis.segment_id == self._first_segment:
            hypothesis.revision += self._revision_shift
        hypothesis.segment_id += self._segment_shift
        if self.base_pts:
            self._shift_times(hypothesis)
        self._last_segment = max(self._last_segment, hypothesis.segment_id)
        self._revision = hypothesis.revision
        self._open = not hypothesis.final

    def ack(self, ack: audio_pb2.ControlAck) -> None:
        ack.last_pts_end += self.base_pts

    def _shift_times(self, hypothesis: stt_pb2.Hypothesis) -> None:
        base = self.base_pts
        hypothesis.pts_begin += base
        hypothesis.pts_end += base
        for word in hypothesis.words:
            word.pts_begin += base
            word.pts_end += base
