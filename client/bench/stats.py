"""Percentiles from raw samples. Nothing is binned, averaged over time or thrown away, and `n` always stands beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """A distribution in five numbers; without samples everything but `n` is None."""

    p50: float | None
    p95: float | None
    p99: float | None
    max: float | None
    n: int

    def as_json(self) -> dict[str, float | int | None]:
        return asdict(self)


def summarize(samples: Iterable[float], digits: int = 2) -> Summary:
    """The summary of `samples`, rounded to `digits` decimals."""
    ordered = sorted(samples)
    if not ordered:
        return Summary(None, None, None, None, 0)
    p50, p95, p99 = (round(nearest_rank(ordered, percent), digits) for percent in (50, 95, 99))
    return Summary(p50, p95, p99, round(ordered[-1], digits), len(ordered))


def nearest_rank(ordered: Sequence[float], percent: float) -> float:
    """The smallest sample that at least `percent` % of all samples do not exceed: always a value that was really measured.

    Raises:
        ValueError: there are no samples.
    """
    if not ordered:
        raise ValueError("a percentile needs at least one sample")
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def share_above(samples: Sequence[float], limit: float) -> float:
    """Which part of `samples` (0 to 1) lies above `limit`; 0 without samples."""
    return sum(sample > limit for sample in samples) / len(samples) if samples else 0.0
