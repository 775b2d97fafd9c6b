"""What an interrupted listener hears: the answer as it is played, checked against the same answer heard in peace, and its way back
into the microphone through a room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from client.bench.pilot import CLEAR_BELOW_HZ
from parley.audio import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_RATE_HZ

_ROOM_MS: Final = 60
_BLOCK: Final = 1 << (FRAME_SAMPLES + (_ROOM_MS + 160) * SAMPLE_RATE_HZ // 1000).bit_length()

_STEP: Final = SAMPLE_RATE_HZ // 200
_SLIP_STEPS: Final = 200
"""A slip is looked for in the last second."""
_SLIP_MOST: Final = 30

Wave = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True, slots=True)
class Reference:
    """The answer heard without interruption: its frames, and where each of its words begins."""

    pcm: bytes
    word_begins_ms: Sequence[float]
    exact: bool = True
    """The voice says it in the same samples each time."""

    def words_heard(self, played_ms: float) -> float:
        """How many words `played_ms` of the answer hold; the word that is being spoken counts by its part."""
        begins = [*self.word_begins_ms, len(self.pcm) / FRAME_BYTES * 20]
        for number, begin_ms in enumerate(begins):
            if begin_ms > played_ms:
                before_ms = begins[number - 1] if number else 0.0
                return number - 1 + (played_ms - before_ms) / (begin_ms - before_ms) if number else 0.0
        return float(len(begins) - 1)


class Check:
    """Compares an answer, as it comes, with the reference: frame by frame where the voice says the same text in the same samples each time
    (`exact`), else by its loudness over time, in which frames that are lost or repeated are a slip of 20 ms each."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._at = 0
        self._pcm = bytearray()
        self.wrong_frames = 0
        self.frames = 0

    def push(self, frame: bytes) -> None:
        """The next frame."""
        self.frames += 1
        if self._reference.exact:
            self.wrong_frames += frame != self._reference.pcm[self._at : self._at + FRAME_BYTES]
        else:
            self._pcm += frame
        self._at += FRAME_BYTES

    def slip_ms(self) -> float:
        """How much later (or, below 0, earlier) the end of the answer came than in the reference; 0 where frames are compared."""
        heard = _loudness(bytes(self._pcm))[-_SLIP_STEPS:]
        first = len(self._pcm) // 2 // _STEP - len(heard)
        known = _loudness(self._reference.pcm)
        if len(heard) < _SLIP_STEPS:
            return 0.0
        lags = [lag for lag in range(-_SLIP_MOST, _SLIP_MOST + 1) if first - lag >= 0 and first - lag + len(heard) <= len(known)]
        apart = {lag: float(np.abs(heard - known[first - lag : first - lag + len(heard)]).sum()) for lag in lags}
        return min(apart, key=lambda lag: apart[lag]) * _STEP * 1000 / SAMPLE_RATE_HZ if apart else 0.0


def _loudness(pcm: bytes) -> Wave:
    """In dB, step by step of 5 ms."""
    samples = np.frombuffer(pcm, np.int16)
    steps = samples[: len(samples) // _STEP * _STEP].reshape(-1, _STEP).astype(np.float64)
    return np.asarray(20 * np.log10(np.sqrt(np.mean(steps**2, axis=1)) + 30))


class EchoPath:
    """Loudspeaker to microphone: so much weaker, so much later, through a small loudspeaker and a room. One frame in, one out."""

    def __init__(self, level_db: float, delay_ms: int, seed: int) -> None:
        chance = np.random.default_rng(seed)
        size = _ROOM_MS * SAMPLE_RATE_HZ // 1000
        room = chance.normal(0, 0.12, size) * np.exp(-np.arange(size) / SAMPLE_RATE_HZ / 0.012)
        room[0] = 1.0
        response = np.zeros(_BLOCK - FRAME_SAMPLES)
        first = delay_ms * SAMPLE_RATE_HZ // 1000
        response[first : first + size] = room / np.sqrt(np.sum(room**2)) * 10 ** (level_db / 20)
        hertz = np.fft.rfftfreq(_BLOCK, 1 / SAMPLE_RATE_HZ)
        band = np.clip((CLEAR_BELOW_HZ - hertz) / 600, 0, 1) * np.clip((hertz - 120) / 120, 0, 1)
        self._response = np.fft.rfft(response, _BLOCK) * band
        self._tail = np.zeros(_BLOCK)

    def push(self, frame: bytes) -> Wave:
        """What the microphone gets of it now, in units of 16-bit samples."""
        self._tail += np.fft.irfft(np.fft.rfft(np.frombuffer(frame, np.int16), _BLOCK) * self._response, _BLOCK)
        out = self._tail[:FRAME_SAMPLES].copy()
        self._tail[:-FRAME_SAMPLES] = self._tail[FRAME_SAMPLES:]
        self._tail[-FRAME_SAMPLES:] = 0.0
        return np.asarray(out)
