"""The ledger and its schedule: what became of every frame, and what the user heard."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.session.ledger import LIMIT_MS, Ledger, SpokenMark
from orchestrator.session.playout import Playout
from parley.audio import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, SILENT_FRAME


def _ledger(frames: int = 0) -> Ledger:
    ledger = Ledger(1, 1)
    ledger.receive(SILENT_FRAME * frames)
    return ledger


def _word(begin: int, end: int, first_frame: int, last_frame: int) -> SpokenMark:
    return SpokenMark(begin, end, first_frame * FRAME_SAMPLES, last_frame * FRAME_SAMPLES, estimated=False)


def test_frames_leave_in_order_with_the_marks_that_begin_in_them() -> None:
    ledger = Ledger(1, 1)
    ledger.add_mark(_word(0, 3, 0, 2))
    ledger.add_mark(_word(4, 7, 2, 3))
    ledger.receive(b"".join(bytes([i]) * FRAME_BYTES for i in range(3)))
    taken = [ledger.take() for _ in range(3)]
    assert [frame[0] for frame, _ in taken] == [0, 1, 2]
    assert [[mark.char_begin for mark in marks] for _, marks in taken] == [[0], [], [4]]


def test_a_word_counts_as_heard_from_its_middle_on() -> None:
    ledger = _ledger(10)
    ledger.add_mark(_word(0, 3, 0, 4))
    ledger.add_mark(_word(4, 9, 4, 8))
    assert [ledger.heard_chars(frames * FRAME_SAMPLES) for frames in (0, 1, 2, 5, 6, 10)] == [0, 0, 3, 3, 9, 9]


def test_a_mark_that_comes_again_replaces_the_first() -> None:
    ledger = _ledger(10)
    ledger.add_mark(SpokenMark(0, 5, 0, 0, estimated=True))
    ledger.add_mark(_word(0, 5, 0, 8))
    assert ledger.heard_chars(3 * FRAME_SAMPLES) == 0
    assert ledger.heard_chars(4 * FRAME_SAMPLES) == 5


def test_acknowledgements_are_believed_within_reason() -> None:
    ledger = _ledger(10)
    for _ in range(5):
        ledger.take()
    assert ledger.played_samples(3 * FRAME_SAMPLES) == 3 * FRAME_SAMPLES
    ledger.acknowledge(40)
    assert ledger.played_samples(3 * FRAME_SAMPLES) == 2 * FRAME_SAMPLES
    ledger.acknowledge(1e9)
    assert ledger.played_samples(0) == 5 * FRAME_SAMPLES
    ledger.acknowledge(20)
    assert ledger.played_samples(0) == 5 * FRAME_SAMPLES


def test_a_worker_that_runs_ahead_without_measure_is_refused() -> None:
    ledger = _ledger(LIMIT_MS // FRAME_MS)
    with pytest.raises(OverflowError):
        ledger.receive(SILENT_FRAME)


def test_the_first_frames_go_out_at_once_and_the_others_in_time() -> None:
    playout = Playout(_ledger(50), lead_ms=60)
    sent = []
    for tick in range(0, 400, 20):
        due = playout.due(1000.0 + tick)
        for _ in range(due):
            playout.ledger.take()
        sent.append(due)
    assert sent[0] == 4
    assert set(sent[1:]) == {1}
    assert playout.underruns == 0


def test_late_ticks_are_made_up_for() -> None:
    playout = Playout(_ledger(50), lead_ms=60)
    total = 0
    for now in (0.0, 90.0, 95.0, 200.0):
        for _ in range(playout.due(now)):
            playout.ledger.take()
            total += 1
    assert total == 200 // FRAME_MS + 4


def test_running_dry_is_one_underrun_and_moves_the_schedule() -> None:
    playout = Playout(_ledger(2), lead_ms=60)
    for _ in range(playout.due(0.0)):
        playout.ledger.take()
    for now in (20.0, 40.0, 60.0, 80.0):
        assert playout.due(now) == 0
    assert playout.dry_ms(100.0) == 60.0
    assert playout.played_ms(100.0) == 40.0
    playout.ledger.receive(SILENT_FRAME * 10)
    assert playout.due(100.0) == 4
    assert playout.underruns == 1
    for _ in range(4):
        playout.ledger.take()
    assert playout.played_ms(120.0) == 60.0


def test_it_is_over_when_the_last_frame_has_been_played() -> None:
    playout = Playout(_ledger(2), lead_ms=60)
    for _ in range(playout.due(0.0)):
        playout.ledger.take()
    playout.ledger.complete = True
    assert not playout.finished(39.0)
    assert playout.finished(40.0)
    assert playout.due(60.0) == 0
    assert playout.dry_ms(60.0) == 0


@given(st.lists(st.tuples(st.floats(0, 200), st.integers(0, 8)), max_size=40), st.floats(0, 200))
def test_never_heard_more_than_sent_nor_sent_more_than_due(steps: list[tuple[float, int]], lead_ms: float) -> None:
    playout = Playout(_ledger(), lead_ms)
    now_ms, begun_ms = 0.0, None
    for wait_ms, frames in steps:
        now_ms += wait_ms
        playout.ledger.receive(SILENT_FRAME * frames)
        for _ in range(playout.due(now_ms)):
            playout.ledger.take()
            begun_ms = now_ms if begun_ms is None else begun_ms
        sent_ms = playout.ledger.sent_ms
        assert playout.played_ms(now_ms) <= sent_ms
        if begun_ms is not None:
            assert sent_ms <= now_ms - begun_ms + lead_ms + FRAME_MS + 1e-6
