"""Percentiles are real samples, and n is always told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from client.bench.stats import nearest_rank, share_above, summarize

SAMPLES = st.lists(st.floats(0, 1e6), min_size=1, max_size=300)


def test_known_percentiles() -> None:
    summary = summarize(float(value) for value in range(100, 0, -1))
    assert (summary.p50, summary.p95, summary.p99, summary.max, summary.n) == (50, 95, 99, 100, 100)


def test_one_sample_is_every_percentile() -> None:
    assert summarize([7.126]).as_json() == {"p50": 7.13, "p95": 7.13, "p99": 7.13, "max": 7.13, "n": 1}


def test_no_samples_give_no_numbers_but_n() -> None:
    assert summarize([]).as_json() == {"p50": None, "p95": None, "p99": None, "max": None, "n": 0}
    with pytest.raises(ValueError, match="at least one"):
        nearest_rank([], 50)


@given(SAMPLES, st.floats(0, 100))
def test_a_percentile_was_measured_and_covers_its_share(samples: list[float], percent: float) -> None:
    value = nearest_rank(sorted(samples), percent)
    assert value in samples
    assert sum(sample <= value for sample in samples) >= len(samples) * percent / 100 - 1e-9


def test_share_above() -> None:
    assert share_above([1, 2, 3, 30], 3) == 0.25
    assert share_above([], 3) == 0.0
