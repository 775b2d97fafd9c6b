"""All that a session can want done. The machine returns these, in order; the driver carries them out at once and decides nothing."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.responders.api import ReplyRequest
from orchestrator.session.events import Timer
from orchestrator.session.verdict import Evidence, Ruling
from orchestrator.transports.protocol import ServerMessage
from parley.directory import WorkerKind
from parley.errors import ParleyError


@dataclass(frozen=True, slots=True)
class Send:
    """A message for the client."""

    message: ServerMessage


@dataclass(frozen=True, slots=True)
class StartTimer:
    """(Re)start a timer; it comes back as TimerFired."""

    timer: Timer
    after_ms: float


@dataclass(frozen=True, slots=True)
class CancelTimer:
    """Stop a timer; not running is fine."""

    timer: Timer


@dataclass(frozen=True, slots=True)
class OpenMicrophone:
    """From the pre-roll on, the user's audio goes to the recogniser."""


@dataclass(frozen=True, slots=True)
class Finalize:
    """The turn has ended: no more audio, and the final transcript, please. Comes back as TranscriptDone with this token."""

    token: int


@dataclass(frozen=True, slots=True)
class DiscardSpeech:
    """Close the microphone and forget what the recogniser has of the open segment."""


@dataclass(frozen=True, slots=True)
class StartReply:
    """Ask the responder; its words come back with this utterance id."""

    utterance_id: int
    request: ReplyRequest


@dataclass(frozen=True, slots=True)
class CancelReply:
    """Stop asking; not running is fine."""


@dataclass(frozen=True, slots=True)
class Speak:
    """The next text of an utterance for the synthesizer: a clause, or sentences; its first, or with `end` its last."""

    utterance_id: int
    text: str
    first: bool = False
    end: bool = False


@dataclass(frozen=True, slots=True)
class HoldSpeaking:
    """Silence the client now, and PAUSE the worker: no sample is lost, all of it may go on. The sound began at `onset_ms`."""

    utterance_id: int
    onset_ms: float


@dataclass(frozen=True, slots=True)
class GoOnSpeaking:
    """RESUME the worker, and the client with the sample after the last one played, `gap_ms` after the pause."""

    utterance_id: int
    gap_ms: float


@dataclass(frozen=True, slots=True)
class Ruled:
    """A verdict on the user's sound over the agent's speech, for logs and metrics."""

    ruling: Ruling
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class StopSpeaking:
    """Cut the client's sound now, and STOP the worker: the utterance's epoch is dead. `unheard_ms` of its audio was made for nothing."""

    utterance_id: int
    unheard_ms: float


@dataclass(frozen=True, slots=True)
class DropWorker:
    """This worker does not deliver: leave it, as if it were lost, and find another."""

    kind: WorkerKind
    error: ParleyError


@dataclass(frozen=True, slots=True)
class SetRate:
    """Speak `factor` times as fast from the next utterance on."""

    factor: float


@dataclass(frozen=True, slots=True)
class Terminate:
    """The session is over; `error` says with which close code, none is a clean end."""

    reason: str
    error: ParleyError | None = None


Action = (
    Send | StartTimer | CancelTimer | OpenMicrophone | Finalize | DiscardSpeech | StartReply | CancelReply | Speak | HoldSpeaking
    | GoOnSpeaking | Ruled | StopSpeaking | DropWorker | SetRate | Terminate
)  # fmt: skip
