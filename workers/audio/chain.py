"""What every sample of speech passes through on its way out: engine rate to 48 kHz, the voice's fixed gain, the limiter, 16 bits."""

from __future__ import annotations

from workers.audio.loudness import Limiter
from workers.audio.resample import Resampler, to_s16


class SpeechChain:
    """One segment's audio. Any chunking of the input gives the same bytes."""

    __slots__ = ("_limiter", "_resampler")

    def __init__(self, rate_hz: int, gain_db: float = 0.0) -> None:
        self._resampler = Resampler(rate_hz)
        self._limiter = Limiter(gain_db)

    def push(self, pcm: bytes, last: bool = False) -> bytes:
        """48 kHz s16le that is ready now; all that is left with `last`, after which the chain is used up."""
        return to_s16(self._limiter.push(self._resampler.push(pcm, last), last))
