"""What a responder is: the user's words in, the agent's words out, as a stream.

A responder keeps no state of a conversation: everything it may need stands in the request, so one instance serves all sessions.
It never speaks of audio. Replies are cancelled by closing the iterator; whatever it raises ends this reply with RESPONDER_FAILED.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class Said:
    """One entry of the history. For the agent, `text` is what the user really heard and `meant` all that the agent had to say."""

    role: Literal["user", "agent"]
    text: str
    meant: str = ""
    interrupted: bool = False


@dataclass(frozen=True, slots=True)
class ReplyRequest:
    """One turn to answer. `history` ends before this turn; `prompt` is the client's own instruction, or ""."""

    session_id: str
    turn_id: int
    text: str
    history: tuple[Said, ...] = ()
    language: str = "en"
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class SetSpeed:
    """Speak from now on `factor` times as fast as now (bounded by the session to 0.5 ... 2.0 of the voice's own speed)."""

    factor: float


@dataclass(frozen=True, slots=True)
class EndConversation:
    """When this reply has been played, the session ends."""


Act = SetSpeed | EndConversation


class Responder(Protocol):
    """Turns what the user said into what the agent says."""

    def reply(self, request: ReplyRequest) -> AsyncIterator[str | Act]:
        """Pieces of text, in order, to be spoken as they come (joined without separators), and acts. May be empty."""

    async def close(self) -> None:
        """Give back connections; called once, at the process's end."""
