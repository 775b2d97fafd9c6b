"""What a voice detector is: one frame in, is it speech?"""

from __future__ import annotations

from typing import Protocol


class Vad(Protocol):
    """Decides frame by frame; keeps the state of one session, is called from one thread, never waits."""

    def is_speech(self, frame: bytes) -> bool:
        """Whether this 20 ms, 48 kHz frame (1920 bytes) holds voice."""
