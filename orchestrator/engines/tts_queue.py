"""What a TTS link has to say: pure bookkeeping of text, control, epochs and utterances. No I/O.

The session counts epochs from 1 through its whole life; each worker session counts from 1 again. `worker_epoch` is the one place where
the two meet. Control goes before text that waits. Text is bounded: beyond `MAX_QUEUED_CHARS` it is refused, since a worker that does not
take it has stopped reading.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from parley.errors import ParleyError
from parley.v1 import audio_pb2

MAX_QUEUED_CHARS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of an utterance, in the session's epoch."""

    utterance_id: int
    epoch: int
    text: str
    end: bool
    flush: bool
    style: Mapping[str, Any] | None


class SpeakQueue:
    """Text and control on their way to the worker, in the order in which they must arrive."""

    def __init__(self) -> None:
        self.epoch = 1
        self.dead_epoch = 0
        self.shift = 0
        """Session's epoch minus worker's epoch."""
        self.moving = False
        """A new worker session is wanted at the next boundary: utterances that have not begun wait for it."""
        self._controls: deque[audio_pb2.Control] = deque()
        self._texts: deque[Text] = deque()
        self._later: deque[Text] = deque()
        self._chars = 0
        self._open: set[int] = set()
        self._control_id = 0

    # ----- the session's side -----

    def speak(self, utterance_id: int, text: str, end: bool, flush: bool, style: Mapping[str, Any] | None) -> None:
        """Raises ParleyError TEXT_TOO_LONG when too much waits already."""
        if self._chars + len(text) > MAX_QUEUED_CHARS:
            waiting = self._chars + len(text)
            raise ParleyError("TEXT_TOO_LONG", f"expected at most {MAX_QUEUED_CHARS} characters waiting for the worker, got {waiting}")
        self._chars += len(text)
        begun = utterance_id in self._open or any(waiting.utterance_id == utterance_id for waiting in self._later)
        piece = Text(utterance_id, self.epoch, text, end, flush, None if begun else style)  # style belongs to the first piece
        if self.moving and utterance_id not in self._open:
            self._later.append(piece)
        else:
            self._open.add(utterance_id)
            self._texts.append(piece)

    def stop(self) -> int:
        """The present epoch is dead: what waits of it is dropped."""
        self.dead_epoch = self.epoch
        self.epoch += 1
        self._texts.clear()
        self._later.clear()
        self._open.clear()
        self._chars = 0
        return self.control(audio_pb2.CONTROL_VERB_STOP, through_epoch=self.dead_epoch - self.shift)

    def control(self, verb: audio_pb2.ControlVerb, through_epoch: int = 0) -> int:
        self._control_id += 1
        self._controls.append(audio_pb2.Control(control_id=self._control_id, verb=verb, through_epoch=through_epoch))
        return self._control_id

    # ----- the worker's side -----

    def begin(self) -> None:
        """A new worker session: its epoch 1 is the session's present one, so it has nothing to stop. What else waits is for it."""
        self.shift = self.epoch - 1
        self.moving = False
        self._controls = deque(control for control in self._controls if control.verb != audio_pb2.CONTROL_VERB_STOP)
        for piece in self._later:
            self._open.add(piece.utterance_id)
        self._texts += self._later
        self._later.clear()

    def void(self) -> None:
        """The worker is lost: everything said so far is void."""
        self._controls.clear()
        self._texts.clear()
        self._later.clear()
        self._open.clear()
        self._chars = 0

    def done(self, utterance_id: int) -> None:
        """The worker has spoken this utterance to its end."""
        self._open.discard(utterance_id)

    def next_control(self) -> audio_pb2.Control | None:
        return self._controls.popleft() if self._controls else None

    def next_text(self) -> Text | None:
        if not self._texts:
            return None
        piece = self._texts.popleft()
        self._chars -= len(piece.text)
        return piece

    def worker_epoch(self, epoch: int) -> int:
        return epoch - self.shift

    @property
    def at_boundary(self) -> bool:
        """No utterance is under way and nothing waits for this worker session."""
        return not self._open and not self._controls
