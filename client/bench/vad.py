"""`bench vad`: what each gate before the microphone is worth. Offline: no server, the orchestrator's `vad.replay` in a process of its own.

false    a pause without cause: share of the scenes in which nobody interrupts, and per minute of the agent's speech in all scenes
missed   an interruption that was not noticed while it lasted; one that came while a false alarm was on counts too
onset    first audible frame to the frame in which the agent is paused
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.table import Table

from client.bench.report import Report
from client.bench.stats import summarize
from client.bench.vad_set import INTERRUPTIONS, NONE, Scene, make, save
from client.failure import Failure
from parley.audio import FRAME_MS

BASE: Final = "detector, 200 ms"
"""What a server without gates does: the detector alone, and 200 ms of it."""


@dataclass(frozen=True, slots=True)
class VadPlan:
    """How many scenes, which ones, and whose speech."""

    each: int
    seed: int
    speech: Path | None
    silero_model: str = ""


async def vad(plan: VadPlan, say: Callable[[str], None]) -> Report:
    """Make the scenes, hear them, count.

    Raises:
        Failure: there is no recorded speech, or the orchestrator is not installed.
    """
    say("making the scenes")
    scenes = await asyncio.to_thread(make, plan.seed, plan.each, plan.speech)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenes.npz"
        save(file, scenes)
        say(f"hearing {len(scenes)} of them, stage by stage")
        heard = await _replay(file, plan.silero_model)
    rows = [row_of(str(row["stage"]), scenes, row["onsets"], float(row["us_per_frame"])) for row in heard["rows"]]
    base = next(row for row in rows if row["stage"] == BASE)
    for row in rows:
        row["fewer_false"] = round(1 - row["false"] / base["false"], 4) if base["false"] else None
    return Report("vad", {"scenes_of_each_kind": plan.each, "seed": plan.seed, "silero": heard["silero"]}, rows)


def row_of(stage: str, scenes: Sequence[Scene], onsets: Sequence[Sequence[int]], us_per_frame: float) -> dict[str, Any]:
    """One stage against the truth."""
    false = minutes = 0.0
    paused = dict.fromkeys(NONE, 0)
    count = dict.fromkeys((*NONE, *INTERRUPTIONS), 0)
    missed = dict.fromkeys(INTERRUPTIONS, 0)
    delays: dict[str, list[float]] = {kind: [] for kind in INTERRUPTIONS}
    for scene, found in zip(scenes, onsets, strict=True):
        count[scene.kind] += 1
        frames = len(scene.microphone) * 1000 // 48_000 // FRAME_MS
        minutes += ((scene.speech_at or frames) - scene.reply_at) * FRAME_MS / 60_000
        if scene.speech_at is None:
            false += len(found)
            paused[scene.kind] += bool(found)
            continue
        false += sum(at < scene.speech_at for at in found)
        there = [at for at in found if scene.speech_at <= at <= scene.until]
        if there:
            delays[scene.kind].append((there[0] + 1 - scene.speech_at) * FRAME_MS)
        else:
            missed[scene.kind] += 1
    return {
        "stage": stage,
        "false": int(false),
        "false_per_minute": round(false / minutes, 3),
        "paused_share": {kind: round(paused[kind] / count[kind], 4) for kind in NONE},
        "missed_share": {kind: round(missed[kind] / count[kind], 4) for kind in INTERRUPTIONS},
        "onset_ms": {kind: summarize(delays[kind]).as_json() for kind in INTERRUPTIONS},
        "us_per_frame": us_per_frame,
    }


def vad_table(report: Report) -> Table:
    """A column per stage: each adds a gate to the one before."""
    table = Table(title=f"parley bench vad: {report.load['scenes_of_each_kind']} scenes of each kind", title_justify="left")
    table.add_column("")
    for row in report.rows:
        table.add_column(row["stage"], justify="right")
    table.add_row("false a minute", *(f"{row['false_per_minute']:.1f}" for row in report.rows))
    table.add_row("fewer", *(_percent(row["fewer_false"]) for row in report.rows), end_section=True)
    for kind in NONE:
        table.add_row(f"{kind} paused", *(_percent(row["paused_share"][kind]) for row in report.rows), end_section=kind == NONE[-1])
    for kind in INTERRUPTIONS:
        words = kind.replace("_", " ")
        table.add_row(f"{words} missed", *(_percent(row["missed_share"][kind]) for row in report.rows))
        for key in ("p50", "p95", "p99"):
            onsets = (row["onset_ms"][kind][key] for row in report.rows)
            table.add_row(f"{words} onset ms {key}", *("-" if ms is None else f"{ms:.0f}" for ms in onsets), end_section=key == "p99")
    table.add_row("CPU us a frame", *(f"{row['us_per_frame']:.1f}" for row in report.rows))
    return table


def vad_notes(report: Report) -> list[str]:
    """What a reader of the rows must know beside them."""
    notes = [f"paused: share of such scenes with a pause in them; fewer: false ones than '{BASE}'"]
    return [*notes, report.load["silero"]] if report.load["silero"] else notes


async def _replay(file: Path, silero_model: str) -> dict[str, Any]:
    pipe = asyncio.subprocess.PIPE
    command = (sys.executable, "-m", "orchestrator.vad.replay", str(file), *([silero_model] if silero_model else []))
    process = await asyncio.create_subprocess_exec(*command, stdout=pipe, stderr=pipe)
    try:
        out, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines()
        raise Failure("the orchestrator's detector did not run", lines[-1] if lines else "")
    answer: dict[str, Any] = json.loads(out)
    return answer


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share * 100:.0f} %"
