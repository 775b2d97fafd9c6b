"""Who may come back: Hypothesis parks, comes, and waits, against a list that says the same in a simpler way."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from orchestrator.session.parked import Parked

KEEP_MS = 30_000.0
MOST = 3


class Hall(RuleBasedStateMachine):
    """`kept` is what must be there: (tokens, what, until)."""

    def __init__(self) -> None:
        super().__init__()
        self.parked: Parked[int] = Parked(KEEP_MS, MOST)
        self.kept: list[tuple[list[str], int, float]] = []
        self.now_ms = 0.0
        self.number = 0

    @rule(tokens=st.integers(0, 2))
    def one_parks(self, tokens: int) -> None:
        self.number += 1
        names = [f"{self.number}.{i}" for i in range(tokens)]
        self.parked.park(names, self.number, self.now_ms)
        if names:
            self._forget()
            self.kept = [*self.kept, (names, self.number, self.now_ms + KEEP_MS)][-MOST:]

    @rule(number=st.integers(1, 12), which=st.integers(0, 1))
    def one_comes(self, number: int, which: int) -> None:
        self._forget()
        token = f"{number}.{which}"
        found = next((entry for entry in self.kept if token in entry[0]), None)
        assert self.parked.take(token, self.now_ms) == (found[1] if found else None)
        if found:
            self.kept.remove(found)
            for spent in found[0]:
                assert self.parked.take(spent, self.now_ms) is None, "a token was good twice"

    @rule(ms=st.sampled_from([0.0, 1.0, 9_999.0, 15_000.0, 29_999.0, 30_000.0]))
    def time_passes(self, ms: float) -> None:
        self.now_ms += ms
        self.parked.expire(self.now_ms)
        self._forget()

    @rule(really=st.sampled_from([False, False, False, True]))
    def all_is_forgotten(self, really: bool) -> None:
        if really:
            self.parked.clear()
            self.kept.clear()

    @invariant()
    def it_keeps_no_more_than_it_may(self) -> None:
        assert len(self.parked) == len(self.kept) <= MOST

    def _forget(self) -> None:
        self.kept = [entry for entry in self.kept if self.now_ms < entry[2]]


Hall.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
TestHall = Hall.TestCase


def test_nobody_is_kept_where_nobody_may_be() -> None:
    parked: Parked[int] = Parked(KEEP_MS, 0)
    parked.park(["a"], 1, 0.0)
    assert parked.take("a", 1.0) is None
