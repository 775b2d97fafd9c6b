"""The TTS link over real gRPC: audio, dead epochs, loss, moves, and nothing left behind."""

from __future__ import annotations

import asyncio

from orchestrator.engines.tts import TtsLink
from parley.v1 import tts_pb2

CONFIG = tts_pb2.TtsConfig(model_id="m", voice="a")


async def test_what_is_spoken_arrives_as_audio_and_is_done(fleet, recorder):
    async with fleet() as f:
        worker = await f.worker()
        link = TtsLink(await f.watched(worker), "s", CONFIG, recorder)
        f.start(link.run())
        link.speak(1, "hel")
        link.speak(1, "lo", end=True)
        await recorder.wait("done")
        assert recorder.spoken() == "hello"
        assert link.ready
        assert worker.configs[0].lead_ms == 200


async def test_stop_kills_the_epoch_at_once_and_the_next_one_is_heard(fleet, recorder):
    async with fleet() as f:
        worker = await f.worker()
        worker.rude = True
        link = TtsLink(await f.watched(worker), "s", CONFIG, recorder)
        f.start(link.run())
        link.speak(1, "old")
        await recorder.wait("audio", 3)
        assert link.epoch == 1
        control_id = link.stop()
        link.speak(2, "new", end=True)
        await recorder.wait("done")
        assert recorder.all("ack")[0].control_id == control_id
        assert recorder.spoken() == "oldnew"
        assert link.epoch == 2
        assert [frame.epoch for frame in recorder.all("audio")] == [1] * 3 + [2] * 3


async def test_text_that_waits_for_a_dead_epoch_is_never_sent(fleet, recorder):
    async with fleet() as f:
        worker = await f.worker()
        link = TtsLink(await f.watched(worker), "s", CONFIG, recorder)
        link.speak(1, "never")
        link.stop()
        link.speak(2, "this", end=True)
        f.start(link.run())
        await recorder.wait("done")
        assert recorder.spoken() == "this"
        assert recorder.all("audio")[0].epoch == 2


async def test_a_lost_worker_is_told_and_the_next_one_speaks_on_in_the_same_epoch(fleet, recorder):
    async with fleet() as f:
        first, second = await f.worker("w1"), await f.worker("w2")
        link = TtsLink(await f.watched(first, second), "s", CONFIG, recorder)
        f.start(link.run())
        name = await recorder.wait("up")
        serving, other = (first, second) if name == "w1" else (second, first)
        link.speak(1, "a")
        await recorder.wait("audio")
        link.stop()
        link.speak(2, "b")
        await recorder.wait("audio", 2)
        serving.kill.set()
        error = await recorder.wait("lost")
        assert error.reason == "ENGINE_CRASHED"
        assert await recorder.wait("up", 2) == other.worker_id
        link.speak(2, "c", end=True)
        await recorder.wait("done")
        assert recorder.all("audio")[-1].epoch == link.epoch == 2
        stopped = link.stop()
        await recorder.wait("ack", 2)
        ack = recorder.all("ack")[-1]
        assert (ack.control_id, ack.epoch) == (stopped, 2)


async def test_a_worker_that_comes_back_at_its_address_serves_again(fleet, recorder):
    async with fleet() as f:
        worker = await f.worker()
        link = TtsLink(await f.watched(worker), "s", CONFIG, recorder)
        f.start(link.run())
        await recorder.wait("up")
        await worker.stop()
        assert (await recorder.wait("lost")).reason in ("WORKER_LOST", "NO_WORKER")
        await f.worker("w1b", port=int(worker.address.rpartition(":")[2]))
        assert await recorder.wait("up", 2) == "w1b"
        link.speak(1, "x", end=True)
        await recorder.wait("done")


async def test_without_a_worker_the_session_is_told_once_and_text_spoken_then_waits(fleet, recorder):
    async with fleet() as f:
        worker = await f.worker()
        await worker.stop()
        link = TtsLink(await f.watched(worker, wait=False), "s", CONFIG, recorder)
        f.start(link.run())
        assert (await recorder.wait("lost")).reason == "NO_WORKER"
        link.speak(1, "late", end=True)
        await f.worker("w1", port=int(worker.address.rpartition(":")[2]))
        await recorder.wait("done")
        assert recorder.spoken() == "late"
        assert len(recorder.all("lost")) == 1


async def test_a_cancelled_link_leaves_neither_stream_nor_session_at_the_worker(fleet, recorder, tools):
    async with fleet() as f:
        worker = await f.worker()
        workers = await f.watched(worker)
        async with asyncio.TaskGroup() as group:
            running = [group.create_task(TtsLink(workers, f"s{n}", CONFIG, recorder).run()) for n in range(70)]
            await recorder.wait("up", 70)
            await tools.until(lambda: worker.streams == 70)
            assert next(row for row in workers.status() if row["kind"] == "tts")["channels"] == 2
            for task in running:
                task.cancel()
        assert not worker.sessions
        await tools.until(lambda: worker.streams == 0)


async def test_a_new_voice_waits_for_the_utterance_to_end(fleet, recorder):
    async with fleet() as f:
        worker = await f.worker()
        link = TtsLink(await f.watched(worker), "s", CONFIG, recorder)
        f.start(link.run())
        await recorder.wait("up")
        link.speak(1, "one ")
        link.reconfigure(voice="b")
        link.speak(1, "two ", end=True)
        link.speak(2, "three", end=True)
        await recorder.wait("done", 2)
        assert recorder.spoken() == "one two three"
        assert [config.voice for config in worker.configs] == ["a", "b"]
        assert not recorder.all("lost")
        link.reconfigure(voice="c", speed=1.5)
        await recorder.wait("up", 3)
        assert (worker.configs[-1].voice, worker.configs[-1].speed) == ("c", 1.5)


async def test_a_draining_worker_is_left_at_the_next_boundary_without_a_loss(fleet, recorder, tools):
    async with fleet() as f:
        worker = await f.worker("w1")
        workers = await f.watched(worker)
        link = TtsLink(workers, "s", CONFIG, recorder)
        f.start(link.run())
        await recorder.wait("up")
        worker.leave.set()
        link.speak(1, "all of it", end=True)
        await recorder.wait("up", 2)
        assert recorder.spoken() == "all of it"
        assert not recorder.all("lost")


async def test_a_voice_changed_while_the_first_worker_session_starts_is_the_one_that_speaks(fleet, recorder):
    async with fleet() as f:
        worker = await f.worker()
        link = TtsLink(await f.watched(worker), "s", CONFIG, recorder)
        f.start(link.run())
        while not worker.configs:  # noqa: ASYNC110 (StartSession has been received, its answer not yet)
            await asyncio.sleep(0)
        link.reconfigure(voice="b")
        await recorder.wait("up", 2)
        link.speak(1, "x", end=True)
        await recorder.wait("done")
        assert [config.voice for config in worker.configs] == ["a", "b"]


async def test_a_pause_before_there_is_a_worker_reaches_it(fleet, recorder):
    async with fleet() as f:
        worker = await f.worker()
        link = TtsLink(await f.watched(worker), "s", CONFIG, recorder)
        link.stop()
        paused, resumed = link.pause(), link.resume()
        f.start(link.run())
        await recorder.wait("ack", 2)
        assert [ack.control_id for ack in recorder.all("ack")] == [paused, resumed]
