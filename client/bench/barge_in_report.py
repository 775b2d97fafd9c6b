"""What the outcomes of `bench barge-in` amount to: rates and percentiles, each beside its goal. It measures nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rich.table import Table

from client.bench import scenes as sc
from client.bench.report import Report, disturbance, generator_health
from client.bench.stats import summarize
from client.bench.tally import merge
from client.bench.usage import ROLES, Cost

Outcome = Mapping[str, Any]
SLIPPED_MS: Final = 30.0
"""espeak by itself drifts by up to 20 ms within an answer, measured without any pause; two frames are 40."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure of a row, by its path of keys, and how far it may go (`at_least`: how far it must)."""

    words: str
    path: tuple[str, ...]
    limit: float
    at_least: bool = False
    share: bool = False

    def value(self, row: Mapping[str, Any]) -> float | None:
        at: Any = row
        for key in self.path:
            at = at.get(key) if isinstance(at, Mapping) else None
        return None if at is None else float(at)

    def met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


def _share(words: str, *path: str, limit: float, at_least: bool = False) -> Goal:
    return Goal(words, path, limit, at_least, share=True)


GOALS: Final = (
    _share("interruption missed", "interruption", "missed", limit=0.01),
    Goal("  onset to silence p50 ms", ("interruption", "silence_ms", "p50"), 80),
    Goal("  onset to silence p95 ms", ("interruption", "silence_ms", "p95"), 300),
    _share("over own echo missed", "interruption_echo", "missed", limit=0.01),
    Goal("  onset to silence p50 ms", ("interruption_echo", "silence_ms", "p50"), 250),
    Goal("  onset to silence p95 ms", ("interruption_echo", "silence_ms", "p95"), 900),
    _share("backchannel ends the answer", "backchannel", "stopped", limit=0.03),
    Goal("  gap p50 ms", ("backchannel", "gap_ms", "p50"), 500),
    Goal("  gap p95 ms", ("backchannel", "gap_ms", "p95"), 900),
    _share("cough, door ... ends the answer", "burst", "stopped", limit=0.0),
    _share("  never paused", "burst", "never_paused", limit=0.75, at_least=True),
    _share("noise ends the answer", "noise", "stopped", limit=0.0),
    _share("  never paused", "noise", "never_paused", limit=0.85, at_least=True),
    _share("own echo ends the answer", "echo", "stopped", limit=0.0),
    _share("  never paused", "echo", "never_paused", limit=0.90, at_least=True),
    _share("far person ends the answer", "far", "stopped", limit=0.20),
    Goal("resume: frames lost, repeated, changed", ("resume", "wrong_frames"), 0),
    Goal("resume: answers that slipped", ("resume", "slipped"), 0),
    _share("history within 1 word", "history", "within_1", limit=0.95, at_least=True),
    Goal("clean end: own wait p50 ms", ("clean", "wait_ms", "p50"), 160),
    Goal("clean end: own wait p95 ms", ("clean", "wait_ms", "p95"), 560),
    _share("answered into 300 ms", "pause_300", "early", limit=0.02),
    _share("answered into 500 ms", "pause_500", "early", limit=0.05),
    _share("answered into 800 ms", "pause_800", "early", limit=0.25),
    _share("answered into 1200 ms", "pause_1200", "early", limit=0.40),
    _share("answered after um", "um", "early", limit=0.10),
)


def barge_in_row(sessions: int, engine: str, results: Sequence[Mapping[str, Any]], cost: Cost) -> dict[str, Any]:
    """One row, from what the load processes told."""
    tally = merge(results)
    outcomes = [(str(kind), dict(outcome)) for result in results for kind, outcome in result["outcomes"]]
    overlaps = [outcome for kind, outcome in outcomes if kind == "overlap"]
    turns = [outcome for kind, outcome in outcomes if kind == "turn"]
    errors = Counter(outcome["code"] for kind, outcome in outcomes if kind == "error") + tally.errors
    return {
        "sessions": sessions,
        "engine": engine,
        "seconds": round(cost.seconds, 2),
        "cpu_ms_per_session_s": {role: round(cost.cpu_ms_per_s[role] / sessions, 2) for role in ROLES},
        **overlap_figures(overlaps),
        **turn_figures(turns),
        "errors": sum(errors.values()),
        "error_kinds": dict(errors),
        "unsent_frames": tally.counts["unsent_frames"],
        "generator": generator_health(tally.samples["tick_late_ms"], cost.cpu_ms_per_s["client"] / sessions),
        **disturbance(cost),
        "failures": failures(overlaps, turns),
    }


