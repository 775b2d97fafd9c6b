"""What the callers of one process saw, as raw samples and counts. Only what happens while it is `open` is kept: warm-up is not measured."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

SERIES = ("v2v_ms", "barge_in_ms", "flush_ms", "late_ms", "tick_late_ms")


@dataclass(slots=True)
class Tally:
    """Samples by series and counts by name, both plain enough for JSON."""

    open: bool = False
    samples: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in SERIES})
    counts: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def sample(self, series: str, value_ms: float) -> None:
        if self.open:
            self.samples[series].append(value_ms)

    def count(self, name: str, by: int = 1) -> None:
        if self.open:
            self.counts[name] += by

    def error(self, code: str) -> None:
        """Errors count always: a session that was lost in the warm-up is missing from the measurement."""
        self.errors[code] += 1

    def as_json(self) -> dict[str, Any]:
        samples = {name: [round(value, 3) for value in values] for name, values in self.samples.items()}
        return {"samples": samples, "counts": dict(self.counts), "errors": dict(self.errors)}


def merge(parts: Sequence[Mapping[str, Any]]) -> Tally:
    """The tallies of several processes (each `as_json`) as one."""
    whole = Tally()
    for part in parts:
        for name, values in part["samples"].items():
            whole.samples[name].extend(values)
        whole.counts.update(part["counts"])
        whole.errors.update(part["errors"])
    return whole
