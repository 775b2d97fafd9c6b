"""Workers: who is chosen, who is refused, who is noticed to be gone."""

from __future__ import annotations

import asyncio

import pytest

from orchestrator.engines.tts import TtsLink
from orchestrator.engines.workers import REFRESH_S
from parley.errors import ParleyError
from parley.v1 import tts_pb2


async def test_nobody_known_is_no_worker_and_says_what_there_is(fleet):
    async with fleet() as f:
        workers = await f.watched()
        with pytest.raises(ParleyError, match="found none known") as caught:
            workers.choose("stt")
        assert (caught.value.reason, caught.value.retry_after_ms) == ("NO_WORKER", 1000)
        worker = await f.worker()
        worker.draining = True
        workers = await f.watched(worker)
        with pytest.raises(ParleyError, match="NO_WORKER: expected a stt worker with model 'x', found 1 draining"):
            workers.choose("stt", "x")
        assert not workers.available("stt")


async def test_a_full_worker_is_capacity_until_it_has_room(fleet, tools):
    async with fleet() as f:
        worker = await f.worker()
        worker.max_sessions = 1
        workers = await f.watched(worker)
        with workers.choose("tts"), pytest.raises(ParleyError, match=r"CAPACITY.*1 full"):
            workers.choose("tts")
        worker.touch()
        await tools.until(lambda: workers.available("tts"))


async def test_a_worker_that_refuses_is_passed_over_and_not_blamed(fleet, recorder):
    async with fleet() as f:
        full, free = await f.worker("full"), await f.worker("free")
        full.refuse = ParleyError("CAPACITY", "no room", 500)
        workers = await f.watched(full, free)
        for number in range(4):
            link = TtsLink(workers, f"s{number}", tts_pb2.TtsConfig(), recorder)
            f.start(link.run())
        await recorder.wait("up", 4)
        assert set(recorder.all("up")) == {"free"}
        assert not recorder.all("lost")
        assert not any(row["ejected"] for row in workers.status())


async def test_a_worker_that_fails_is_ejected_but_tried_when_there_is_no_other(fleet, recorder):
    async with fleet() as f:
        worker = await f.worker()
        worker.refuse = ParleyError("ENGINE_CRASHED", "starting again")
        workers = await f.watched(worker)
        f.start(TtsLink(workers, "s", tts_pb2.TtsConfig(), recorder).run())
        assert (await recorder.wait("lost")).reason == "ENGINE_CRASHED"
        assert [row["ejected"] for row in workers.status() if row["kind"] == "tts"] == [True]
        worker.refuse = None
        await recorder.wait("up")
        assert len(recorder.all("lost")) == 1


async def test_the_status_stream_brings_load_models_and_drain(fleet, tools):
    async with fleet() as f:
        worker = await f.worker("me")
        workers = await f.watched(worker)
        worker.sessions |= {"x", "y"}
        worker.models = ["m@2"]
        worker.touch()
        await tools.until(lambda: [row["sessions"] for row in workers.status()] == [2, 2])
        row = workers.status()[0]
        assert (row["worker_id"], row["alive"], row["unfit"], row["models"]) == ("me", True, "", ["m@2"])
        worker.draining = True
        worker.touch()
        await tools.until(lambda: {row["unfit"] for row in workers.status()} == {"draining"})


async def test_a_silent_worker_is_not_chosen_and_then_given_up_with_its_sessions(fleet, recorder, tools):
    async with fleet() as f:
        worker = await f.worker()
        workers = await f.watched(worker, silence_s=0.3)
        f.start(TtsLink(workers, "s", tts_pb2.TtsConfig(), recorder).run())
        await recorder.wait("up")
        worker.mute = True
        await tools.until(lambda: not workers.available("tts"))
        assert (await recorder.wait("lost")).reason == "WORKER_LOST"
        worker.mute = False
        await recorder.wait("up", 2)


async def test_a_worker_the_directory_forgets_stays_while_it_answers(fleet, tools):
    async with fleet() as f:
        worker = await f.worker()
        workers = await f.watched(worker)
        workers._directory._table = {"stt": (), "tts": ()}  # type: ignore[attr-defined]
        other = await f.watched(await f.worker("later"))  # long enough for the table to be read again
        await asyncio.sleep(2 * REFRESH_S)
        assert other.status()
        assert workers.available("tts")
        await worker.stop()
        await tools.until(lambda: not workers.status())
