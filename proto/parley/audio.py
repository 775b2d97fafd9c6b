"""The frame: the only unit of audio between the tiers.

20 ms of 48 kHz mono signed 16-bit little-endian PCM. Positions count samples of their own stream; nothing here knows a clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SAMPLE_RATE_HZ: Final = 48_000
FRAME_MS: Final = 20
FRAME_SAMPLES: Final = SAMPLE_RATE_HZ * FRAME_MS // 1000
SAMPLE_BYTES: Final = 2
FRAME_BYTES: Final = FRAME_SAMPLES * SAMPLE_BYTES
SILENT_FRAME: Final = bytes(FRAME_BYTES)
CLIENT_RATES_HZ: Final = (8_000, 16_000, 24_000, 48_000)
"""Sample rates a client may speak and listen in: 48 kHz divided by a whole number."""


def frame_bytes(rate_hz: int) -> int:
    """Bytes of one 20 ms mono s16 frame at `rate_hz`."""
    return rate_hz * FRAME_MS // 1000 * SAMPLE_BYTES


def split_frames(pcm: bytes, size: int = FRAME_BYTES) -> Iterator[bytes]:
    """Whole frames of `pcm` (its length must be a multiple of `size`), in order."""
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]


def ms_of(samples: int, rate_hz: int = SAMPLE_RATE_HZ) -> float:
    """Duration of `samples` in milliseconds."""
    return samples * 1000 / rate_hz


def samples_of(ms: float, rate_hz: int = SAMPLE_RATE_HZ) -> int:
    """Samples in `ms` milliseconds, rounded down."""
    return int(ms * rate_hz / 1000)
