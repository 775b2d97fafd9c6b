"""What an STT link has to send and may have to send again: pure bookkeeping of audio and control. No I/O.

Audio is gathered into messages of a few frames. What was sent is kept until its segment has got its final, so that another worker can
hear the open segment from its beginning. Positions count the samples given to `push`, over all workers.

Bound: at most `keep_ms` of audio, sent or waiting; beyond it the oldest goes. Waiting audio that went leaves a DISCONTINUITY.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from parley.audio import FRAME_BYTES, FRAME_MS, SAMPLE_BYTES
from parley.v1 import audio_pb2


@dataclass(frozen=True, slots=True)
class Speech:
    """Whole frames; `pts` is the position of the first sample."""

    pts: int
    pcm: bytes
    after_loss: bool = False

    @property
    def pts_end(self) -> int:
        return self.pts + len(self.pcm) // SAMPLE_BYTES

    @property
    def frames(self) -> int:
        return len(self.pcm) // FRAME_BYTES


Entry = Speech | audio_pb2.Control


class SpeechLog:
    """Audio and control in stream order: first what was sent, then what waits."""

    def __init__(self, frames_per_message: int, keep_ms: int) -> None:
        self._per_message = frames_per_message
        self._keep_bytes = keep_ms // FRAME_MS * FRAME_BYTES
        self._gathered = bytearray()
        self._sent: deque[Entry] = deque()
        self._unsent: deque[Entry] = deque()
        self._sent_bytes = 0
        self._unsent_bytes = 0
        self._control_id = 0
        self._gap = False
        self.position = 0
        """Position after the last sample that was pushed."""
        self.whole = True
        """Nothing of the open segment was dropped."""

    # ----- the session's side -----

    def push(self, pcm: bytes) -> bool:
        """Take whole frames; whether there is now something to send."""
        if len(pcm) % FRAME_BYTES:
            raise ValueError(f"expected whole frames of {FRAME_BYTES} bytes, got {len(pcm)} bytes")
        self._gathered += pcm
        self.position += len(pcm) // SAMPLE_BYTES
        if len(self._gathered) < self._per_message * FRAME_BYTES:
            return False
        self.flush()
        return True

    def flush(self) -> None:
        """Do not wait for more frames."""
        gathered, self._gathered = bytes(self._gathered), bytearray()
        pts, step = self.position - len(gathered) // SAMPLE_BYTES, self._per_message * FRAME_BYTES
        for start in range(0, len(gathered), step):
            pcm = gathered[start : start + step]
            self._unsent.append(Speech(pts + start // SAMPLE_BYTES, pcm, self._gap))
            self._unsent_bytes += len(pcm)
            self._gap = False
        self._trim()

    def control(self, verb: audio_pb2.ControlVerb) -> int:
        """Put a verb behind all audio so far; its id."""
        self.flush()
        self._control_id += 1
        self._unsent.append(audio_pb2.Control(control_id=self._control_id, verb=verb))
        return self._control_id

    def discard(self) -> int:
        """Forget all audio so far, and tell the worker to; the control's id."""
        self.flush()
        self._gap = self._gap or self._unsent_bytes > 0
        self._forget()
        return self.control(audio_pb2.CONTROL_VERB_STOP)

    # ----- the worker's side -----

    def next(self) -> Entry | None:
        """The next thing to send; it is kept until `finalized` or `heard` says that it is done with."""
        if not self._unsent:
            return None
        entry = self._unsent.popleft()
        if isinstance(entry, Speech):
            self._unsent_bytes -= len(entry.pcm)
            self._sent_bytes += len(entry.pcm)
            self._sent.append(entry)
        elif entry.verb == audio_pb2.CONTROL_VERB_FINALIZE:
            self._sent.append(entry)  # a STOP needs no second sending: a new worker has nothing to stop
        return entry

    def finalized(self, control_id: int) -> None:
        """This FINALIZE has been answered: what was sent before it is done with, and a new segment begins."""
        if not any(isinstance(entry, audio_pb2.Control) and entry.control_id == control_id for entry in self._sent):
            return
        while self._sent:
            entry = self._drop_sent()
            if isinstance(entry, audio_pb2.Control) and entry.control_id == control_id:
                break
        self.whole = True

    def heard(self, pts_end: int) -> None:
        """A final covers everything up to `pts_end`."""
        while self._sent and isinstance(self._sent[0], Speech) and self._sent[0].pts_end <= pts_end:
            self._drop_sent()
        self.whole = True

    def rewind(self) -> int:
        """For a new worker: everything kept waits again. Returns the position of the first sample that it will hear."""
        self._unsent = deque(entry for entry in (*self._sent, *self._unsent) if not _is_stop(entry))
        self._unsent_bytes += self._sent_bytes
        self._sent.clear()
        self._sent_bytes = 0
        first = next((entry.pts for entry in self._unsent if isinstance(entry, Speech)), None)
        return first if first is not None else self.position - len(self._gathered) // SAMPLE_BYTES

    @property
    def idle(self) -> bool:
        """Nothing waits, is kept or gathered: the worker could be changed now without anything to repeat."""
        return not (self._sent or self._unsent or self._gathered)

    # ----- bounds -----

    def _trim(self) -> None:
        while self._sent_bytes and self._sent_bytes + self._unsent_bytes > self._keep_bytes:
            if isinstance(self._drop_sent(), Speech):
                self.whole = False
        while self._unsent_bytes > self._keep_bytes:
            self._drop_oldest_unsent()

    def _drop_sent(self) -> Entry:
        entry = self._sent.popleft()
        if isinstance(entry, Speech):
            self._sent_bytes -= len(entry.pcm)
        return entry

    def _drop_oldest_unsent(self) -> None:
        at = next(index for index, entry in enumerate(self._unsent) if isinstance(entry, Speech))
        self._unsent_bytes -= len(self._unsent[at].pcm)  # type: ignore[union-attr]
        del self._unsent[at]
        self.whole = False
        if at < len(self._unsent) and isinstance(follower := self._unsent[at], Speech):
            self._unsent[at] = Speech(follower.pts, follower.pcm, after_loss=True)
        else:
            self._gap = True

    def _forget(self) -> None:
        self._sent.clear()
        self._unsent.clear()
        self._sent_bytes = self._unsent_bytes = 0
        self.whole = True


def _is_stop(entry: Entry) -> bool:
    return isinstance(entry, audio_pb2.Control) and entry.verb == audio_pb2.CONTROL_VERB_STOP
