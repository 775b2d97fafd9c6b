"""The frame rules of a TTS stream, checked message by message while it is being measured. Pure: it counts what is broken, by name.

size      pcm holds exactly the announced number of 1920-byte frames
seq       frames are numbered from 1 without a gap, so a RESUME goes on with the frame after the last one
pts       an utterance's audio begins at 0 and goes on without a gap
epoch     no audio of an epoch that was not begun
dead      no audio of a stopped epoch after its ack
paused    no audio after a PAUSE's ack until RESUME is asked for
ack       an ack in the stream names the last frame that came before it
"""

from __future__ import annotations

from collections import Counter

from parley.audio import FRAME_BYTES, FRAME_SAMPLES
from parley.v1 import audio_pb2


class StreamRules:
    """One session's stream, from its first message on."""

    def __init__(self) -> None:
        self.broken: Counter[str] = Counter()
        self.frames = 0
        self.last_seq = 0
        self._stopping_epoch = 0  # the STOP under way, if it is above the dead one
        self._dead_epoch = 0
        self._stopped_at_seq = 0
        self._paused_at_seq: int | None = None
        self._utterance_id = 0
        self._next_pts = 0

    def audio(self, frame: audio_pb2.AudioFrame) -> None:
        """A message with audio came."""
        count = frame.frame_count or 1
        self.frames += count
        self._check(len(frame.pcm) == count * FRAME_BYTES, "size")
        self._check(frame.seq == self.last_seq + 1, "seq")
        self.last_seq = frame.seq + count - 1
        if frame.utterance_id != self._utterance_id:
            self._utterance_id, self._next_pts = frame.utterance_id, 0
        self._check(frame.pts == self._next_pts, "pts")
        self._next_pts = frame.pts + count * FRAME_SAMPLES
        self._check(frame.epoch <= max(self._dead_epoch, self._stopping_epoch) + 1, "epoch")
        self._check(frame.epoch > self._dead_epoch or self.last_seq <= self._stopped_at_seq, "dead")
        self._check(self._paused_at_seq is None or self.last_seq <= self._paused_at_seq, "paused")

    def stopping(self, through_epoch: int) -> None:
        """STOP is about to be sent."""
        self._stopping_epoch = through_epoch

    def resuming(self) -> None:
        """RESUME is about to be sent: audio may come again before its ack is read."""
        self._paused_at_seq = None

    def acked_in_stream(self, ack: audio_pb2.ControlAck) -> None:
        """An ack came in the stream: of a control that was sent in it, or the copy of a unary one."""
        self._check(ack.last_seq == self.last_seq, "ack")
        self.acked(ack)

    def acked(self, ack: audio_pb2.ControlAck) -> None:
        """An ack is known, by whichever way it came first: a unary one may overtake frames up to its `last_seq`."""
        if ack.verb == audio_pb2.CONTROL_VERB_STOP:
            self._dead_epoch, self._stopped_at_seq, self._paused_at_seq = self._stopping_epoch, ack.last_seq, None
        elif ack.verb == audio_pb2.CONTROL_VERB_PAUSE and ack.applied:
            self._paused_at_seq = ack.last_seq

    def _check(self, holds: bool, rule: str) -> None:
        if not holds:
            self.broken[rule] += 1
