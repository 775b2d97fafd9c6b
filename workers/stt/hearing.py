"""Audio on its way into the engine: resampled, counted, and kept in step with the client's stream.

One `Hearing` belongs to one recognition of the engine. It counts three things: what came (48 kHz pts of the stream), what was fed
and what was processed (both in the engine's samples).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from parley.audio import SAMPLE_BYTES, SAMPLE_RATE_HZ, ms_of
from workers.stt.timeline import Timeline


class Downsampler(Protocol):
    """A streaming resampler of s16le mono, used for one run of audio without a break."""

    def push(self, pcm: bytes) -> bytes:
        """More audio in; what can be said so far out."""

    def flush(self) -> bytes:
        """The rest."""


DownsamplerFactory = Callable[[int, int], Downsampler]


class Hearing:
    """What one recognition has been given, and how far it is."""

    def __init__(self, rate_hz: int, pts: int, make_downsampler: DownsamplerFactory) -> None:
        self.rate_hz = rate_hz
        self.fed_samples = 0
        self.processed_samples = 0
        self.received_pts = pts
        self._timeline = Timeline(rate_hz, pts)
        self._make = make_downsampler
        self._downsampler = make_downsampler(SAMPLE_RATE_HZ, rate_hz)
        self._run_begin = 0  # engine sample at which the resampler's present run began
        self._run_samples = 0  # 48 kHz samples pushed in it
        self._pts_processed = pts

    def push(self, pcm: bytes, pts: int) -> bytes:
        """The engine's audio for `pcm`, which lies at `pts`."""
        at = self._run_begin + self._run_samples * self.rate_hz // SAMPLE_RATE_HZ
        self._timeline.anchor(at, pts)
        samples = len(pcm) // SAMPLE_BYTES
        self._run_samples += samples
        self.received_pts = pts + samples
        return self._count(self._downsampler.push(pcm))

    def flush(self) -> bytes:
        """What the resampler still holds; the next push begins a new run."""
        if not self.holds_audio:
            return b""
        tail = self._count(self._downsampler.flush())
        self._begin_run()
        return tail

    def discard(self) -> None:
        """Forget what the resampler holds, and count all that was fed as processed."""
        self._begin_run()
        self.processed_samples = self.fed_samples

    def skip(self, pts: int) -> None:
        """The stream went on to `pts` without any audio for the engine."""
        self.received_pts = pts

    def processed(self, samples: int) -> None:
        """The engine has got so far; never backwards, since a discard has already counted what it then still reports."""
        self.processed_samples = max(self.processed_samples, min(samples, self.fed_samples))

    @property
    def holds_audio(self) -> bool:
        """Whether audio has come since the last break: some of it may still be in the resampler."""
        return self._run_samples > 0

    @property
    def backlog_ms(self) -> float:
        """Audio fed and not yet processed."""
        return ms_of(self.fed_samples - self.processed_samples, self.rate_hz)

    @property
    def pts_processed(self) -> int:
        """Stream position up to which everything has been heard or was left out on purpose. Never goes back."""
        all_heard = self.processed_samples >= self.fed_samples and self._run_samples == 0
        now = self.received_pts if all_heard else self._timeline.pts_of(self.processed_samples)
        self._pts_processed = max(self._pts_processed, min(now, self.received_pts))
        return self._pts_processed

    def pts_of(self, sample: int) -> int:
        """Stream position of an engine sample; of what has not come yet, the end of what has."""
        return min(self._timeline.pts_of(sample), self.received_pts)

    def forget_before(self, sample: int) -> None:
        """Positions before `sample` will not be asked for again."""
        self._timeline.forget_before(sample)

    def _begin_run(self) -> None:
        if self.holds_audio:
            self._downsampler = self._make(SAMPLE_RATE_HZ, self.rate_hz)
        self._run_begin, self._run_samples = self.fed_samples, 0

    def _count(self, pcm: bytes) -> bytes:
        self.fed_samples += len(pcm) // SAMPLE_BYTES
        return pcm
