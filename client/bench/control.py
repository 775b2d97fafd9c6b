"""`bench control`: how fast a TTS worker obeys while it speaks in many streams, over raw gRPC, and whether it keeps the frame rules."""

from __future__ import annotations

import asyncio
import os
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, Final

import grpc

from client.bench.beat import beat
from client.bench.control_probe import CHANNEL_OPTIONS, IN_BAND, UNARY, Acks, Probe
from client.bench.process import LoadProcess, Window
from client.bench.report import Report, disturbance, generator_health
from client.bench.stats import summarize
from client.bench.stubs import tts_stub
from client.bench.tally import Tally, merge
from client.bench.usage import ROLES, Cost, Pids, cost, look
from client.failure import Failure, leaf
from parley import errors

BACKGROUND: Final = "client.bench.background"
STREAMS_PER_BACKGROUND: Final = 100
PROBES: Final = 8
"""Measured streams: enough for hundreds of samples in half a minute, too few to be the load themselves."""
CONNECT_WITHIN_S: Final = 60.0


@dataclass(frozen=True, slots=True)
class ControlPlan:
    """What `bench control` runs: `sessions` are numbers of background streams."""

    sessions: Sequence[int]
    seconds: float
    warm_up_s: float
    seed: int


async def control(plan: ControlPlan, worker: str, server: Callable[[], Pids] | None, say: Callable[[str], None]) -> Report:
    """All rows of `plan` against the TTS worker at `worker`.

    Raises:
        Failure: it is not there, or has no room for so many sessions.
    """
    load = {"worker": worker, "seconds": plan.seconds, "warm_up_s": plan.warm_up_s, "seed": plan.seed, "probes": PROBES}
    report = Report("control", load)
    for streams in plan.sessions:
        say(f"{streams} background streams: {plan.seconds:g} s")
        report.rows.append(await _run(plan, streams, worker, server))
    return report


async def _run(plan: ControlPlan, streams: int, worker: str, server: Callable[[], Pids] | None) -> dict[str, Any]:
    run = uuid.uuid4().hex[:8]
    acks = Acks()
    async with AsyncExitStack() as stack:
        background = []
        for first in range(0, streams, STREAMS_PER_BACKGROUND):
            job = {"worker": worker, "prefix": f"bench-{run}-{first}", "sessions": min(STREAMS_PER_BACKGROUND, streams - first)}
            background.append(await stack.enter_async_context(LoadProcess(BACKGROUND, job)))
        for process in background:
            await process.event("connected", CONNECT_WITHIN_S)
        window = Window(time.monotonic() + plan.warm_up_s, time.monotonic() + plan.warm_up_s + plan.seconds)
        for process in background:
            process.measure(window)

        def pids() -> Pids:
            return {**(server() if server is not None else {}), "client": (os.getpid(), *(process.pid for process in background))}

        spent = await _probe(plan, worker, run, acks, window, pids)
        tally = merge([await process.event("result", CONNECT_WITHIN_S) for process in background])
    return _row(streams, acks, tally, spent)


async def _probe(plan: ControlPlan, worker: str, run: str, acks: Acks, window: Window, pids: Callable[[], Pids]) -> Cost:
    """Measure while the window is open."""
    async with grpc.aio.insecure_channel(worker, options=CHANNEL_OPTIONS) as channel:
        stub = tts_stub(channel)
        probes = [Probe(stub, f"bench-{run}-probe-{number}", acks, f"{plan.seed}/{number}") for number in range(PROBES)]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(probe.run()) for probe in probes]
                tasks.append(group.create_task(beat(acks.own_lateness)))
                await asyncio.sleep(window.open_s - time.monotonic())
                before = look(pids)
                acks.open = True
                await asyncio.sleep(window.close_s - time.monotonic())
                acks.open = False
                after = look(pids)
                for task in tasks:
                    task.cancel()
            for probe in probes:
                await probe.end()
        except grpc.aio.AioRpcError as error:
            raise _failure(error, worker) from None
        except BaseExceptionGroup as group_error:
            raise _failure(leaf(group_error), worker) from None
    return cost(before, after)


def _row(streams: int, acks: Acks, tally: Tally, spent: Cost) -> dict[str, Any]:
    speaking = streams + PROBES
    known = "fronts" in spent.cpu_ms_per_s
    return {
        "sessions": streams,
        "seconds": round(spent.seconds, 2),
        **{
            f"{verb}_ack_ms": {path: summarize(acks.ms[verb, path], 3).as_json() for path in (IN_BAND, UNARY)}
            for verb in ("stop", "pause", "resume")
        },
        "rules_broken": dict(acks.broken),
        "frames_checked": acks.frames,
        "frames": tally.counts["frames"],
        "late_frames": tally.counts["late_frames"],
        "errors": sum(tally.errors.values()),
        "cpu_ms_per_session_s": {
            role: round(spent.cpu_ms_per_s[role] / speaking, 2) if known and role in spent.cpu_ms_per_s else None for role in ROLES
        },
        "generator": generator_health([*acks.tick_late_ms, *tally.samples["tick_late_ms"]], spent.cpu_ms_per_s["client"] / speaking),
        **disturbance(spent),
    }


def _failure(error: BaseException, worker: str) -> BaseException:
    if isinstance(error, grpc.aio.AioRpcError):
        error = errors.from_rpc(error)
    if isinstance(error, errors.ParleyError):
        return Failure(f"the TTS worker at {worker} failed", str(error))
    if isinstance(error, TimeoutError):
        return Failure(f"the TTS worker at {worker} did not answer in time", "is it overloaded? fewer --sessions may tell")
    if isinstance(error, ConnectionError):
        return Failure(f"the TTS worker at {worker} was lost", str(error))
    return error
