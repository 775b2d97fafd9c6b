"""`bench barge-in`: people who interrupt, hum, cough, think and sit in loud rooms, against one stack; one row per size of load."""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from client.bench import scenes as sc
from client.bench.barge_in_report import barge_in_row
from client.bench.process import LoadProcess, Window
from client.bench.report import Report
from client.bench.stack import MAX_SESSIONS
from client.bench.usage import Pids, cost, look
from client.bench.voices import find_voices
from client.stack.presets import SERVICES, Preset, load, merge
from client.stack.stack import Stack

GENERATOR: Final = "client.bench.barge_in_load"
SESSIONS_PER_GENERATOR: Final = 100
CONNECT_WITHIN_S: Final = 90.0
"""The reference is heard first, in real time."""
RESULT_WITHIN_S: Final = 60.0
SETTLE_S: Final = 3.0
WORD_DELAY_MS: Final = 150
"""The recogniser gives each word so long after its end."""
_PILOT_LATE_MS: Final = 20
"""So much later the recogniser is by itself: it hears a pilot in windows."""
FINAL_DELAY_MS: Final = 20
"""After FINALIZE: the words are known by then, and nothing is added."""
ENGINES: Final = ("tone", "espeak")
ANSWER: Final = (
    "Let me tell you all that I know about the old house by the river. It was built by two brothers who could not agree on anything, "
    "so one half of it is made of red brick and the other half of grey stone. Every summer they painted the doors in a new colour, "
    "and every winter the rain washed it off again. In the end they gave up and planted roses."
)


@dataclass(frozen=True, slots=True)
class BargeInPlan:
    """What `bench barge-in` runs. `warm_up_s` of conversation precede each measurement of `seconds`."""

    sessions: Sequence[int]
    seconds: float
    warm_up_s: float
    seed: int
    engine: str
    answer: str = ANSWER


StackOf = Callable[[Preset], AbstractAsyncContextManager[Stack]]


def barge_in_preset(engine: str, answer: str, sounds: Mapping[str, Any]) -> Preset:
    """The orchestrator as it comes, a recogniser that knows every scene's words, and engines that take no time."""
    quiet: dict[str, Any] = {"limits": {"max_sessions": MAX_SESSIONS}, "log": {"level": "warning"}}
    delays = {"partial_delay_ms": WORD_DELAY_MS - _PILOT_LATE_MS, "final_delay_ms": FINAL_DELAY_MS}
    hears = {"sounds": dict(sounds), "foreign_text": "", **delays}
    overlay: dict[str, dict[str, Any]] = {
        "orchestrator": {
            "responder": {"name": "script", "options": {"replies": [answer]}},
            "limits": {"sessions": MAX_SESSIONS},
            "log": {"level": "warning"},
        },
        "stt": {"models": [{"id": "tone", "engine": "tone", "pin": True, "options": hears}], **quiet},
        "tts": {"models": [{"id": engine, "engine": engine, "pin": True}], **quiet},
    }
    base = load("tone")
    return Preset("barge-in", {service: merge(base.trees[service], overlay[service]) for service in SERVICES})


async def barge_in(plan: BargeInPlan, stack_of: StackOf, roles: Callable[[Stack], Pids], say: Callable[[str], None]) -> Report:
    """All rows of `plan`, on a stack of its own.

    Raises:
        Failure: the stack does not start, or nobody can speak.
    """
    with tempfile.TemporaryDirectory(prefix="parley-bench-") as name:
        folder = Path(name)
        say("making the scenes")
        voices = await find_voices(folder)
        scenes = await asyncio.to_thread(sc.build, voices, plan.seed)
        return await play(plan, scenes, folder / "scenes.npz", stack_of, roles, say)


async def play(
    plan: BargeInPlan, scenes: sc.SceneSet, file: Path, stack_of: StackOf, roles: Callable[[Stack], Pids], say: Callable[[str], None]
) -> Report:
    """All rows of `plan` with these scenes, which are handed to the load in `file`."""
    sc.save(file, scenes.scenes)
    report = Report("barge-in", _load(plan, scenes))
    async with stack_of(barge_in_preset(plan.engine, plan.answer, scenes.sounds)) as stack:
        for number, sessions in enumerate(plan.sessions):
            if number:
                await asyncio.sleep(SETTLE_S)
            say(f"{sessions} sessions: {plan.warm_up_s:g} s to warm up, then {plan.seconds:g} s")
            report.rows.append(await _row(plan, sessions, stack.url, file, lambda: roles(stack)))
    return report


async def _row(plan: BargeInPlan, sessions: int, url: str, scenes: Path, server: Callable[[], Pids]) -> dict[str, Any]:
    """One load: connect, warm up, measure, hang up."""
    async with AsyncExitStack() as stack:
        generators = []
        for first in range(0, sessions, SESSIONS_PER_GENERATOR):
            numbers = list(range(first, min(sessions, first + SESSIONS_PER_GENERATOR)))
            job = {"url": url, "sessions": numbers, "seed": plan.seed, "scenes": str(scenes)}
            generators.append(await stack.enter_async_context(LoadProcess(GENERATOR, job)))
        for generator in generators:
            await generator.event("connected", CONNECT_WITHIN_S)
        window = Window(time.monotonic() + plan.warm_up_s, time.monotonic() + plan.warm_up_s + plan.seconds)
        for generator in generators:
            generator.measure(window)

        def pids() -> Pids:
            return {**server(), "client": tuple(generator.pid for generator in generators)}

        await asyncio.sleep(window.open_s - time.monotonic())
        before = look(pids)
        await asyncio.sleep(window.close_s - time.monotonic())
        after = look(pids)
        results = [await generator.event("result", RESULT_WITHIN_S) for generator in generators]
    return barge_in_row(sessions, plan.engine, results, cost(before, after))


def _load(plan: BargeInPlan, scenes: sc.SceneSet) -> dict[str, Any]:
    kinds = {kind: sum(scene.kind == kind for scene in scenes.scenes) for kind in (*sc.OVERLAPS, *sc.TURNS)}
    return {
        "engine": plan.engine,
        "seconds": plan.seconds,
        "warm_up_s": plan.warm_up_s,
        "seed": plan.seed,
        "speech": scenes.origin,
        "word_delay_ms": WORD_DELAY_MS,
        "scenes": kinds,
    }
