"""One utterance: its text as it comes in, checked, and the segments that are made of it. Pure."""

from __future__ import annotations

from collections import deque

from parley.errors import ParleyError
from parley.v1 import tts_pb2
from workers.tts.config import Style
from workers.tts.lease import Lease
from workers.tts.part import Part
from workers.tts.segment import Segment, Segmenter


class Utterance:
    """It begins with its first chunk and ends with `end_of_utterance`; `lease` is the model it is spoken by from first to last."""

    def __init__(self, utterance_id: int, epoch: int, lease: Lease, style: Style, now_us: int) -> None:
        self.utterance_id = utterance_id
        self.epoch = epoch
        self.lease = lease
        self.style = style
        self.parts: deque[Part] = deque()
        """What is not wholly emitted, in order."""
        self.ended = False
        """All of its text is here and cut."""
        self.expired = False
        """Lost in a pause that was too long; the rest of its text is swallowed."""
        self.bytes_received = 0
        self.began_us = now_us
        self.opened_us: int | None = None
        self.first_audio_us: int | None = None
        self.started = False
        self.pts = 0
        """Samples emitted."""
        self.gpu_us = 0
        self._segmenter = Segmenter()

    @property
    def chars(self) -> int:
        """Code points received."""
        return self._segmenter.chars

    @property
    def text_waits(self) -> bool:
        """Text is here whose segment is not certain yet."""
        return not self.ended and self._segmenter.waiting

    @property
    def all_over(self) -> bool:
        """Nothing of what is known so far remains to be emitted."""
        return all(part.over for part in self.parts)

    @property
    def generated_samples(self) -> int:
        """How far the model has got, as a position in the utterance."""
        return self.pts + sum(part.frames.samples for part in self.parts)

    def take(self, chunk: tts_pb2.TextChunk, size: int, max_bytes: int, samples_per_weight: float) -> None:
        """The next text, `size` bytes of UTF-8.

        Raises:
            ParleyError: BAD_SEQUENCE, TEXT_TOO_LONG.
        """
        if chunk.char_begin and chunk.char_begin != self.chars:
            raise ParleyError("BAD_SEQUENCE", f"char_begin: expected {self.chars} in utterance {self.utterance_id}, got {chunk.char_begin}")
        if self.bytes_received + size > max_bytes:
            raise ParleyError("TEXT_TOO_LONG", f"an utterance holds at most {max_bytes} bytes of text, got {self.bytes_received + size}")
        self.bytes_received += size
        segments = self._segmenter.feed(chunk.text)
        if chunk.flush:
            segments += self._segmenter.flush()
        self._append(segments, samples_per_weight)
        if chunk.end_of_utterance:
            self.end(samples_per_weight)

    def flush(self, samples_per_weight: float) -> None:
        """Speak what there is."""
        self._append(self._segmenter.flush(), samples_per_weight)

    def end(self, samples_per_weight: float) -> None:
        """No more text comes."""
        self._append(self._segmenter.end(), samples_per_weight)
        self.ended = True

    def _append(self, segments: list[Segment], samples_per_weight: float) -> None:
        self.parts.extend(Part(segment, self.lease.card, samples_per_weight) for segment in segments)
