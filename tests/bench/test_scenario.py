"""The same seed makes the same callers; different callers differ."""

from __future__ import annotations

from itertools import islice

from client.bench.scenario import Habits, turns

HABITS = Habits()


def test_a_plan_follows_from_seed_and_session_alone() -> None:
    assert list(islice(turns(5, 3, 24, HABITS), 50)) == list(islice(turns(5, 3, 24, HABITS), 50))


def test_sessions_and_seeds_differ() -> None:
    plans = [tuple(islice(turns(seed, session, 24, HABITS), 20)) for seed in (1, 2) for session in range(20)]
    assert len(set(plans)) == len(plans)


def test_a_plan_keeps_to_its_habits() -> None:
    plan = list(islice(turns(1, 0, 24, HABITS), 2000))
    interrupted = [turn.barge_in_after_ms for turn in plan if turn.barge_in_after_ms is not None]
    assert 0.35 < len(interrupted) / len(plan) < 0.45
    assert HABITS.barge_in_after_ms[0] <= min(interrupted) <= max(interrupted) <= HABITS.barge_in_after_ms[1]
    assert all(HABITS.pause_ms[0] <= turn.pause_ms <= HABITS.pause_ms[1] for turn in plan[1:])
    assert {turn.clip for turn in plan} == set(range(24))


def test_the_share_of_barge_ins_can_be_nothing_or_all() -> None:
    assert all(turn.barge_in_after_ms is None for turn in islice(turns(1, 0, 3, Habits(barge_in_share=0)), 200))
    assert all(turn.barge_in_after_ms is not None for turn in islice(turns(1, 0, 3, Habits(barge_in_share=1)), 200))
