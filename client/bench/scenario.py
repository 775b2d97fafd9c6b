"""What a caller means to do: an endless plan of turns, the same for the same seed, whatever the server does.

A plan says what is spoken, after which pause, and whether the answer is talked over. It keeps no time; the caller carries it out.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Habits:
    """How the callers of a load behave; ranges are drawn from evenly."""

    barge_in_share: float = 0.4
    """Part of the answers that are talked over."""
    pause_ms: tuple[int, int] = (300, 1000)
    """Between the end of an answer and the next word."""
    barge_in_after_ms: tuple[int, int] = (800, 2500)
    """Between an answer's first frame and the word that interrupts it."""
    first_within_ms: int = 3000
    """The first word comes within this time, so that the callers do not talk in step."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Speak recording `clip` after `pause_ms` (no pause if the turn itself interrupts), then listen.

    `barge_in_after_ms`: the *next* turn begins that long after this turn's answer did; None hears the answer to its end.
    """

    clip: int
    pause_ms: int
    barge_in_after_ms: int | None


def turns(seed: int, session: int, clips: int, habits: Habits) -> Iterator[Turn]:
    """The plan of the session numbered `session`; `clips` is how many recordings there are."""
    chance = random.Random(f"{seed}/{session}")
    pause_ms = chance.randint(0, habits.first_within_ms)
    while True:
        barge_in = chance.random() < habits.barge_in_share
        after_ms = chance.randint(*habits.barge_in_after_ms)
        yield Turn(chance.randrange(clips), pause_ms, after_ms if barge_in else None)
        pause_ms = chance.randint(*habits.pause_ms)
