"""Engine rate to 48 kHz, as a stream: any chunking of the input gives the same samples, and the total length is right to one sample.

It resamples in float32: soxr's 16-bit path dithers by call, so that its output depends on where the chunks were cut. Levels and
quantisation belong to whoever holds the samples next.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import soxr
from numpy.typing import NDArray

from parley.audio import SAMPLE_RATE_HZ

Samples = NDArray[np.float32]
EMPTY: Final[Samples] = np.zeros(0, dtype=np.float32)
FULL_SCALE: Final = 32768.0


class Resampler:
    """One direction, one mono stream. After `push(..., last=True)` it is used up."""

    def __init__(self, rate_hz: int, to_rate_hz: int = SAMPLE_RATE_HZ) -> None:
        self._stream = None
        if rate_hz != to_rate_hz:
            self._stream = soxr.ResampleStream(rate_hz, to_rate_hz, 1, dtype="float32", quality="HQ")

    def push(self, pcm: bytes, last: bool = False) -> Samples:
        """Samples in [-1, 1) that are ready now; a filter holds some tens of milliseconds back until `last`."""
        samples = from_s16(pcm)
        if self._stream is None:
            return samples
        if not samples.size and not last:
            return EMPTY
        ready: Samples = self._stream.resample_chunk(samples, last=last)
        return ready


def from_s16(pcm: bytes) -> Samples:
    """16-bit little-endian PCM as floats in [-1, 1); an odd trailing byte is an error of the caller."""
    samples: Samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32)
    samples *= np.float32(1 / FULL_SCALE)
    return samples


def to_s16(samples: Samples) -> bytes:
    """The nearest 16-bit values, full scale at the limits."""
    scaled = np.rint(samples * np.float32(FULL_SCALE))
    np.clip(scaled, -32768, 32767, out=scaled)
    pcm: bytes = scaled.astype("<i2").tobytes()
    return pcm
