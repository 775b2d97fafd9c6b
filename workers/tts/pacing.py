"""How fast frames may leave: by the worker's clock (LEAD), by the client's credit (CREDIT), or as they come (UNPACED). Pure.

LEAD keeps one number, the horizon: when the client will have played all that was emitted, if it plays without a pause. Emission may
run `lead_us` ahead of that. A pause stops the clock: the horizon moves with it, so a RESUME grants no new lead.
"""

from __future__ import annotations

from typing import Final

from parley.audio import FRAME_MS
from parley.v1 import tts_pb2

FRAME_US: Final = FRAME_MS * 1000
UNBOUNDED: Final = 1 << 30


class Pacer:
    """The emission clock of one session."""

    def __init__(self, pacing: int, lead_ms: int, max_frames_per_message: int) -> None:
        self.by_lead = pacing == tts_pb2.PACING_LEAD
        self.by_credit = pacing == tts_pb2.PACING_CREDIT
        self._lead_us = lead_ms * 1000
        self.batch = min(max_frames_per_message, max(1, lead_ms // FRAME_MS // 2)) if self.by_lead else 1
        """Frames worth waiting for: fewer messages, as long as half of the lead stays with the client."""
        self._horizon_us = 0
        self._paused_ahead_us: int | None = None
        self._allow_through_seq = 0
        self._played_out_us: int | None = None  # CREDIT: since when the client has had nothing left to play

    def allowed(self, last_seq: int, now_us: int) -> int:
        """Frames that may leave now."""
        if self._paused_ahead_us is not None:
            return 0
        if self.by_lead:
            return max(0, (self._lead_us - self.ahead_us(now_us)) // FRAME_US)
        return max(0, self._allow_through_seq - last_seq) if self.by_credit else UNBOUNDED

    def when(self, frames: int) -> int | None:
        """When `frames` may leave; None if no clock will tell."""
        return self._horizon_us + frames * FRAME_US - self._lead_us if self.by_lead else None

    def emitted(self, frames: int, now_us: int) -> None:
        """`frames` have left."""
        self._horizon_us = max(self._horizon_us, now_us) + frames * FRAME_US
        self._played_out_us = None

    def late_us(self, now_us: int) -> int:
        """For how long the client has had nothing to play: by its clock in LEAD, as it says itself in CREDIT."""
        if self.by_credit:
            return now_us - self._played_out_us if self._played_out_us is not None else 0
        return max(0, now_us - self._horizon_us) if self.by_lead else 0

    def ahead_us(self, now_us: int) -> int:
        """How much the client has still to play."""
        return max(0, self._horizon_us - now_us)

    def credit(self, allow_through_seq: int) -> None:
        """Absolute, so that a repeated or late one does no harm."""
        self._allow_through_seq = max(self._allow_through_seq, allow_through_seq)

    def played(self, played_seq: int, last_seq: int, now_us: int) -> None:
        """The client has played through `played_seq`."""
        if played_seq >= last_seq and self._played_out_us is None:
            self._played_out_us = now_us

    def pause(self, now_us: int) -> None:
        """Stop the clock."""
        self._paused_ahead_us = self.ahead_us(now_us)

    def resume(self, now_us: int) -> None:
        """Go on where it stopped."""
        if self._paused_ahead_us is not None:
            self._horizon_us = now_us + self._paused_ahead_us
            self._paused_ahead_us = None

    def restart(self) -> None:
        """The client has thrown away what it had: the next audio gets the full lead. A pause goes on."""
        self._horizon_us = 0
        self._paused_ahead_us = 0 if self._paused_ahead_us is not None else None
        self._played_out_us = None
