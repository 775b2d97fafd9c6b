"""Lateness is against the first frame's schedule; an underrun is a listener with 60 ms that runs dry."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from client.bench.playout import Arrival, Playout


def arrivals(times_ms: Iterable[float]) -> list[Arrival]:
    playout = Playout()
    return [playout.arrived(100 + ms / 1000) for ms in times_ms]


def test_a_steady_stream_is_never_late() -> None:
    assert all(arrival.late_ms < 0.001 and not arrival.underrun for arrival in arrivals(range(0, 2000, 20)))


def test_early_frames_are_not_late() -> None:
    assert all(arrival == Arrival(0.0, False) for arrival in arrivals([0, 0, 0, 0, 20, 40, 60]))


def test_a_late_frame_is_late_by_its_distance_to_the_schedule() -> None:
    late = [round(arrival.late_ms, 3) for arrival in arrivals([0, 20, 75, 75, 80])]
    assert late == [0, 0, 35, 15, 0]


def test_sixty_ms_in_hand_ride_out_a_gap_of_sixty() -> None:
    assert not any(arrival.underrun for arrival in arrivals([0, 20, 40, 99, 100, 100, 120]))


@pytest.mark.parametrize("gap_ends_ms", [101, 500])
def test_a_longer_gap_is_one_underrun_after_which_the_buffer_fills_again(gap_ends_ms: float) -> None:
    after = [gap_ends_ms + 20 * frame for frame in range(20)]
    assert sum(arrival.underrun for arrival in arrivals([0, 20, 40, *after])) == 1


def test_every_time_it_runs_dry_counts() -> None:
    underruns = [arrival.underrun for arrival in arrivals([0, 20, 40, 150, 170, 190, 210, 400, 420])]
    assert underruns == [False, False, False, True, False, False, False, True, False]
