"""A whole stack of child processes, with the tone engines: deaths, returns and the end."""

from __future__ import annotations

import asyncio
import os
import signal

import psutil
import pytest

from client.stack.presets import load
from client.stack.running import until_ready
from client.stack.stack import Stack, StackFailed, StackPlan
from client.talk.plan import TalkPlan, talk


async def test_a_dead_worker_comes_back_and_a_dead_orchestrator_ends_the_stack() -> None:
    told: list[str] = []
    back = asyncio.Event()
    children: list[psutil.Process] = []

    def report(line: str) -> None:
        told.append(line)
        if line.startswith("tts-0 is back"):
            back.set()

    async def live_until_the_orchestrator_dies() -> None:
        async with Stack(StackPlan(load("tone")), report) as stack:
            pids = stack.pids()
            assert {role: len(found) for role, found in pids.items()} == {"orchestrator": 1, "stt": 1, "tts": 1, "engines": 2}
            address = stack.slots[1].address
            os.kill(pids["tts"][0], signal.SIGKILL)
            await asyncio.wait_for(back.wait(), 30)
            assert told[0].startswith("tts-0 ended with SIGKILL")
            assert (stack.slots[1].address, stack.slots[1].restarts) == (address, 1)
            await until_ready(stack)
            await talk(TalkPlan(url=stack.url, texts=("still here",)))
            children.extend(psutil.Process(pid) for found in stack.pids().values() for pid in found)
            os.kill(stack.pids()["orchestrator"][0], signal.SIGKILL)
            await asyncio.Event().wait()

    with pytest.raises(StackFailed, match="orchestrator ended with SIGKILL"):
        await live_until_the_orchestrator_dies()
    assert len(children) == 5
    _, left = await asyncio.to_thread(psutil.wait_procs, children, 10)
    assert left == []


async def test_a_stack_that_cannot_start_says_why() -> None:
    preset = load("tone")
    preset.trees["tts"]["models"][0]["engine"] = "tonne"  # type: ignore[index]
    with pytest.raises(StackFailed, match=r"tts-0 ended with status 1; it said: .*tonne"):
        async with Stack(StackPlan(preset)):
            raise AssertionError("it must not start")
