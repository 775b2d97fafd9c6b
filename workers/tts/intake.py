"""Text on its way in: which utterance it belongs to, whether it is too much, and when it has waited long enough. Pure.

One utterance is open at a time. Numbers only grow; a number that was used is used up, however its utterance ended. What is refused
changes nothing.
"""

from __future__ import annotations

from parley.errors import ParleyError
from parley.v1 import tts_pb2
from workers.tts.config import style_of, style_with
from workers.tts.generation import Generation
from workers.tts.lease import Lease
from workers.tts.limits import TtsLimits
from workers.tts.utterance import Utterance


class Intake:
    """The text side of one session; utterances go to `generation`."""

    def __init__(self, config: tts_pb2.TtsConfig, limits: TtsLimits, generation: Generation) -> None:
        self.due_us: int | None = None
        """When the text that waits for its sentence's end is to be spoken as it is."""
        self._limits = limits
        self._generation = generation
        self._style = style_of(config)
        self._wait_us = config.max_text_wait_ms * 1000
        self._open: Utterance | None = None
        self._last_id = 0

    def take(self, chunk: tts_pb2.TextChunk, epoch: int, lease: Lease, now_us: int) -> None:
        """The next text of the current epoch, spoken by `lease` if it begins an utterance.

        Raises:
            ParleyError: BAD_SEQUENCE, BAD_REQUEST, TEXT_TOO_LONG, TOO_FAST.
        """
        if not (chunk.text or chunk.end_of_utterance or chunk.HasField("style") or (chunk.flush and self._open)):
            return
        if chunk.epoch > epoch:
            raise ParleyError("BAD_SEQUENCE", f"epoch: {epoch} is the current one, got {chunk.epoch} without a STOP between them")
        if chunk.epoch and chunk.epoch < epoch:
            return
        utterance = self._current(chunk) or self._new(chunk, epoch, lease, now_us)
        if not utterance.expired:
            size = len(chunk.text.encode())
            self._check_waiting(size)
            utterance.take(chunk, size, self._limits.max_text_bytes, self._generation.samples_per_weight)
        if self._open is not utterance:
            self._open, self._last_id = utterance, utterance.utterance_id
            self._generation.utterances.append(utterance)
        if chunk.end_of_utterance:
            self._open = None
        self.due_us = now_us + self._wait_us if self._wait_us and self._open is not None and utterance.text_waits else None

    def end(self) -> None:
        """The client says no more: the open utterance ends with what it has."""
        if self._open is not None:
            self._open.end(self._generation.samples_per_weight)
        self.forget()

    def speak_waiting(self, now_us: int) -> bool:
        """Whether it was time to speak what waits."""
        if self.due_us is None or now_us < self.due_us:
            return False
        self.due_us = None
        if self._open is not None:
            self._open.flush(self._generation.samples_per_weight)
        return True

    def forget(self) -> None:
        """The open utterance is over: what comes next is the next one."""
        self._open, self.due_us = None, None

    def expire(self) -> None:
        """The open utterance has lost its audio: swallow the rest of its text."""
        self.due_us = None
        if self._open is not None:
            self._open.expired = True

    def _current(self, chunk: tts_pb2.TextChunk) -> Utterance | None:
        current, asked = self._open, chunk.utterance_id
        if current is not None and asked in (0, current.utterance_id):
            if chunk.HasField("style"):
                raise ParleyError("BAD_REQUEST", f"style: only with an utterance's first text, and {current.utterance_id} has begun")
            return current
        if current is not None and not current.expired:
            raise ParleyError("BAD_SEQUENCE", f"utterance_id: {current.utterance_id} has not ended, got {asked}")
        return None

    def _new(self, chunk: tts_pb2.TextChunk, epoch: int, lease: Lease, now_us: int) -> Utterance:
        """An utterance that is not admitted before its first text was found good."""
        number = chunk.utterance_id or self._last_id + 1
        if number <= self._last_id:
            raise ParleyError("BAD_SEQUENCE", f"utterance_id: expected more than {self._last_id}, got {chunk.utterance_id}")
        if len(self._generation.utterances) >= self._limits.max_waiting_utterances:
            raise ParleyError("TOO_FAST", f"at most {self._limits.max_waiting_utterances} utterances may wait to be spoken")
        style = style_with(self._style, chunk.style, lease.card) if chunk.HasField("style") else self._style
        return Utterance(number, epoch, lease, style, now_us)

    def _check_waiting(self, size: int) -> None:
        most = max(self._limits.max_waiting_text_bytes, self._limits.max_text_bytes)
        total = size + sum(utterance.bytes_received for utterance in self._generation.utterances)
        if total > most:
            raise ParleyError("TOO_FAST", f"at most {most} bytes of text may wait to be spoken, got {total}")
