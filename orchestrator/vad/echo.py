"""Is it only the agent's own voice that the microphone hears? An echo gate on the levels of frames. Pure; not an echo canceller.

It knows when each frame that was sent is played, by the schedule, and how loud. Echo can only add to what the microphone hears: so for
the true delay the microphone is never much below `reference + coupling`, and for any other delay it sometimes is, when the agent's
loud moments meet its quiet ones. For each delay a low expectile of `microphone - reference` over the loud frames is therefore kept:
the greatest of them tells delay and coupling together, and nothing has to be detected. What follows from it:
    a client that cancels its echo    the bound falls to nothing with the agent's first words, and the gate stands open
    the user speaks over the echo     only adds: the low expectile hardly moves
    the first half second             a delay that has not been seen yet may explain anything, so the gate errs on the side of the agent
Delay and coupling stay what they are for the whole session.
"""

from __future__ import annotations

from math import log10
from typing import Final

import numpy as np
from numpy.typing import NDArray

from parley.audio import FRAME_MS

SILENCE_DBFS: Final = -100.0
_LAGS: Final = 24  # 0 to 460 ms
_RING: Final = 512  # slots of 20 ms
_LOUD_DB: Final = 12.0
"""Frames this far below the agent's peaks teach nothing: the room's own noise covers their echo."""
_FIRST_GUESS_DB: Final = -16.0
"""The coupling of a delay that has not been seen: a loud loudspeaker without echo cancellation. A user as loud as the agent is above it."""
_ACTIVE_DBFS: Final = -55.0
_FIRST_PEAK_DBFS: Final = -30.0
_DOWN: Final = 0.15
_UP: Final = 0.03
_UP_UNEXPLAINED: Final = 0.004
"""Louder than expected is rather the user than a loudspeaker that was turned up."""
_RIVAL_DB: Final = 2.5
"""Delays within this of the best explain too: the true one lies between two frames."""
_SETTLED: Final = 150
_LOOK_EVERY: Final = 4
"""After so many loud frames delay and coupling are known, and a look now and then is enough."""
_TAIL_DB: Final = 1.5
"""How much a room's echo falls from frame to frame at least (reverberation of 0.8 s)."""
_MASKED_DB: Final = 12.0
_PEAK_FALL_DB: Final = 0.02


class EchoGate:
    """What one session's microphone hears of the agent."""

    def __init__(self, margin_db: float) -> None:
        self._margin_db = margin_db
        self._reference = np.full(2 * _RING, SILENCE_DBFS, np.float32)  # twice the ring, so that any stretch lies in one piece
        self._coupling = np.full(_LAGS, _FIRST_GUESS_DB, np.float32)  # the last entry is delay 0
        self._plausible = self._coupling.copy()  # the same, and next to nothing where the delay is out of question
        self._latest = 0  # the highest slot that is valid
        self._last_active = -_RING
        self._peak_dbfs = _FIRST_PEAK_DBFS
        self._tail_dbfs = SILENCE_DBFS
        self._held: list[float] = []
        self._frames = 0
        self._seen = 0

    # ---------- the agent's side ----------

    def sent(self, level_dbfs: float, at_ms: float) -> None:
        """A frame of the agent's, and when it is to be played."""
        slot = int(at_ms // FRAME_MS)
        self._advance(slot)
        if slot > self._latest - _RING:
            self._put(slot, level_dbfs)
        self._peak_dbfs = max(level_dbfs, self._peak_dbfs - _PEAK_FALL_DB)

    def hold(self, now_ms: float) -> None:
        """The client pauses: what was sent for later is not played now."""
        now = int(now_ms // FRAME_MS)
        self._held = [float(self._reference[slot % _RING]) for slot in range(now + 1, self._latest + 1)]
        self.cut(now_ms)

    def go_on(self, now_ms: float) -> None:
        """The client plays on."""
        for number, level_dbfs in enumerate(self._held, int(now_ms // FRAME_MS) + 1):
            self._advance(number)
            self._put(number, level_dbfs)
        self._held = []

    def cut(self, now_ms: float) -> None:
        """The client throws away what it has not played."""
        for slot in range(int(now_ms // FRAME_MS) + 1, self._latest + 1):
            self._put(slot, SILENCE_DBFS)

    # ---------- the microphone's side ----------

    def explains(self, level_dbfs: float, at_ms: float, floor_dbfs: float = SILENCE_DBFS, *, quiet: bool = False) -> bool:
        """Whether a microphone frame of this level, now, may be the agent's voice alone; there is noise of `floor_dbfs` in it anyway.

        A `quiet` frame needs no explanation, but most of them are what teaches that there is no echo.
        """
        self._frames += 1
        look = self._seen < _SETTLED or self._frames % _LOOK_EVERY == 0
        if quiet and not look:
            self._tail_dbfs -= _TAIL_DB
            return False
        slot = int(at_ms // FRAME_MS)
        self._advance(slot)
        if slot - self._last_active > _LAGS:
            self._tail_dbfs = SILENCE_DBFS
            return False
        at = slot % _RING + _RING
        reference = self._reference[at - _LAGS + 1 : at + 1]
        expected = float((reference + self._plausible).max())
        self._tail_dbfs = expected = max(expected, self._tail_dbfs - _TAIL_DB)
        explained = level_dbfs <= expected + self._margin_db
        if look:
            self._learn(_above(level_dbfs, floor_dbfs), reference, _UP if explained else _UP_UNEXPLAINED)
        return explained

    @property
    def coupling_db(self) -> float:
        """How much of the agent comes back (a low estimate)."""
        return float(self._coupling.max())

    @property
    def delay_ms(self) -> int:
        """After how long."""
        return (_LAGS - 1 - int(self._coupling.argmax())) * FRAME_MS

    def _learn(self, level_dbfs: float, reference: NDArray[np.float32], up: float) -> None:
        loud = reference > self._peak_dbfs - _LOUD_DB
        if not loud.any():
            return
        if self._seen < _SETTLED:
            self._seen += 1
        else:
            up *= _LOOK_EVERY
        excess = level_dbfs - reference - self._coupling
        coupling = self._coupling
        coupling += np.where(excess < 0, _DOWN, up) * excess * loud
        self._plausible = np.where(coupling >= coupling.max() - _RIVAL_DB, coupling, SILENCE_DBFS)

    # ---------- the ring ----------

    def _advance(self, slot: int) -> None:
        if slot > self._latest:
            for stale in range(max(self._latest + 1, slot - _RING + 1), slot + 1):
                self._reference[stale % _RING] = self._reference[stale % _RING + _RING] = SILENCE_DBFS
            self._latest = slot

    def _put(self, slot: int, level_dbfs: float) -> None:
        self._reference[slot % _RING] = self._reference[slot % _RING + _RING] = level_dbfs
        if level_dbfs > _ACTIVE_DBFS:
            self._last_active = max(self._last_active, slot)


def _above(level_dbfs: float, floor_dbfs: float) -> float:
    """The level without the noise: what lies in it is far below it."""
    over_db = level_dbfs - floor_dbfs
    return level_dbfs - _MASKED_DB if over_db < 3.0 else level_dbfs + 10 * log10(1 - 10 ** (-over_db / 10))
