"""Whole recordings and whole texts."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.engines.oneshot import synthesize, transcribe
from parley.audio import FRAME_BYTES
from parley.errors import ParleyError
from parley.v1 import tts_pb2


async def test_a_recording_is_transcribed_and_a_text_spoken_and_nothing_stays(fleet, tools):
    async with fleet() as f:
        worker = await f.worker()
        workers = await f.watched(worker)
        text = "every word of it " * 20
        assert await transcribe(workers, "a", tools.speech(text), model="m") == text.strip()
        assert await synthesize(workers, "b", text, style={"speed": 1.5}) == tools.speech(text)
        assert not worker.sessions
        assert worker.configs[-1].pacing == tts_pb2.PACING_UNPACED
        assert not worker.configs[0].interim


async def test_a_lost_worker_is_replaced_within(fleet, tools):
    async with fleet() as f:
        worker = await f.worker()
        workers = await f.watched(worker)

        async def revive() -> None:
            await tools.until(lambda: worker.streams == 1)
            worker.kill.set()
            await tools.until(lambda: worker.streams == 0)
            worker.kill.clear()

        worker.kill_with = ParleyError("ENGINE_CRASHED", "crashed")
        f.start(revive())
        assert await transcribe(workers, "a", tools.speech("all of it " * 30)) == ("all of it " * 30).strip()


async def test_no_worker_and_too_long_are_told_at_once(fleet, tools):
    async with fleet() as f:
        with pytest.raises(ParleyError, match="NO_WORKER"):
            await synthesize(await f.watched(), "s", "x")
        worker = await f.worker()
        workers = await f.watched(worker)
        with pytest.raises(ParleyError, match="MESSAGE_TOO_LARGE"):
            await synthesize(workers, "s", "x" * 100, max_s=1)
        worker.refuse = ParleyError("MODEL_UNKNOWN", "no such model")
        with pytest.raises(ParleyError, match="MODEL_UNKNOWN"):
            await transcribe(workers, "s", bytes(FRAME_BYTES))


async def test_the_deadline_ends_it(fleet, tools):
    async with fleet() as f:
        worker = await f.worker()
        workers = await f.watched(worker)
        with pytest.raises(ParleyError, match="TIMEOUT"):
            await transcribe(workers, "s", tools.speech("x"), deadline_s=0.0)
        await tools.until(lambda: not worker.sessions)
        assert asyncio.current_task() is not None
