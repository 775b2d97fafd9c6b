"""A benchmark's outcome: plain values for JSON and tables for people. It measures nothing."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from client.bench.stats import share_above, summarize
from client.bench.tally import Tally
from client.bench.usage import ROLES, Cost

STARVED_MS = 10.0
STARVED_SHARE = 0.01
"""A generator whose ticks are late by more than STARVED_MS more often than this is starved: its row says so."""
CONTENDED_MS_PER_S = 100
COUNTS = ("turns", "underruns", "late_frames", "frames", "barge_ins")
TROUBLES = (
    "unanswered",
    "empty_turns",
    "failed_turns",
    "early_answers",
    "stalled_answers",
    "missed_barge_ins",
    "false_barge_ins",
    "false_pauses",
    "dead_frames",
    "unsent_frames",
)
SUMMARIES = ("v2v_ms", "barge_in_ms", "flush_ms", "late_ms")


@dataclass(frozen=True, slots=True)
class Report:
    """One run: what was run where, and one row per size of load."""

    bench: str
    load: Mapping[str, Any]
    rows: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {
            "bench": self.bench,
            "version": metadata.version("parley"),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine_line(),
            "load": dict(self.load),
            "rows": self.rows,
        }

    def write(self, file: Path) -> None:
        """As JSON."""
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(self.as_json(), indent=2) + "\n", encoding="utf-8")


def machine_line() -> str:
    """This machine in one line."""
    memory_gb = psutil.virtual_memory().total / 1e9
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_cpu_name()}, {usable} cores, {memory_gb:.0f} GB, {_os_name()}, Python {platform.python_version()}"


def talk_row(sessions: int, tally: Tally, cost: Cost, mb_per_session: float | None) -> dict[str, Any]:
    """One row of `bench talk`. Without the processes' ids (`--url`) the costs of the server are null."""
    known = "orchestrator" in cost.cpu_ms_per_s
    per_session = {role: round(cost.cpu_ms_per_s[role] / sessions, 2) if known else None for role in ROLES}
    return {
        "sessions": sessions,
        "seconds": round(cost.seconds, 2),
        "cpu_ms_per_session_s": per_session,
        "mb_per_session": None if mb_per_session is None else round(mb_per_session, 3),
        **{name: summarize(tally.samples[name]).as_json() for name in SUMMARIES},
        **{name: tally.counts[name] for name in COUNTS},
        "errors": sum(tally.errors.values()) + tally.counts["unanswered"] + tally.counts["failed_turns"],
        "error_kinds": dict(tally.errors),
        "troubles": {name: tally.counts[name] for name in TROUBLES if tally.counts[name]},
        "generator": generator_health(tally.samples["tick_late_ms"], cost.cpu_ms_per_s["client"] / sessions),
        **disturbance(cost),
    }


def generator_health(tick_late_ms: Sequence[float], cpu_ms_per_session_s: float) -> dict[str, Any]:
    """What the load cost, and whether it was kept waiting itself."""
    return {
        "cpu_ms_per_session_s": round(cpu_ms_per_session_s, 2),
        "tick_late_ms": summarize(tick_late_ms).as_json(),
        "starved": share_above(tick_late_ms, STARVED_MS) > STARVED_SHARE,
    }


def disturbance(cost: Cost) -> dict[str, Any]:
    """What the machine did to the figures."""
    waited = {role: round(cost.waited_ms_per_s[role]) for role in ROLES if role in cost.waited_ms_per_s}
    return {"other_cores": round(cost.other_cores, 2), "waited_for_core_ms_per_s": waited}


