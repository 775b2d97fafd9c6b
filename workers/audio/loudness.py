"""One loudness for all voices: a fixed gain per voice towards -16 LUFS, measured once, and a peak limiter behind it.

Loudness is the integrated loudness of ITU-R BS.1770-4 (K weighting, 400 ms blocks with 75 % overlap, gates at -70 LUFS and 10 LU
below the mean), for one channel. It is measured on a warm-up utterance and never on what is being spoken: a gain that follows the
audio makes sentences jump.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from workers.audio.resample import EMPTY, FULL_SCALE, Samples

TARGET_LUFS: Final = -16.0
MAX_GAIN_DB: Final = 20.0
CEILING: Final = 10 ** (-1.0 / 20)  # -1 dBFS leaves room for the peaks between samples that a converter or Opus makes
_LIMITER_BLOCK: Final = 120  # 2.5 ms at 48 kHz: the look-ahead, and the shortest fade of the gain
_RELEASE_PER_BLOCK: Final = 10 ** (0.25 / 20)  # back up by at most 0.25 dB per 2.5 ms: 100 dB/s


def integrated_lufs(pcm: bytes, rate_hz: int) -> float:
    """Integrated loudness of mono s16le PCM, `-inf` for silence or for less than one 400 ms block."""
    samples = np.frombuffer(pcm, dtype="<i2").astype(np.float64) / FULL_SCALE
    block, hop = int(0.4 * rate_hz), int(0.1 * rate_hz)
    if samples.size < block:
        return -math.inf
    sums = np.concatenate(([0.0], np.cumsum(np.square(_k_weighted(samples, rate_hz)))))
    starts = np.arange(0, samples.size - block + 1, hop)
    power = (sums[starts + block] - sums[starts]) / block
    power = power[power > _power_of(-70.0)]
    if not power.size:
        return -math.inf
    power = power[power > _power_of(_lufs_of(float(power.mean())) - 10.0)]
    return _lufs_of(float(power.mean()))


def gain_db_for(lufs: float, target_lufs: float = TARGET_LUFS) -> float:
    """The gain from `lufs` to the target, at most 20 dB either way; 0 where nothing could be measured."""
    if not math.isfinite(lufs):
        return 0.0
    return max(-MAX_GAIN_DB, min(MAX_GAIN_DB, target_lufs - lufs))


def _lufs_of(power: float) -> float:
    return -0.691 + 10 * math.log10(power)


def _power_of(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _k_weighted(samples: NDArray[np.float64], rate_hz: int) -> NDArray[np.float64]:
    """The K filter's response, applied to the spectrum: without a compiled IIR filter that is the fast way for a whole utterance.

    Padding by a second keeps the circular convolution's tail (the 38 Hz high-pass rings for some 100 ms) out of the result.
    """
    size = 1 << (samples.size + rate_hz - 1).bit_length()
    turn = np.exp(-2j * np.pi * np.fft.rfftfreq(size))
    response = _biquad(_shelf(rate_hz), turn) * _biquad(_high_pass(rate_hz), turn)
    weighted: NDArray[np.float64] = np.fft.irfft(np.fft.rfft(samples, size) * response, size)[: samples.size]
    return weighted


def _biquad(coefficients: tuple[float, ...], turn: NDArray[np.complex128]) -> NDArray[np.complex128]:
    b0, b1, b2, a1, a2 = coefficients
    response: NDArray[np.complex128] = (b0 + b1 * turn + b2 * turn**2) / (1 + a1 * turn + a2 * turn**2)
    return response


def _shelf(rate_hz: int) -> tuple[float, ...]:
    """Stage 1, the head's high shelf, from the analogue prototype behind the standard's 48 kHz coefficients."""
    frequency_hz, gain_db, quality = 1681.974450955533, 3.999843853973347, 0.7071752369554196
    k = math.tan(math.pi * frequency_hz / rate_hz)
    high = 10 ** (gain_db / 20)
    band = high**0.4996667741545416
    scale = 1 + k / quality + k * k
    return (
        (high + band * k / quality + k * k) / scale,
        2 * (k * k - high) / scale,
        (high - band * k / quality + k * k) / scale,
        2 * (k * k - 1) / scale,
        (1 - k / quality + k * k) / scale,
    )


def _high_pass(rate_hz: int) -> tuple[float, ...]:
    """Stage 2, the RLB high-pass."""
    frequency_hz, quality = 38.13547087602444, 0.5003270373238773
    k = math.tan(math.pi * frequency_hz / rate_hz)
    scale = 1 + k / quality + k * k
    return (1.0, -2.0, 1.0, 2 * (k * k - 1) / scale, (1 - k / quality + k * k) / scale)


class Limiter:
    """Gain and peak limiter for one stream of 48 kHz samples; the same output for any chunking.

    The gain is one value at each edge of 2.5 ms blocks and a straight line between them, so it never jumps; at an edge it is what the
    louder neighbour needs, so no peak passes. It falls within one block and recovers slowly. One block is held back.
    """

    __slots__ = ("_edge", "_gain", "_held")

    def __init__(self, gain_db: float = 0.0) -> None:
        self._gain = np.float32(10 ** (gain_db / 20))
        self._held: Samples = EMPTY  # at least the block before the edge that is not decided yet
        self._edge = 1.0  # the gain at the beginning of what is held

    def push(self, samples: Samples, last: bool = False) -> Samples:
        """Limited samples that are ready now; everything after `last`."""
        held = np.concatenate((self._held, samples * self._gain))
        blocks = held.size // _LIMITER_BLOCK
        if last:
            return self._finish(held)
        if blocks < 2:
            self._held = held
            return EMPTY
        ready = (blocks - 1) * _LIMITER_BLOCK
        self._held = held[ready:].copy()
        return self._limit(held[: ready + _LIMITER_BLOCK], blocks - 1)

    def _finish(self, held: Samples) -> Samples:
        size = held.size
        if not size:
            return held
        blocks = -(-size // _LIMITER_BLOCK)
        padded = np.concatenate((held, np.zeros((blocks + 1) * _LIMITER_BLOCK - size, dtype=np.float32)))
        return self._limit(padded, blocks)[:size]

    def _limit(self, samples: Samples, blocks: int) -> Samples:
        """The first `blocks` blocks of `samples`, which holds one block more."""
        peaks = np.abs(samples).reshape(blocks + 1, _LIMITER_BLOCK).max(axis=1)
        ready = samples[: blocks * _LIMITER_BLOCK]
        if self._edge == 1.0 and float(peaks.max()) <= CEILING:
            return ready
        edges = np.empty(blocks + 1, dtype=np.float32)
        needed = np.minimum(1.0, CEILING / np.maximum(peaks, 1e-9)).tolist()
        edges[0] = edge = min(self._edge, needed[0])
        for i in range(blocks):
            edge = min(needed[i], needed[i + 1], edge * _RELEASE_PER_BLOCK)
            edges[i + 1] = edge
        self._edge = edge
        ramp = np.arange(_LIMITER_BLOCK, dtype=np.float32) / np.float32(_LIMITER_BLOCK)
        gains = edges[:-1, None] + (edges[1:] - edges[:-1])[:, None] * ramp
        limited: Samples = (ready.reshape(blocks, _LIMITER_BLOCK) * gains).reshape(-1)
        return limited
