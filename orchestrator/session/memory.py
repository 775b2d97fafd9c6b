"""What a session is when nothing is under way: the little that outlives a connection."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.responders.api import Said
from orchestrator.session.turn_taking import Patience


@dataclass(frozen=True, slots=True)
class Memory:
    """What was said, how far the numbers have come, what was asked for, and what is known of the user."""

    history: tuple[Said, ...] = ()
    turns: int = 0
    utterances: int = 0
    exchanges: int = 0
    conversed: bool = False
    prompt: str = ""
    patience: Patience | None = None