def talk_table(report: Report) -> Table:
    """The rows of `bench talk` for people: a column per size of load."""
    table = Table(title=f"parley bench talk: {report.load['seconds']:g} s each, costs per session", title_justify="left")
    table.add_column("sessions")
    for row in report.rows:
        table.add_column(str(row["sessions"]), justify="right")
    for role in ROLES:
        table.add_row(f"CPU ms/s {role}", *(_number(row["cpu_ms_per_session_s"][role]) for row in report.rows))
    table.add_row("MB", *(_number(row["mb_per_session"]) for row in report.rows), end_section=True)
    for name, words in (
        ("v2v_ms", "voice to voice ms"),
        ("barge_in_ms", "barge-in ms"),
        ("flush_ms", "flush ms"),
        ("late_ms", "frame late ms"),
    ):
        for key in ("p50", "p95", "p99", "max"):
            table.add_row(f"{words} {key}", *(_number(row[name][key], 1) for row in report.rows))
        table.add_row(f"{words} n", *(str(row[name]["n"]) for row in report.rows), end_section=True)
    for name in ("late_frames", "underruns", "turns", "barge_ins", "errors"):
        table.add_row(name.replace("_", " "), *(str(row[name]) for row in report.rows))
    table.add_row("generator late ms p99", *(_generator(row["generator"]) for row in report.rows))
    return table


def control_table(report: Report) -> Table:
    """The rows of `bench control` for people."""
    table = Table(title="parley bench control: verb sent to ack received, ms", title_justify="left")
    for name in ("background", "verb", "path", "p50", "p95", "p99", "max", "n"):
        table.add_column(name, justify="right")
    for row in report.rows:
        for verb in ("stop", "pause", "resume"):
            for path, summary in row[f"{verb}_ack_ms"].items():
                table.add_row(
                    str(row["sessions"]), verb.upper(), path, *(_number(summary[key]) for key in ("p50", "p95", "p99", "max", "n"))
                )
    return table


def show(report: Report, table: Table, notes: Sequence[str] = ()) -> None:
    """Print a table with its machine line and what a reader must know to trust it."""
    console = Console()
    console.print(table)
    console.print(machine_line(), style="dim", highlight=False)
    for note in notes:
        console.print(note, style="yellow", highlight=False)


def talk_notes(report: Report) -> list[str]:
    """What a reader of the rows must know beside them."""
    notes = [f"speech: {report.load['speech']}"]
    for row in report.rows:
        who = f"{row['sessions']} sessions"
        notes += _disturbances(who, row)
        words = {**row["error_kinds"], **row["troubles"]}
        if words:
            notes.append(f"{who}: " + ", ".join(f"{name} {count}" for name, count in words.items()))
    return notes


def control_notes(report: Report) -> list[str]:
    """What a reader of the rows must know beside them."""
    notes = []
    for row in report.rows:
        who = f"{row['sessions']} background streams"
        broken = ", ".join(f"{name} {count}" for name, count in row["rules_broken"].items()) or "none"
        costs = ", ".join(f"{role} {value:g}" for role, value in row["cpu_ms_per_session_s"].items() if value is not None)
        notes.append(f"{who}: frame rules broken: {broken} ({row['frames_checked']} frames checked)")
        notes.append(
            f"{who}: late frames {row['late_frames']} of {row['frames']}" + (f"; CPU ms per session-second: {costs}" if costs else "")
        )
        notes += _disturbances(who, row)
    return notes


def _disturbances(who: str, row: Mapping[str, Any]) -> list[str]:
    notes = []
    if row["generator"]["starved"]:
        notes.append(f"{who}: the load generator was starved; its latencies are not the server's")
    if row["other_cores"] > 0.1:
        notes.append(f"{who}: other processes kept {row['other_cores']:g} cores busy meanwhile")
    waited = {role: ms for role, ms in row["waited_for_core_ms_per_s"].items() if ms > CONTENDED_MS_PER_S}
    if waited:
        words = ", ".join(f"{role} {ms}" for role, ms in waited.items())
        notes.append(f"{who}: the server waited for a free core, ms per second: {words}; its latencies are partly the machine's")
    return notes


def _generator(generator: Mapping[str, Any]) -> str:
    return _number(generator["tick_late_ms"]["p99"]) + (" STARVED" if generator["starved"] else "")


def _number(value: float | int | None, digits: int = 2) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.{digits}f}"


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _os_name() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.platform(terse=True)