def overlap_figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The scenes over the agent's speech, by kind; void ones are counted and left out."""
    by_kind = {kind: [outcome for outcome in outcomes if outcome["kind"] == kind] for kind in sc.OVERLAPS}
    every = [outcome for kind in sc.INTERRUPTIONS for outcome in by_kind[kind]]
    figures: dict[str, Any] = {"interruption": _interruptions(every)}
    for kind in sc.OVERLAPS:
        figures[kind] = _interruptions(by_kind[kind]) if kind in sc.STOP else _others(by_kind[kind])
    resumed = [outcome for outcome in outcomes if outcome["gaps_ms"]]
    compared = [outcome["wrong_frames"] for outcome in outcomes if outcome["wrong_frames"] is not None]
    figures["resume"] = {
        "n": len(resumed),
        "frames": sum(outcome["frames"] for outcome in outcomes),
        "wrong_frames": sum(compared) if compared else None,
        "slipped": sum(abs(outcome["slip_ms"]) >= SLIPPED_MS for outcome in outcomes),
        "gap_ms": summarize(gap for outcome in resumed for gap in outcome["gaps_ms"]).as_json(),
    }
    differences = [outcome["misremembered"] for outcome in outcomes if outcome["misremembered"] is not None]
    figures["history"] = {
        "words_too_many": summarize(differences).as_json(),
        "within_1": _part(difference for difference in (abs(d) <= 1 for d in differences)),
    }
    return figures


