"""What the measured processes use: CPU and memory by role, read from the outside by process id."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

Pids = Mapping[str, tuple[int, ...]]
"""Process ids by role: `orchestrator`, `fronts`, `engines`, `client`."""
ROLES: Final = ("orchestrator", "fronts", "engines")
SESSION_ROLES: Final = ("orchestrator", "fronts")
"""What a session's memory is counted in: an engine's memory is its model's."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One look: by role CPU seconds so far, seconds for which threads could have run and found no free core (0 where the system does not
    tell), and resident bytes; and for how long the whole machine has been busy."""

    at_s: float
    cpu_s: Mapping[str, float]
    waited_s: Mapping[str, float]
    rss_bytes: Mapping[str, int]
    machine_busy_s: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What happened between two looks."""

    seconds: float
    cpu_ms_per_s: Mapping[str, float]
    waited_ms_per_s: Mapping[str, float]
    """By role, how long its threads were ready and had no core: latency that the machine adds."""
    other_cores: float
    """Cores that processes of no role kept busy: on a shared machine they disturb the figures."""


def look(pids: Callable[[], Pids]) -> Usage:
    """Read all processes now; those that are gone count nothing."""
    cpu_s: dict[str, float] = {}
    waited_s: dict[str, float] = {}
    rss_bytes: dict[str, int] = {}
    for role, members in pids().items():
        read = [_read(pid) for pid in members]
        cpu_s[role] = sum(cpu for cpu, _, _ in read)
        waited_s[role] = sum(waited for _, waited, _ in read)
        rss_bytes[role] = sum(rss for _, _, rss in read)
    busy = psutil.cpu_times()
    busy_s = sum(busy) - busy.idle - getattr(busy, "iowait", 0.0) - getattr(busy, "guest", 0.0)
    return Usage(time.monotonic(), cpu_s, waited_s, rss_bytes, busy_s)


def cost(before: Usage, after: Usage) -> Cost:
    """The difference of two looks at the same roles."""
    seconds = after.at_s - before.at_s
    spent = _differences(before.cpu_s, after.cpu_s, seconds)
    waited = _differences(before.waited_s, after.waited_s, seconds)
    others = (after.machine_busy_s - before.machine_busy_s) / seconds - sum(spent.values()) / 1000
    return Cost(seconds, spent, waited, max(0.0, others))


def resident_mb(usage: Usage, roles: Iterable[str]) -> float:
    """Resident memory of `roles` together, in MB."""
    return sum(usage.rss_bytes.get(role, 0) for role in roles) / 1e6


def _differences(before: Mapping[str, float], after: Mapping[str, float], seconds: float) -> dict[str, float]:
    """Milliseconds per second."""
    return {role: (after[role] - before.get(role, 0.0)) * 1000 / seconds for role in after}


def _read(pid: int) -> tuple[float, float, int]:
    """CPU seconds, seconds without a core, resident bytes."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return times.user + times.system, _waited_s(pid), process.memory_info().rss
    except psutil.Error:
        return 0.0, 0.0, 0


def _waited_s(pid: int) -> float:
    """Linux: the second number of each thread's schedstat, in nanoseconds."""
    waited_ns = 0
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        with contextlib.suppress(OSError, IndexError):  # the thread is gone
            waited_ns += int(file.read_text().split()[1])
    return waited_ns / 1e9
