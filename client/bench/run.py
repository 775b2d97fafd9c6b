"""Brings a benchmark, the stack it measures and its report together."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from client.bench.barge_in import BargeInPlan, barge_in
from client.bench.barge_in_report import barge_in_notes, barge_in_table
from client.bench.control import ControlPlan, control
from client.bench.report import Report, control_notes, control_table, show, talk_notes, talk_table
from client.bench.scenario import Habits
from client.bench.stack import bench_preset, roles
from client.bench.talk import TalkPlan, talk
from client.bench.usage import Pids
from client.bench.vad import VadPlan, vad, vad_notes, vad_table
from client.failure import Failure
from client.places import session_url
from client.stack.presets import Preset
from client.stack.stack import Stack, StackPlan

DRAIN_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """What the command line asked for."""

    name: str
    url: str | None
    worker: str | None
    sessions: tuple[int, ...]
    seconds: float
    warm_up_s: float
    seed: int
    barge_in_share: float
    speech: Path | None
    json: Path | None
    verbose: bool
    engine: str = "tone"


async def measure(plan: BenchPlan) -> None:
    """Run the benchmark and print its table.

    Raises:
        Failure: the server, the speech or the arguments do not serve.
    """
    console = Console(stderr=True)

    def say(line: str) -> None:
        console.print(line, style="dim", highlight=False)

    run, table, notes = _BENCHES[plan.name]
    report = await run(plan, say)
    if plan.json is not None:
        report.write(plan.json)
    show(report, table(report), notes(report))


async def _talk(plan: BenchPlan, say: Callable[[str], None]) -> Report:
    habits = Habits(barge_in_share=plan.barge_in_share)
    talk_plan = TalkPlan(plan.sessions, plan.seconds, plan.warm_up_s, plan.seed, plan.speech, habits)
    if plan.url is not None:
        return await talk(talk_plan, session_url(plan.url), None, say)
    async with _own_stack(plan, bench_preset(), say) as stack:
        return await talk(talk_plan, stack.url, lambda: roles(stack), say)


async def _control(plan: BenchPlan, say: Callable[[str], None]) -> Report:
    control_plan = ControlPlan(plan.sessions, plan.seconds, plan.warm_up_s, plan.seed)
    if plan.worker is not None:
        return await control(control_plan, plan.worker, None, say)
    async with _own_stack(plan, bench_preset(), say) as stack:
        slot = next(slot for slot in stack.slots if slot.kind == "tts")

        def server() -> Pids:
            pids = stack.pids()
            return {"fronts": pids["tts"], "engines": pids["engines"]}

        return await control(control_plan, slot.address, server, say)


async def _barge_in(plan: BenchPlan, say: Callable[[str], None]) -> Report:
    barge_in_plan = BargeInPlan(plan.sessions, plan.seconds, plan.warm_up_s, plan.seed, plan.engine)
    return await barge_in(barge_in_plan, lambda preset: _own_stack(plan, preset, say), roles, say)


async def _vad(plan: BenchPlan, say: Callable[[str], None]) -> Report:
    return await vad(VadPlan(plan.sessions[0], plan.seed, plan.speech), say)


@asynccontextmanager
async def _own_stack(plan: BenchPlan, preset: Preset, say: Callable[[str], None]) -> AsyncIterator[Stack]:
    """A stack for this benchmark alone. A worker that dies in it makes the figures worthless."""
    say("starting a stack")
    stack = Stack(
        StackPlan(preset, show_logs=plan.verbose, drain_orchestrator_s=DRAIN_S, drain_workers_s=DRAIN_S),
        report=say,
    )
    async with stack:
        yield stack
        if any(slot.restarts for slot in stack.slots):
            raise Failure("a worker died during the benchmark", "--verbose shows its log")


_Run = Callable[[BenchPlan, Callable[[str], None]], Awaitable[Report]]
_BENCHES: Final[dict[str, tuple[_Run, Callable[[Report], Table], Callable[[Report], list[str]]]]] = {
    "talk": (_talk, talk_table, talk_notes),
    "control": (_control, control_table, control_notes),
    "vad": (_vad, vad_table, vad_notes),
    "barge-in": (_barge_in, barge_in_table, barge_in_notes),
}
