"""All that stands between a microphone frame and a speech edge, cheapest first. One per session; no clock of its own, never waits.

    level        frames below a fixed floor are never speech
    noise gate   ... nor frames that do not rise above the noise floor (`noise.py`). By how much depends on who has the floor
    echo gate    ... nor what the agent's own voice explains (`echo.py`)
    own level    ... nor, over the agent, what is much quieter than this user's own turns have been: somebody across the room
    detector     what is left is asked about: `webrtc.py` or `silero.py`
    voicing      over the agent, a sound must have a pitch to begin with, or last (`voicing.py`): coughs, doors and keys have none
    speech gate  single frames become edges (`gate.py`)

Each gate only ever says no, so an interruption is what passes all of them. The last two stand over the agent's speech alone: there a
false alarm is heard as a gap, while in a turn a missed first consonant would be a lost word.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from orchestrator.audio import level_dbfs
from orchestrator.transports.protocol import PublicState
from orchestrator.vad.api import Vad
from orchestrator.vad.echo import EchoGate
from orchestrator.vad.gate import Edge, SpeechGate
from orchestrator.vad.noise import NoiseFloor
from orchestrator.vad.voicing import Voicing
from parley.audio import FRAME_MS

MULTIPLIER_DB: Final[dict[PublicState, float]] = {"SPEAKING": 6.0, "BARGED_IN": 1.6}
"""What is added to the noise gate's margin: 2.0 and 1.2 times the amplitude. All other states: nothing."""
_OVER_AGENT: Final = frozenset({"SPEAKING", "BARGED_IN"})
_OWN_KNOWN: Final = 25
_OWN_UP: Final = 0.03
_OWN_DOWN: Final = 0.01
_CLOCK_GAIN: Final = 0.02
_CLOCK_JUMP_MS: Final = 120.0


@dataclass(frozen=True, slots=True)
class EarOptions:
    """What the gates go by; None takes a gate away."""

    min_level_dbfs: float = -52.0
    start_ms: int = 100
    barge_in_start_ms: int = 60
    stop_ms: int = 200
    noise_margin_db: float | None = 4.0
    state_multipliers: bool = True
    echo_margin_db: float | None = 10.0
    own_level_db: float | None = 10.0
    voicing: float | None = 0.7


class Ear:
    """One session's microphone."""

    def __init__(self, vad: Vad, options: EarOptions) -> None:
        self._vad = vad
        self._options = options
        self._gate = SpeechGate(options.stop_ms)
        self._noise = NoiseFloor()
        self._echo = None if options.echo_margin_db is None else EchoGate(options.echo_margin_db)
        self._voicing = None if options.voicing is None else Voicing(options.voicing)
        self._own_dbfs = 0.0
        self._own_frames = 0
        self._clock_ms: float | None = None

    # ---------- the microphone ----------

    def push(self, frame: bytes, now_ms: float, state: PublicState) -> Edge | None:
        """The next 20 ms, and who has the floor meanwhile."""
        at_ms = self._tick(now_ms)
        level = level_dbfs(frame)
        over_agent = state in _OVER_AGENT
        speech = self._is_speech(frame, level, at_ms, state, over_agent)
        if speech and not over_agent and self._gate.talking:
            self._note_own(level)
        options = self._options
        if not over_agent:
            return self._gate.push(speech, options.start_ms)
        sure = self._voicing is None or self._gate.talking or self._voicing.push(frame, level, speech)
        edge = self._gate.push(speech, options.barge_in_start_ms, sure)
        if edge is Edge.STOPPED and self._voicing is not None:
            self._voicing.forget()
        return edge

    @property
    def start_ms(self) -> int:
        """The speech that had passed when STARTED was reported."""
        return self._gate.start_ms

    @property
    def stop_ms(self) -> int:
        """The silence that had passed when STOPPED was reported."""
        return self._gate.stop_ms

    @property
    def talking(self) -> bool:
        """Between STARTED and STOPPED."""
        return self._gate.talking

    def accept_noise(self) -> None:
        """The sound that is going on was found to be none of the user's: it is not asked about again until something rises above it."""
        self._noise.accept()

    # ---------- the agent ----------

    def sent(self, frame: bytes, at_ms: float) -> None:
        """A frame of the agent's that is played at `at_ms`, by the schedule."""
        if self._echo is not None:
            self._echo.sent(level_dbfs(frame), at_ms)

    def hold(self, now_ms: float) -> None:
        """The client pauses."""
        if self._echo is not None:
            self._echo.hold(now_ms)

    def go_on(self, now_ms: float) -> None:
        """The client plays on."""
        if self._echo is not None:
            self._echo.go_on(now_ms)

    def cut(self, now_ms: float) -> None:
        """The client throws away what it has not played."""
        if self._echo is not None:
            self._echo.cut(now_ms)

    # ---------- the gates ----------

    def _is_speech(self, frame: bytes, level: float, at_ms: float, state: PublicState, over_agent: bool) -> bool:
        options = self._options
        if options.noise_margin_db is not None:
            margin_db = options.noise_margin_db + (MULTIPLIER_DB.get(state, 0.0) if options.state_multipliers else 0.0)
            quiet = level < options.min_level_dbfs or level < self._noise.floor_dbfs + margin_db
        else:
            quiet = level < options.min_level_dbfs
        echoed = self._echo is not None and self._echo.explains(level, at_ms, self._noise.floor_dbfs, quiet=quiet)
        speech = not (quiet or echoed or (over_agent and self._is_far(level))) and self._vad.is_speech(frame)
        if options.noise_margin_db is not None:
            self._noise.push(level, speech or echoed)
        return speech

    def _is_far(self, level: float) -> bool:
        db = self._options.own_level_db
        return db is not None and self._own_frames >= _OWN_KNOWN and level < self._own_dbfs - db

    def _note_own(self, level: float) -> None:
        """A high expectile of the user's frames: a cough moves it little."""
        self._own_frames += 1
        rate = max(1.0 / self._own_frames, _OWN_UP if level > self._own_dbfs else _OWN_DOWN)
        self._own_dbfs += rate * (level - self._own_dbfs)

    def _tick(self, now_ms: float) -> float:
        """When this frame was heard: arrivals are uneven, the microphone is not."""
        clock_ms = self._clock_ms
        if clock_ms is None or abs(now_ms - clock_ms - FRAME_MS) > _CLOCK_JUMP_MS:
            self._clock_ms = now_ms
        else:
            self._clock_ms = clock_ms + FRAME_MS + _CLOCK_GAIN * (now_ms - clock_ms - FRAME_MS)
        return self._clock_ms
