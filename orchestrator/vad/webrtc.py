"""WebRTC's detector behind a 48 -> 16 kHz decimator. 10 us a frame, a quarter of a millisecond of delay."""

from __future__ import annotations

import webrtcvad

from orchestrator.audio import Decimator

_RATE_HZ = 16_000


class WebrtcVad:
    """`mode` 0 (lets much through) to 3 (strict)."""

    def __init__(self, mode: int) -> None:
        self._decimator = Decimator(48_000 // _RATE_HZ)
        self._vad = webrtcvad.Vad(mode)

    def is_speech(self, frame: bytes) -> bool:
        """Stateful: it learns noise of its own from the frames that it is asked about."""
        voiced: bool = self._vad.is_speech(self._decimator.push(frame), _RATE_HZ)
        return voiced
