"""The numbers that the machine goes by, all in milliseconds. Where each comes from: `orchestrator/settings.py`."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.session.turn_taking import SilenceRules
from orchestrator.session.verdict import VerdictRules


@dataclass(frozen=True, slots=True)
class Rules:
    """One session's rules."""

    silence: SilenceRules = field(default_factory=SilenceRules)
    """Silence that ends a turn."""
    turn_limit_ms: float = 60_000
    """A turn longer than this is answered as it stands."""
    transcript_ms: float = 3_000
    """Longest wait for a final transcript."""
    first_audio_ms: float = 5_000
    """Longest wait for the first frame after the first text went to the synthesizer."""
    idle_ms: float = 300_000
    """A session in which nothing happens for so long ends."""
    duration_ms: float = 3_600_000
    """A session ends after so long."""
    messages: int = 0
    """A session ends after so many exchanges; 0: after any number."""
    announce_ms: float = 30_000
    """The end by time is announced so long before."""
    announce_messages: int = 3
    """The end by exchanges is announced from so many on."""
    lead_ms: float = 60
    """How far audio is sent ahead of its place."""
    history_entries: int = 200
    """The oldest entries of a longer history are forgotten."""
    verdict: VerdictRules = field(default_factory=VerdictRules)
    """What makes a sound over the agent's speech an interruption."""
