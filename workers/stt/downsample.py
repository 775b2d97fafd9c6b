"""48 kHz down to what an engine wants: the same output for any chunking of the input."""

from __future__ import annotations

from workers.audio.resample import Resampler, to_s16


class Downsample:
    """One run of s16le mono audio without a break; after `flush` it is used up."""

    def __init__(self, in_hz: int, out_hz: int) -> None:
        self._same = in_hz == out_hz
        self._resampler = Resampler(in_hz, out_hz)

    def push(self, pcm: bytes) -> bytes:
        """What can be said so far; the filter holds some milliseconds back."""
        return pcm if self._same else to_s16(self._resampler.push(pcm))

    def flush(self) -> bytes:
        """The rest."""
        return b"" if self._same else to_s16(self._resampler.push(b"", last=True))
