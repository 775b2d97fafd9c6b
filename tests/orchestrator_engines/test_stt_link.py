"""The STT link over real gRPC: text, finals, discards, and no word lost with a worker."""

from __future__ import annotations

import asyncio

from orchestrator.engines.stt import SttLink
from parley.v1 import audio_pb2, stt_pb2

CONFIG = stt_pb2.SttConfig(model_id="m")


async def test_what_is_sent_is_heard_and_finalized(fleet, recorder, tools):
    async with fleet() as f:
        worker = await f.worker()
        link = SttLink(await f.watched(worker), "s", CONFIG, recorder)
        f.start(link.run())
        link.send(tools.speech("hello w"))
        link.send(tools.speech("orld"))
        control_id = link.finalize()
        assert (await recorder.wait("ack")).control_id == control_id
        assert [final.text for final in recorder.all("final")] == ["hello world"]
        assert worker.configs[0].endpointing.disabled
        assert link.position == 11 * 960


async def test_frames_travel_in_messages_of_five_and_seq_counts_frames(fleet, recorder, tools):
    async with fleet() as f:
        worker = await f.worker()
        link = SttLink(await f.watched(worker), "s", CONFIG, recorder)
        f.start(link.run())
        for letter in "abcdefghijkl":
            link.send(tools.speech(letter))
        link.finalize()
        await recorder.wait("ack")
        audio = [message for message in worker.messages if message.pcm]
        assert [(message.seq, message.frame_count, message.pts) for message in audio] == [(1, 5, 0), (6, 5, 4800), (11, 2, 9600)]


async def test_discard_forgets_the_segment(fleet, recorder, tools):
    async with fleet() as f:
        worker = await f.worker()
        link = SttLink(await f.watched(worker), "s", CONFIG, recorder)
        f.start(link.run())
        link.send(tools.speech("noise"))
        await recorder.wait("partial")
        link.discard()
        link.send(tools.speech("words"))
        link.finalize()
        await recorder.wait("final")
        assert recorder.all("final")[0].text == "words"


async def test_a_dead_worker_costs_no_word_and_the_segment_keeps_its_number(fleet, recorder, tools):
    async with fleet() as f:
        first, second = await f.worker("w1"), await f.worker("w2")
        link = SttLink(await f.watched(first, second), "s", CONFIG, recorder)
        f.start(link.run())
        serving = first if await recorder.wait("up") == "w1" else second
        link.send(tools.speech("first turn"))
        link.finalize()
        await recorder.wait("ack")
        link.send(tools.speech("hello"))
        partial = await recorder.wait("partial", 3)
        serving.kill.set()
        await recorder.wait("lost")
        link.send(tools.speech(" wor"))
        control_id = link.finalize()
        assert (await recorder.wait("ack", 2)).control_id == control_id
        final = recorder.all("final")[-1]
        assert final.text == "hello wor"
        assert final.segment_id == partial.segment_id == 2
        assert final.revision > partial.revision
        assert final.pts_end == link.position == 19 * 960


async def test_a_finalize_that_was_not_answered_is_answered_by_the_next_worker(fleet, recorder, tools):
    async with fleet() as f:
        worker = await f.worker("w1")
        link = SttLink(await f.watched(worker), "s", CONFIG, recorder)
        link.send(tools.speech("before there is a worker"))
        control_id = link.finalize()
        await worker.stop()
        f.start(link.run())
        await recorder.wait("lost")
        await f.worker("w2", port=int(worker.address.rpartition(":")[2]))
        assert (await recorder.wait("ack")).control_id == control_id
        assert recorder.all("final")[0].text == "before there is a worker"


async def test_without_a_worker_the_oldest_audio_goes_and_the_rest_is_heard(fleet, recorder, tools):
    async with fleet() as f:
        worker = await f.worker()
        link = SttLink(await f.watched(worker), "s", CONFIG, recorder, keep_ms=200)
        link.send(tools.speech("0123456789abcdefghij"))
        link.finalize()
        f.start(link.run())
        await recorder.wait("final")
        final = recorder.all("final")[0]
        assert final.text == "abcdefghij"
        assert final.pts_end == link.position


async def test_a_draining_worker_is_left_between_turns(fleet, recorder, tools):
    async with fleet() as f:
        worker = await f.worker()
        link = SttLink(await f.watched(worker), "s", CONFIG, recorder)
        f.start(link.run())
        await recorder.wait("up")
        worker.leave.set()
        link.send(tools.speech("hello"))
        await recorder.wait("partial")
        link.send(tools.speech("again"))
        link.finalize()
        await recorder.wait("up", 2)
        assert [final.text for final in recorder.all("final")] == ["helloagain"]
        assert not recorder.all("lost")


async def test_a_session_may_leave_a_stalled_worker_by_itself(fleet, recorder, tools):
    from parley.errors import ParleyError

    async with fleet() as f:
        first, second = await f.worker("w1"), await f.worker("w2")
        link = SttLink(await f.watched(first, second), "s", CONFIG, recorder)
        f.start(link.run())
        name = await recorder.wait("up")
        link.drop(ParleyError("TIMEOUT", "stalled"))
        assert (await recorder.wait("lost")).reason == "TIMEOUT"
        assert await recorder.wait("up", 2) != name


async def test_a_cancelled_link_leaves_nothing_at_the_worker(fleet, recorder, tools):
    async with fleet() as f:
        worker = await f.worker()
        workers = await f.watched(worker)
        async with asyncio.TaskGroup() as group:
            running = []
            for number in range(10):
                link = SttLink(workers, f"s{number}", CONFIG, recorder)
                link.send(tools.speech("mid-word"))
                running.append(group.create_task(link.run()))
            await recorder.wait("partial", 10)
            for task in running:
                task.cancel()
        assert not worker.sessions
        await tools.until(lambda: worker.streams == 0)
        assert audio_pb2.CONTROL_VERB_STOP not in {message.control.verb for message in worker.messages}
