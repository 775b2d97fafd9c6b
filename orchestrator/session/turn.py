"""What the machine knows of the turn and of the utterance under way: data that lives only as long as they do."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.responders.clauses import ClauseSplitter
from orchestrator.session.actions import Action
from orchestrator.session.ledger import Ledger
from orchestrator.session.playout import Playout
from orchestrator.transports.protocol import Latency


@dataclass(slots=True)
class Turn:
    """The user's stretch of talk. Its text is the finals of its segments and the open segment's last partial."""

    turn_id: int
    finals: list[str] = field(default_factory=list)
    partial: str = ""
    token: int = 0
    """Number of the FINALIZE that is waited for."""
    speech_end_ms: float = 0.0
    turn_end_ms: float = 0.0
    transcript_ms: float | None = None
    first_text_ms: float | None = None

    @property
    def text(self) -> str:
        """All that is known of what was said."""
        return " ".join(part for part in (*self.finals, self.partial) if part)

    def hear(self, text: str, final: bool) -> None:
        """Take a hypothesis of the open segment."""
        if final:
            self.finals.append(text.strip())
            self.partial = ""
        else:
            self.partial = text.strip()

    def latency(self, first_audio_ms: float | None) -> Latency:
        """Where the time went, from the end of speech."""

        def since(at_ms: float | None) -> float | None:
            return None if at_ms is None else round(at_ms - self.speech_end_ms, 1)

        return Latency(
            turn_id=self.turn_id,
            turn_end_ms=round(self.turn_end_ms - self.speech_end_ms, 1),
            transcript_ms=since(self.transcript_ms),
            first_text_ms=since(self.first_text_ms),
            first_audio_ms=since(first_audio_ms),
        )


@dataclass(slots=True)
class Utterance:
    """One spoken reply under way: its text as far as it is known, and its audio's ledger and schedule."""

    utterance_id: int
    turn_id: int
    playout: Playout
    splitter: ClauseSplitter = field(default_factory=ClauseSplitter)
    text: str = ""
    spoken: bool = False
    """Some of it has been handed to the synthesizer."""
    ended: bool = False
    """The responder has said all."""
    last_words: bool = False
    """The session ends when this has been played."""
    drafts: list[Action] = field(default_factory=list)
    """What is told and done only if the answer stands: the turn it answers may still go on."""
    told: bool = False
    """The client has been told of it."""

    @property
    def ledger(self) -> Ledger:
        return self.playout.ledger

    def heard_text(self, at_ms: float) -> str:
        """The prefix of the text that the user has heard by now."""
        return self.text[: self.ledger.heard_chars(self.playout.played_samples(at_ms))].strip()
