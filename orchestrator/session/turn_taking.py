"""How long a silence ends a turn. Pure: from the words so far and the user's own pauses.

People leave 100 to 300 ms between turns, and pause longer than that inside them; one fixed silence is either slow or rude. What was said
tells the two apart: nobody ends a turn on "because" or "the", nor on "um", and a sentence that the recogniser closed is closed. Where the
words tell nothing, the user's own habit does: who pauses long within turns is given longer.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from enum import Enum
from typing import Final

from orchestrator.session import unfinished


class Ending(Enum):
    """How a stretch of words ends."""

    CLOSED = "closed"
    """A sentence that is complete, by its punctuation."""
    OPEN = "open"
    """It can hardly end here."""
    HESITATING = "hesitating"
    """The user is thinking aloud."""
    UNKNOWN = "unknown"
    """The words do not tell."""


@dataclass(frozen=True, slots=True)
class SilenceRules:
    """Silences in milliseconds that end a turn, by how its words end."""

    closed_ms: float = 300
    unknown_ms: float = 550
    open_ms: float = 1400
    hesitating_ms: float = 1800
    eager_ms: float = 250
    """After so much silence the answer is begun, unheard, and taken back if the user goes on; 0: never before the turn's end."""
    own_pauses: int = 12
    """How many of the user's last pauses within turns count."""


_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*", re.UNICODE)
_CLOSED: Final = re.compile(r"[.!?。！？]['\"”’)\]]*\s*$")
_TRAILING: Final = re.compile(r"(?:,|;|:|-|–|—|\.\.\.|…)\s*$")


def ending(text: str, language: str) -> Ending:
    """How `text` ends."""
    words = _WORD.findall(text.lower())
    if not words:
        return Ending.UNKNOWN
    known = unfinished.of(language)
    if words[-1] in known.hesitations or " ".join(words[-2:]) in known.hesitations:
        return Ending.HESITATING
    if _TRAILING.search(text):
        return Ending.OPEN
    if _CLOSED.search(text):
        return Ending.CLOSED
    if words[-1] in known.openers or " ".join(words[-2:]) in known.openers:
        return Ending.OPEN
    if words[-1] in known.stranded and words[0] not in known.askers:
        return Ending.OPEN
    return Ending.UNKNOWN


class Patience:
    """One user's silences: what a turn's end takes, and what their own pauses have been."""

    def __init__(self, rules: SilenceRules) -> None:
        self._rules = rules
        self._pauses: deque[float] = deque(maxlen=rules.own_pauses)

    def paused(self, ms: float) -> None:
        """The user was silent for so long and then went on with the turn."""
        self._pauses.append(ms)

    def silence_ms(self, text: str, language: str) -> float:
        """The silence after `text` that ends the turn."""
        rules = self._rules
        match ending(text, language):
            case Ending.HESITATING:
                return rules.hesitating_ms
            case Ending.OPEN:
                return rules.open_ms
            case Ending.CLOSED:
                return min(rules.closed_ms, rules.unknown_ms)
            case Ending.UNKNOWN:
                return max(rules.unknown_ms, min(self._habit_ms(), rules.open_ms))

    def begin_ms(self, text: str, language: str) -> float:
        """The silence after which an answer may be begun, unheard."""
        silence_ms = self.silence_ms(text, language)
        eager = self._rules.eager_ms and text and silence_ms < self._rules.open_ms
        return min(self._rules.eager_ms, silence_ms) if eager else silence_ms

    def _habit_ms(self) -> float:
        """A little more than the user's longer pauses; nothing is known from a few."""
        if len(self._pauses) < 3:
            return 0.0
        return 1.2 * sorted(self._pauses)[int(0.8 * (len(self._pauses) - 1))]
