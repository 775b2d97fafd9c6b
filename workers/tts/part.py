"""One segment on its way: the engine's job, the audio that waits, the words in it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from parley.audio import FRAME_SAMPLES, SAMPLE_RATE_HZ
from workers.audio.chain import SpeechChain
from workers.audio.framing import FrameBuffer
from workers.engines.api import EngineCard, WordMark
from workers.tts.marks import Word, WordTrack
from workers.tts.segment import Segment

ALIGNED = "alignment.word"


class Part:
    """A segment's audio. It begins and ends on a frame, so that the end of a segment never waits for the next one's text."""

    def __init__(self, segment: Segment, card: EngineCard, samples_per_weight: float) -> None:
        self.segment = segment
        self.card = card
        self.job_id = 0
        """The engine's job; 0 before it is opened, and for a segment without anything to speak."""
        self.allowed_samples = 0
        """What the engine was allowed so far, at its own rate."""
        self.received_samples = 0
        """What it gave, at its own rate."""
        self.emitted_samples = 0
        """What has left, at 48 kHz."""
        self.frames = FrameBuffer()
        self.words = WordTrack(segment.text, segment.text_begin, ALIGNED not in card.features, samples_per_weight)
        self.begin_marked = False
        self.end_marked = False
        self._discarded = False
        self._chain: SpeechChain | None = None
        if not segment.text:
            self.frames.finish()

    @property
    def ratio(self) -> float:
        """48 kHz samples for one of the engine's."""
        return SAMPLE_RATE_HZ / self.card.sample_rate_hz

    @property
    def complete(self) -> bool:
        """The engine has given all."""
        return self.frames.finished

    @property
    def over(self) -> bool:
        """All has left."""
        return self.frames.finished and not self.frames.frames

    @property
    def total_samples(self) -> int | None:
        """The length at 48 kHz, once it is known."""
        return self.emitted_samples + self.frames.samples if self.complete else None

    @property
    def generated_samples(self) -> int:
        """How far the engine has got, at 48 kHz."""
        return self.emitted_samples + self.frames.samples

    @property
    def outstanding_samples(self) -> int:
        """What the engine may still give without asking, at 48 kHz."""
        return 0 if self.complete else max(0, round((self.allowed_samples - self.received_samples) * self.ratio))

    def open(self, job_id: int, gain_db: float, allowed_samples: int) -> None:
        """The engine's job begins."""
        self.job_id = job_id
        self.allowed_samples = allowed_samples
        self._chain = SpeechChain(self.card.sample_rate_hz, gain_db)

    def push(self, pcm: bytes, marks: Sequence[WordMark], done: bool) -> None:
        """The engine's next audio."""
        if self._chain is None or self.complete:
            return
        self.received_samples += len(pcm) // 2
        self.words.add(marks, self.ratio)
        self.frames.push(self._chain.push(pcm, done))
        if done:
            self.fail()

    def fail(self) -> None:
        """No more audio comes."""
        self._chain = None
        self.frames.finish()

    def take(self, frames: int) -> tuple[bytes, list[Word]]:
        """The next frames, with the words that begin in them."""
        total, emitted = self.total_samples, self.emitted_samples
        pcm = self.frames.take(frames)
        self.emitted_samples += frames * FRAME_SAMPLES
        return pcm, self.words.take(emitted, self.emitted_samples, total)

    def reached(self, emitted_samples: int) -> int:
        """The text position after that much of it has left."""
        if self.complete and not self._discarded and emitted_samples >= self.generated_samples:
            return self.segment.char_end
        return max(self.segment.char_begin, self.words.reached(emitted_samples))

    def discard(self) -> None:
        """Throw away what has not left."""
        self.frames.clear()
        self._discarded = True
        self._chain = None