def turn_figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The turns, by kind."""
    figures = {}
    for kind in sc.TURNS:
        mine = [outcome for outcome in outcomes if outcome["kind"] == kind]
        figures[kind] = {
            "n": len(mine),
            "early": _part(outcome["early"] for outcome in mine),
            "unanswered": sum(not outcome["answered"] for outcome in mine),
            "wait_ms": summarize(outcome["wait_ms"] for outcome in mine if outcome["wait_ms"] is not None).as_json(),
        }
    return figures


def failures(overlaps: Sequence[Outcome], turns: Sequence[Outcome]) -> list[str]:
    """Which scenes went wrong, and how often of how often."""
    seen: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    for outcome in overlaps:
        if outcome["void"]:
            continue
        name = f"{outcome['kind']} {outcome['name']}"
        seen[name] += 1
        told = f"[{', '.join(outcome['verdicts'])}] {outcome['words']!r}"
        if outcome["stopped"] != (outcome["kind"] in sc.STOP):
            wrong[f"{name}: {'stopped' if outcome['stopped'] else 'missed'} {told}"] += 1
    for outcome in turns:
        name = f"{outcome['kind']} {outcome['name']}"
        seen[name] += 1
        if outcome["early"]:
            wrong[f"{name}: answered into {outcome['text']!r}"] += 1
        elif not outcome["answered"]:
            wrong[f"{name}: not answered {outcome['text']!r}"] += 1
    return sorted(f"{line} ({count} of {seen[line.split(':')[0]]})" for line, count in wrong.items())


def barge_in_table(report: Report) -> Table:
    """The goals, and what each size of load gave; a figure that misses its goal is marked."""
    load = report.load
    table = Table(title=f"parley bench barge-in on {load['engine']}: {load['seconds']:g} s each", title_justify="left")
    table.add_column("sessions")
    table.add_column("goal", justify="right")
    for row in report.rows:
        table.add_column(str(row["sessions"]), justify="right")
    for goal in GOALS:
        sign = ">=" if goal.at_least else "<="
        table.add_row(goal.words, f"{sign} {_shown(goal, goal.limit)}", *(_cell(goal, row) for row in report.rows))
    table.add_section()
    for words, value in _ROWS:
        table.add_row(words, "", *(value(row) for row in report.rows))
    return table


def barge_in_notes(report: Report) -> list[str]:
    """What a reader of the rows must know beside them."""
    notes = [f"speech: {report.load['speech']}; each word {report.load['word_delay_ms']} ms after its end"]
    for row in report.rows:
        who = f"{row['sessions']} sessions"
        if row["generator"]["starved"]:
            notes.append(f"{who}: the load generator was starved; its latencies are not the server's")
        voids = {kind: row[kind]["void"] for kind in sc.OVERLAPS if row[kind]["void"]}
        if voids:
            notes.append(f"{who}: left out, because the answer was over or silent before: {voids}")
        notes += [f"{who}: {line}" for line in row["failures"][:20]]
    return notes


def _interruptions(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    valid = [outcome for outcome in outcomes if not outcome["void"]]
    return {
        "n": len(valid),
        "void": _voids(outcomes),
        "missed": _part(not outcome["stopped"] for outcome in valid),
        "silence_ms": summarize(outcome["silence_ms"] for outcome in valid if outcome["silence_ms"] is not None).as_json(),
        "stop_ms": summarize(outcome["stop_ms"] for outcome in valid if outcome["stop_ms"] is not None).as_json(),
        "resumed_first": sum(bool(outcome["gaps_ms"]) for outcome in valid if outcome["stopped"]),
    }


def _others(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    valid = [outcome for outcome in outcomes if not outcome["void"]]
    return {
        "n": len(valid),
        "void": _voids(outcomes),
        "stopped": _part(outcome["stopped"] for outcome in valid),
        "never_paused": _part(not outcome["paused"] and not outcome["stopped"] for outcome in valid),
        "gap_ms": summarize(gap for outcome in valid for gap in outcome["gaps_ms"]).as_json(),
    }


def _voids(outcomes: Sequence[Outcome]) -> dict[str, int]:
    return dict(Counter(outcome["void"] for outcome in outcomes if outcome["void"]))


def _part(hits: Any) -> float | None:
    found = list(hits)
    return round(sum(found) / len(found), 4) if found else None


def _cell(goal: Goal, row: Mapping[str, Any]) -> str:
    value = goal.value(row)
    if value is None:
        return "-"
    return _shown(goal, value) if goal.met(value) else f"[red]{_shown(goal, value)} ✗[/red]"


def _shown(goal: Goal, value: float) -> str:
    return f"{value:.1%}" if goal.share else f"{value:.0f}"


def _five(row: Mapping[str, Any], *path: str) -> str:
    at: Any = row
    for key in path:
        at = at[key]
    return "-" if not at["n"] else f"{at['p50']:.0f} / {at['p95']:.0f} / {at['p99']:.0f} (n {at['n']})"


_ROWS: Final[tuple[tuple[str, Callable[[Mapping[str, Any]], str]], ...]] = (
    ("onset to silence p50/p95/p99", lambda row: _five(row, "interruption", "silence_ms")),
    ("onset to final stop p50/p95/p99", lambda row: _five(row, "interruption", "stop_ms")),
    ("over echo: to final stop", lambda row: _five(row, "interruption_echo", "stop_ms")),
    ("gap of resumed p50/p95/p99", lambda row: _five(row, "resume", "gap_ms")),
    ("own wait, clean p50/p95/p99", lambda row: _five(row, "clean", "wait_ms")),
    ("scenes n (int/echo/back/burst/noise/own/far)", lambda row: "/".join(str(row[k]["n"]) for k in ("interruption", *sc.OVERLAPS[3:]))),
    ("turns n (clean/300/500/800/1200/um)", lambda row: "/".join(str(row[kind]["n"]) for kind in sc.TURNS)),
    ("CPU ms per session-second", lambda row: " + ".join(f"{row['cpu_ms_per_session_s'][role]:.1f}" for role in ROLES)),
    ("errors", lambda row: str(row["errors"])),
)
