"""Which worker takes a session: a pure choice from what is known. No I/O, no clock, no logs.

A worker is fit when it answers, does not drain, has the model if one is wanted, and is not full. The least loaded goes first, equals in
random order. Workers that failed lately are ejected for a time that doubles with each failure in a row; they come last rather than never,
because a suspect is better than none.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from random import Random
from typing import Final, Literal

EJECT_FIRST_S: Final = 0.5
EJECT_MAX_S: Final = 30.0
TRIES: Final = 3

Unfit = Literal["", "silent", "draining", "model", "full"]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is known of a worker. `max_sessions` 0: it does not say, so it is never taken for full."""

    address: str
    alive: bool = True
    draining: bool = False
    sessions: int = 0
    max_sessions: int = 0
    models: tuple[str, ...] = ()

    @property
    def load(self) -> float:
        return self.sessions / self.max_sessions if self.max_sessions else float(self.sessions) / 1000


def unfit(candidate: Candidate, model: str) -> Unfit:
    """Why `candidate` cannot take a session that wants `model` (`id`, `id@revision`, or "" for any); "" if it can."""
    if not candidate.alive:
        return "silent"
    if candidate.draining:
        return "draining"
    if model and not any(has_model(known, model) for known in candidate.models):
        return "model"
    if candidate.max_sessions and candidate.sessions >= candidate.max_sessions:
        return "full"
    return ""


def has_model(known: str, wanted: str) -> bool:
    """Whether `known` (`id@revision`) is what `wanted` asks for; without a revision, any revision will do."""
    return known == wanted or ("@" not in wanted and known.partition("@")[0] == wanted)


def rank(candidates: Iterable[Candidate], model: str, ejected: Collection[str], random: Random, tries: int = TRIES) -> list[Candidate]:
    """The workers to try, best first, at most `tries`; empty when none is fit."""
    fit = [candidate for candidate in candidates if not unfit(candidate, model)]
    random.shuffle(fit)
    fit.sort(key=lambda candidate: (candidate.address in ejected, candidate.load))
    return fit[:tries]


@dataclass(slots=True)
class Ejections:
    """Who failed lately. Times are seconds of one monotonic clock, given by the caller."""

    _failures: dict[str, tuple[int, float]] = field(default_factory=dict)

    def failed(self, address: str, now_s: float) -> None:
        count, _ = self._failures.get(address, (0, 0.0))
        pause_s = min(EJECT_MAX_S, EJECT_FIRST_S * 2.0 ** min(count, 10))
        self._failures[address] = (count + 1, now_s + pause_s)

    def succeeded(self, address: str) -> None:
        self._failures.pop(address, None)

    def at(self, now_s: float) -> set[str]:
        """Who is ejected at `now_s`."""
        return {address for address, (_, until_s) in self._failures.items() if now_s < until_s}

    def forget(self, keep: Collection[str]) -> None:
        """Drop what is remembered of all but `keep`."""
        for address in [address for address in self._failures if address not in keep]:
            del self._failures[address]
