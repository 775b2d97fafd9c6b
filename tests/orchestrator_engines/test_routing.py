"""The choice of a worker, as tables."""

from __future__ import annotations

from random import Random

import pytest

from orchestrator.routing import EJECT_FIRST_S, EJECT_MAX_S, Candidate, Ejections, rank, unfit


@pytest.mark.parametrize(
    ("candidate", "model", "why"),
    [
        (Candidate("a"), "", ""),
        (Candidate("a", alive=False), "", "silent"),
        (Candidate("a", draining=True), "", "draining"),
        (Candidate("a", sessions=4, max_sessions=4), "", "full"),
        (Candidate("a", sessions=400), "", ""),
        (Candidate("a"), "m", "model"),
        (Candidate("a", models=("m@1",)), "m", ""),
        (Candidate("a", models=("m@1",)), "m@1", ""),
        (Candidate("a", models=("m@1",)), "m@2", "model"),
        (Candidate("a", models=("mm@1",)), "m", "model"),
    ],
)
def test_who_is_fit(candidate, model, why):
    assert unfit(candidate, model) == why


def test_the_least_loaded_goes_first_by_share_not_by_number():
    table = [Candidate("a", sessions=5, max_sessions=10), Candidate("b", sessions=6, max_sessions=100), Candidate("c", draining=True)]
    assert [candidate.address for candidate in rank(table, "", (), Random(1))] == ["b", "a"]


def test_equals_are_shared_out_and_at_most_three_are_tried():
    table = [Candidate(name, max_sessions=10) for name in "abcdef"]
    random = Random(1)
    rounds = [rank(table, "", (), random) for _ in range(60)]
    assert {len(ranked) for ranked in rounds} == {3}
    assert {ranked[0].address for ranked in rounds} == set("abcdef")


def test_the_ejected_come_last_but_come():
    table = [Candidate("a", max_sessions=10), Candidate("b", sessions=9, max_sessions=10)]
    assert [candidate.address for candidate in rank(table, "", {"a"}, Random(1))] == ["b", "a"]
    assert [candidate.address for candidate in rank(table[:1], "", {"a"}, Random(1))] == ["a"]


def test_failures_in_a_row_eject_for_longer_and_success_forgives():
    ejections = Ejections()
    ejections.failed("a", 100.0)
    assert ejections.at(100.0) == {"a"}
    assert ejections.at(100.0 + EJECT_FIRST_S) == set()
    ejections.failed("a", 101.0)
    assert ejections.at(101.0 + EJECT_FIRST_S) == {"a"}
    for _ in range(2000):
        ejections.failed("a", 200.0)
    assert ejections.at(200.0 + EJECT_MAX_S - 1) == {"a"}
    assert ejections.at(200.0 + EJECT_MAX_S) == set()
    ejections.succeeded("a")
    ejections.failed("a", 300.0)
    assert ejections.at(300.0 + EJECT_FIRST_S) == set()
    ejections.forget(keep=["b"])
    assert ejections.at(300.0) == set()
