"""A client's allowance of microphone audio."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.transports.intake import Intake


def test_real_time_passes_for_ever_and_a_burst_once() -> None:
    intake = Intake(burst_ms=1000, now_ms=0)
    assert all(intake.admit(20.0 * i) for i in range(500))
    burst = [intake.admit(10_000.0) for _ in range(100)]
    assert burst.count(True) == 51  # the burst, and the frame that was due
    assert not intake.admit(10_001.0)
    assert intake.admit(10_021.0)


@given(st.lists(st.floats(0, 100), max_size=300), st.floats(0, 3000))
def test_never_more_than_real_time_plus_the_burst(gaps: list[float], burst_ms: float) -> None:
    intake, now_ms, admitted = Intake(burst_ms, 0), 0.0, 0
    for gap in gaps:
        now_ms += gap
        admitted += intake.admit(now_ms)
    assert admitted * 20 <= now_ms + burst_ms + 20 + 1e-6
