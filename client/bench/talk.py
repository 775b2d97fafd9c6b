"""`bench talk`: conversations in real time against an orchestrator, one size of load after the other, on one stack."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from client.bench.process import LoadProcess, Window
from client.bench.report import Report, talk_row
from client.bench.scenario import Habits
from client.bench.speech import find_recordings, save_clips
from client.bench.synthetic import synthesize
from client.bench.tally import Tally, merge
from client.bench.usage import SESSION_ROLES, Cost, Pids, Usage, cost, look, resident_mb

GENERATOR: Final = "client.bench.generator"
SESSIONS_PER_GENERATOR: Final = 150
CONNECT_WITHIN_S: Final = 30.0
SETTLE_S: Final = 2.0
"""Between two rows: the sessions of the one are gone before the next begins."""


@dataclass(frozen=True, slots=True)
class TalkPlan:
    """What `bench talk` runs. `warm_up_s` of conversation precede each measurement of `seconds`."""

    sessions: Sequence[int]
    seconds: float
    warm_up_s: float
    seed: int
    speech: Path | None = None
    habits: Habits = field(default_factory=Habits)


@dataclass(frozen=True, slots=True)
class _Run:
    tally: Tally
    cost: Cost
    at_end: Usage


async def talk(plan: TalkPlan, url: str, server: Callable[[], Pids] | None, say: Callable[[str], None]) -> Report:
    """All rows of `plan` against the orchestrator at `url`; `server` gives its processes by role, None if they are not ours to see.

    Raises:
        Failure: no server there, or no speech to be had.
    """
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as folder:
        clips = Path(folder) / "clips.npz"
        spoken_by = await _find_speech(plan, clips)
        report = Report("talk", _load(plan, spoken_by, url))
        if server is not None:
            say("one conversation to warm up")
            await _run(plan, 1, 0.1, url, clips, server)
        idle = None if server is None else look(server)
        for number, sessions in enumerate(plan.sessions):
            if number:
                await asyncio.sleep(SETTLE_S)
            say(f"{sessions} sessions: {plan.warm_up_s:g} s to warm up, then {plan.seconds:g} s")
            run = await _run(plan, sessions, plan.seconds, url, clips, server)
            report.rows.append(talk_row(sessions, run.tally, run.cost, _mb_per_session(idle, run.at_end, sessions)))
        return report


async def _run(plan: TalkPlan, sessions: int, seconds: float, url: str, clips: Path, server: Callable[[], Pids] | None) -> _Run:
    """One load: connect, warm up, measure, hang up."""
    async with AsyncExitStack() as stack:
        generators = []
        for first in range(0, sessions, SESSIONS_PER_GENERATOR):
            numbers = list(range(first, min(sessions, first + SESSIONS_PER_GENERATOR)))
            job = {"url": url, "sessions": numbers, "seed": plan.seed, "clips": str(clips), "habits": asdict(plan.habits)}
            generators.append(await stack.enter_async_context(LoadProcess(GENERATOR, job)))
        for generator in generators:
            await generator.event("connected", CONNECT_WITHIN_S)
        window = Window(time.monotonic() + plan.warm_up_s, time.monotonic() + plan.warm_up_s + seconds)
        for generator in generators:
            generator.measure(window)

        def pids() -> Pids:
            return {**(server() if server is not None else {}), "client": tuple(generator.pid for generator in generators)}

        await asyncio.sleep(window.open_s - time.monotonic())
        before = look(pids)
        await asyncio.sleep(window.close_s - time.monotonic())
        after = look(pids)
        tally = merge([await generator.event("result", CONNECT_WITHIN_S) for generator in generators])
    return _Run(tally, cost(before, after), after)


def _mb_per_session(idle: Usage | None, loaded: Usage, sessions: int) -> float | None:
    if idle is None:
        return None
    return (resident_mb(loaded, SESSION_ROLES) - resident_mb(idle, SESSION_ROLES)) / sessions


async def _find_speech(plan: TalkPlan, file: Path) -> str:
    """Save the callers' recordings to `file`; returns in words where they come from."""
    recordings = await asyncio.to_thread(find_recordings, plan.speech, plan.seed)
    origin = str(plan.speech) if plan.speech is not None else "recorded prompts"
    if not recordings:
        recordings, engine = await synthesize()
        origin = f"synthetic ({engine}): no recorded speech on this machine; --speech FOLDER names some"
    save_clips(file, recordings)
    seconds = sum(len(recording.frames) for recording in recordings) * 0.02
    return f"{origin}, {len(recordings)} stretches, {seconds:.0f} s"


def _load(plan: TalkPlan, speech: str, url: str) -> dict[str, Any]:
    return {
        "url": url,
        "seconds": plan.seconds,
        "warm_up_s": plan.warm_up_s,
        "seed": plan.seed,
        "speech": speech,
        "habits": asdict(plan.habits),
    }
