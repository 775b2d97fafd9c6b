"""What a transport is for a session: a way to the client. The other way, the transport calls the session.

All methods are called from the event loop, never wait, and never raise for a client that is gone. Audio is always 20 ms frames of
48 kHz; a transport that speaks another rate converts.
"""

from __future__ import annotations

from typing import Protocol

from orchestrator.transports.protocol import ServerMessage
from parley.errors import ParleyError


class Transport(Protocol):
    """The way to one client."""

    def send(self, message: ServerMessage) -> None:
        """A message, in order with the audio."""

    def send_audio(self, frame: bytes) -> None:
        """The next frame to play (1920 bytes)."""

    def hold(self, utterance_id: int) -> None:
        """Silence, now, and nothing lost: what was sent and has not been played waits for `go_on` or `cut`."""

    def go_on(self, utterance_id: int) -> None:
        """Play on with the very next sample."""

    def cut(self, utterance_id: int) -> None:
        """Silence, now: whatever of this utterance was sent and has not been played is thrown away."""

    def close(self, error: ParleyError | None) -> None:
        """Nothing more will come; the error says with which code."""
