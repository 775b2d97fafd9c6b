"""Sample rates by whole factors of 48 kHz: short FIR filters in numpy, frame by frame, with next to no delay.

Used where delay or CPU would hurt: the path to the VAD (48 -> 16 kHz) and clients that speak or listen at 8, 16 or 24 kHz. A streaming
resampler of studio quality holds back 11-37 ms; these hold back `delay_ms` (a quarter of a millisecond at 48 -> 16 kHz).
"""

from __future__ import annotations

from math import log10

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from parley.audio import FRAME_SAMPLES, SAMPLE_RATE_HZ

_TAPS_PER_PHASE = 8


def _lowpass(taps: int, cutoff: float) -> NDArray[np.float32]:
    """A windowed-sinc low-pass; `cutoff` as a share of the sample rate."""
    n = np.arange(taps) - (taps - 1) / 2
    h = np.sinc(2 * cutoff * n) * np.hamming(taps)
    return np.asarray(h / h.sum(), np.float32)


class Decimator:
    """48 kHz frames to 48 kHz / `factor`: 960 samples in, 960 / factor out, state kept between calls."""

    def __init__(self, factor: int) -> None:
        taps = _TAPS_PER_PHASE * factor
        self._h = _lowpass(taps, 0.45 / factor)
        self._keep = taps - factor
        self._x = np.zeros(self._keep + FRAME_SAMPLES, np.float32)
        out = FRAME_SAMPLES // factor
        self._windows = as_strided(self._x, shape=(out, taps), strides=(4 * factor, 4))
        self._y = np.empty(out, np.float32)
        self.delay_ms = (taps - 1) / 2 / SAMPLE_RATE_HZ * 1000

    def push(self, frame: bytes) -> bytes:
        """One 1920-byte frame in, its samples at the lower rate out."""
        x, keep = self._x, self._keep
        x[:keep] = x[FRAME_SAMPLES:]
        x[keep:] = np.frombuffer(frame, np.int16)
        np.dot(self._windows, self._h, self._y)
        self._y.clip(-32768, 32767, out=self._y)
        return self._y.astype(np.int16).tobytes()


class Interpolator:
    """48 kHz / `factor` frames to 48 kHz: 960 / factor samples in, 960 out, state kept between calls."""

    def __init__(self, factor: int) -> None:
        h = _lowpass(_TAPS_PER_PHASE * factor, 0.45 / factor) * factor
        # Column p of the matrix is phase p of the filter, newest sample last.
        self._phases = np.ascontiguousarray(h.reshape(_TAPS_PER_PHASE, factor)[::-1])
        size = FRAME_SAMPLES // factor
        self._size = size
        self._keep = _TAPS_PER_PHASE - 1
        self._x = np.zeros(self._keep + size, np.float32)
        self._windows = as_strided(self._x, shape=(size, _TAPS_PER_PHASE), strides=(4, 4))
        self._y = np.empty((size, factor), np.float32)

    def push(self, frame: bytes) -> bytes:
        """One 20 ms frame at the lower rate in, one 1920-byte frame out."""
        x, keep = self._x, self._keep
        x[:keep] = x[self._size :]
        x[keep:] = np.frombuffer(frame, np.int16)
        np.dot(self._windows, self._phases, self._y)
        self._y.clip(-32768, 32767, out=self._y)
        return self._y.astype(np.int16).tobytes()


def level_dbfs(pcm: bytes) -> float:
    """RMS level of s16 samples in dB below full scale; -100 for silence."""
    samples = np.frombuffer(pcm, np.int16).astype(np.float32)
    power = float(np.dot(samples, samples)) / max(1, len(samples))
    return -100.0 if power < 1e-1 else 10 * log10(power) - 90.309
