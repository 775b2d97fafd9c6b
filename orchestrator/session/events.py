"""All that can happen to a session. Frozen values; `at_ms` is the session's monotonic clock where the moment matters.

Events that belong to one turn or utterance carry its id, so that the machine can drop the late ones in one place.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from orchestrator.responders.api import Act
from parley.errors import ParleyError


class Timer(Enum):
    """The session's timers; one of each at a time."""

    TURN_END = "turn_end"
    TURN_LIMIT = "turn_limit"
    TRANSCRIPT = "transcript"
    FIRST_AUDIO = "first_audio"
    VERDICT = "verdict"
    IDLE_NOTICE = "idle_notice"
    IDLE = "idle"
    DURATION_NOTICE = "duration_notice"
    DURATION = "duration"


@dataclass(frozen=True, slots=True)
class Connected:
    """The client is there and the session begins, or goes on `used_ms` after it began."""

    used_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """The VAD says that the user has been speaking since `began_ms`."""

    at_ms: float
    began_ms: float


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    """The VAD says that the user has been silent since `silent_since_ms`."""

    at_ms: float
    silent_since_ms: float


@dataclass(frozen=True, slots=True)
class Heard:
    """A hypothesis of the recogniser for the open segment. `final`: this segment's text will not change, another may follow."""

    text: str
    final: bool
    at_ms: float


@dataclass(frozen=True, slots=True)
class TranscriptDone:
    """The recogniser has answered FINALIZE number `token`: all finals of the turn are in."""

    token: int
    at_ms: float


@dataclass(frozen=True, slots=True)
class SttLost:
    """The recogniser's worker is gone; the open segment goes to the next one."""

    error: ParleyError


@dataclass(frozen=True, slots=True)
class ReplyPiece:
    """The responder's next words for an utterance."""

    utterance_id: int
    text: str
    at_ms: float


@dataclass(frozen=True, slots=True)
class ReplyAct:
    """Something the responder wants done."""

    utterance_id: int
    act: Act


@dataclass(frozen=True, slots=True)
class ReplyDone:
    """The responder has said all."""

    utterance_id: int
    at_ms: float


@dataclass(frozen=True, slots=True)
class ReplyFailed:
    """The responder gave up."""

    utterance_id: int
    error: ParleyError
    at_ms: float


@dataclass(frozen=True, slots=True)
class Audible:
    """The first frame of an utterance has gone out to the client."""

    utterance_id: int
    at_ms: float


@dataclass(frozen=True, slots=True)
class Played:
    """The last frame of an utterance has been played."""

    utterance_id: int
    at_ms: float
    played_ms: float


@dataclass(frozen=True, slots=True)
class SpeechFailed:
    """An utterance cannot be spoken (further): its worker is gone or its engine failed."""

    utterance_id: int
    error: ParleyError
    at_ms: float


@dataclass(frozen=True, slots=True)
class Typed:
    """The client sent a turn as text."""

    text: str
    at_ms: float


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The client pressed the button."""

    at_ms: float


@dataclass(frozen=True, slots=True)
class Prompted:
    """The client set the responder's instruction."""

    prompt: str


@dataclass(frozen=True, slots=True)
class RecordingBegun:
    """A whole recording is being worked on, beside the live conversation."""


@dataclass(frozen=True, slots=True)
class RecordingDone:
    """It is done; both sides become history where there was an answer."""

    user: str
    agent: str


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A timer that `StartTimer` set."""

    timer: Timer
    at_ms: float


@dataclass(frozen=True, slots=True)
class Leave:
    """The session is over from outside: `client_left`, `goodbye`, `drain`, `bad_messages`."""

    reason: str
    error: ParleyError | None = None


@dataclass(frozen=True, slots=True)
class Gone:
    """The connection is lost (`connection_lost`, `slow_client`, `taken_over`); the client may come back, to another machine."""

    reason: str
    at_ms: float
    error: ParleyError | None = None


Event = (
    Connected | SpeechStarted | SpeechStopped | Heard | TranscriptDone | SttLost | ReplyPiece | ReplyAct | ReplyDone | ReplyFailed
    | Audible | Played | SpeechFailed | Typed | Interrupted | Prompted | RecordingBegun | RecordingDone | TimerFired | Leave
    | Gone
)  # fmt: skip
