"""What the machine tells the client, where it takes more than a constructor: errors, verdicts, and why a state has changed."""

from __future__ import annotations

from typing import Final

from orchestrator.session import events as ev
from orchestrator.session.verdict import Evidence, Ruling
from orchestrator.transports.protocol import Error, PublicState, Verdict
from parley.errors import ParleyError


def error(error: ParleyError) -> Error:
    """A failure that the session survives."""
    return Error(code=error.reason, message=error.message, retryable=error.row.retryable, retry_after_ms=error.retry_after_ms)


def verdict(utterance_id: int, ruling: Ruling, evidence: Evidence) -> Verdict:
    """What a sound over the agent's speech was taken for."""
    return Verdict.model_validate(
        {
            "utterance_id": utterance_id,
            "verdict": ruling.verdict.value,
            "reason": ruling.reason,
            "after_ms": round(evidence.elapsed_ms, 1),
            "speech_ms": round(evidence.speech_ms, 1),
        }
    )


def reason(event: ev.Event, before: PublicState, now: PublicState) -> str:
    """Why the state has changed, in one word."""
    if now == "BARGED_IN":
        return "barge_in"
    if before == "BARGED_IN" and now in ("SPEAKING", "LISTENING"):
        return "resumed" if now == "SPEAKING" else "interruption"
    return _REASONS.get(type(event), "")


_REASONS: Final[dict[type, str]] = {
    ev.Connected: "connected",
    ev.SpeechStarted: "speech",
    ev.SpeechStopped: "turn_end",
    ev.TimerFired: "turn_end",
    ev.TranscriptDone: "empty_turn",
    ev.ReplyDone: "empty_reply",
    ev.ReplyFailed: "failed",
    ev.Audible: "first_audio",
    ev.Played: "played",
    ev.SpeechFailed: "failed",
    ev.Typed: "typed",
    ev.Interrupted: "interrupted",
}
