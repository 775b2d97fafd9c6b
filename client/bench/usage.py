"""What the measured processes use: CPU and memory by role, read from the outside by process id."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import psutil

Pids = Mapping[str, tuple[int, ...]]
"""Process ids by role: `orchestrator`, `fronts`, `engines`, `client`."""
ROLES: Final = ("orchestrator", "fronts", "engines")
SESSION_ROLES: Final = ("orchestrator", "fronts")
"""What a session's memory is counted in: an engine's memory is its model's."""


@dataclass(frozen=True, slots=True)
class Usage:
    """One look: CPU seconds so far by role, resident bytes by role, and what the whole machine has been busy."""

    at_s: float
    cpu_s: Mapping[str, float]
    rss_bytes: Mapping[str, int]
    machine_busy_s: float


@dataclass(frozen=True, slots=True)
class Cost:
    """What happened between two looks."""

    seconds: float
    cpu_ms_per_s: Mapping[str, float]
    other_cores: float
    """Cores that processes of no role kept busy: on a shared machine they disturb the figures."""


def look(pids: Callable[[], Pids]) -> Usage:
    """Read all processes now; those that are gone count nothing."""
    cpu_s: dict[str, float] = {}
    rss_bytes: dict[str, int] = {}
    for role, members in pids().items():
        read = [_read(pid) for pid in members]
        cpu_s[role] = sum(cpu for cpu, _ in read)
        rss_bytes[role] = sum(rss for _, rss in read)
    busy = psutil.cpu_times()
    return Usage(time.monotonic(), cpu_s, rss_bytes, sum(busy) - busy.idle - getattr(busy, "iowait", 0.0) - getattr(busy, "guest", 0.0))


def cost(before: Usage, after: Usage) -> Cost:
    """The difference of two looks at the same roles."""
    seconds = after.at_s - before.at_s
    spent = {role: after.cpu_s[role] - before.cpu_s.get(role, 0.0) for role in after.cpu_s}
    others = after.machine_busy_s - before.machine_busy_s - sum(spent.values())
    return Cost(seconds, {role: cpu * 1000 / seconds for role, cpu in spent.items()}, max(0.0, others / seconds))


def resident_mb(usage: Usage, roles: Iterable[str]) -> float:
    """Resident memory of `roles` together, in MB."""
    return sum(usage.rss_bytes.get(role, 0) for role in roles) / 1e6


def _read(pid: int) -> tuple[float, int]:
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return times.user + times.system, process.memory_info().rss
    except psutil.Error:
        return 0.0, 0
