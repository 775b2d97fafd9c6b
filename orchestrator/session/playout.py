"""When each frame of an utterance goes out, and how far it has been played. Pure: time comes as an argument.

Frame i is due `lead_ms` before its place on an absolute schedule that starts when the first frame goes out; sleeping too long is
made up for, so nothing drifts. Without acknowledgements the schedule is also the best guess of what has been played. When the worker
falls behind and the client runs dry, the schedule moves by the gap: that is an underrun, and it is counted.
"""

from __future__ import annotations

from orchestrator.session.ledger import Ledger
from parley.audio import FRAME_MS, ms_of, samples_of


class Playout:
    """The schedule of one utterance's ledger."""

    def __init__(self, ledger: Ledger, lead_ms: float) -> None:
        self.ledger = ledger
        self.not_before_ms = 0.0
        """The first frame goes out no sooner: the turn it answers may still go on."""
        self.underruns = 0
        self.late_ms = 0.0
        """How much later than it was due the last frame went out."""
        self._lead_ms = lead_ms
        self._zero_ms: float | None = None  # when sample 0 is played
        self._dry_since_ms: float | None = None
        self._held_since_ms: float | None = None

    def hold(self, now_ms: float) -> None:
        """The client has been told to pause: nothing is due, nothing is being played."""
        self._held_since_ms = now_ms

    def go_on(self, now_ms: float) -> float:
        """The client goes on with the very next sample: the schedule moves by the gap, which is returned in ms."""
        if self._held_since_ms is None:
            return 0.0
        gap_ms, self._held_since_ms = now_ms - self._held_since_ms, None
        if self._zero_ms is not None:
            self._zero_ms += gap_ms
        if self._dry_since_ms is not None:
            self._dry_since_ms += gap_ms
        return gap_ms

    def due(self, now_ms: float) -> int:
        """How many frames are to be sent now; call until it says 0 or, to bound a burst, take what it says."""
        ledger = self.ledger
        if self._held_since_ms is not None:
            return 0
        if not ledger.waiting:
            self._note_dryness(now_ms)
            return 0
        if self._zero_ms is None:
            if now_ms < self.not_before_ms:
                return 0
            self._zero_ms = now_ms
        elif self._dry_since_ms is not None:
            self._end_dryness(now_ms)
        ahead_ms = self._zero_ms + ledger.sent_ms - now_ms
        self.late_ms = max(0.0, -self._lead_ms - ahead_ms) if ledger.sent_samples else 0.0
        return max(0, min(ledger.waiting, int((self._lead_ms - ahead_ms) // FRAME_MS) + 1))

    def _note_dryness(self, now_ms: float) -> None:
        if self._zero_ms is None or self.ledger.complete or self._dry_since_ms is not None:
            return
        if now_ms >= self._zero_ms + self.ledger.sent_ms:
            self._dry_since_ms = self._zero_ms + self.ledger.sent_ms

    def _end_dryness(self, now_ms: float) -> None:
        assert self._dry_since_ms is not None
        assert self._zero_ms is not None
        self._zero_ms += now_ms - self._dry_since_ms
        self._dry_since_ms = None
        self.underruns += 1

    @property
    def started(self) -> bool:
        """Whether the first frame has gone out."""
        return self._zero_ms is not None

    @property
    def next_ms(self) -> float:
        """When the next frame to go out is played, by the schedule; only after `started`."""
        assert self._zero_ms is not None
        return self._zero_ms + self.ledger.sent_ms

    def dry_ms(self, now_ms: float) -> float:
        """How long the client has had nothing to play although the utterance is not over."""
        return 0.0 if self._dry_since_ms is None else now_ms - self._dry_since_ms

    def played_samples(self, now_ms: float) -> int:
        """How far the user has heard it."""
        if self._zero_ms is None:
            return 0
        until_ms = min(at_ms for at_ms in (now_ms, self._dry_since_ms, self._held_since_ms) if at_ms is not None)
        return self.ledger.played_samples(max(0, samples_of(until_ms - self._zero_ms)))

    def played_ms(self, now_ms: float) -> float:
        """The same in milliseconds."""
        return ms_of(self.played_samples(now_ms))

    def finished(self, now_ms: float) -> bool:
        """All of it has been sent, and by the schedule also played."""
        return (
            self._held_since_ms is None
            and self.ledger.exhausted
            and (self._zero_ms is None or now_ms >= self._zero_ms + self.ledger.sent_ms)
        )
