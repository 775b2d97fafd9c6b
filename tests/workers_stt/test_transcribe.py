"""The STT service over real gRPC, with a real engine process."""

from __future__ import annotations

import asyncio
import itertools
import os
import signal

import grpc
import pytest
from google.protobuf import struct_pb2

from parley.audio import FRAME_BYTES, FRAME_SAMPLES
from parley.errors import from_rpc
from parley.v1 import audio_pb2, model_pb2, stt_pb2
from workers.models import ModelSettings

V = audio_pb2


async def test_speech_becomes_partials_then_a_final_then_the_ack(front, call, spoken):
    pcm = spoken("the quick brown fox")
    async with front() as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            await stream.say(pcm)
            await stream.verb("FINALIZE", 7)
            ack = await stream.until_ack(7)
            kinds = [event.WhichOneof("event") for event in stream.events]
            final = stream.events[-2].hypothesis
            assert kinds[-2:] == ["hypothesis", "ack"]
            assert final.final
            assert final.text == "the quick brown fox"
            assert final.segment_id == 1
            assert final.stable_chars == len(final.text)
            assert ack.applied
            assert ack.last_seq == len(pcm) // FRAME_BYTES
            assert ack.last_pts_end == len(pcm) // 2
            assert ack.generated_pts_end == len(pcm) // 2
            assert [event.event_seq for event in stream.events] == list(range(1, len(stream.events) + 1))
            revisions = [event.hypothesis.revision for event in stream.events[:-1]]
            assert revisions == sorted(revisions)


async def test_word_times_are_positions_of_the_stream(front, call, spoken):
    first, pause, second = spoken("one"), bytes(FRAME_BYTES * 50), spoken("two")
    async with front() as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            await stream.say(first)
            await stream.verb("FINALIZE", 1)
            await stream.say(pause + second)
            await stream.verb("FINALIZE", 2)
            await stream.until_ack(2)
            final = stream.events[-2].hypothesis
            (word,) = final.words
            begin = (len(first) + len(pause)) // 2
            assert word.text == "two"
            assert word.stable
            assert begin - 960 <= word.pts_begin < word.pts_end <= begin + len(second) // 2
            assert final.pts_begin == len(first) // 2
            assert final.segment_id == 2


async def test_a_client_that_knows_nothing_gets_its_final_by_half_closing(front, call, spoken):
    async with front() as stt:
        await stt.start(interim=False)
        async with call(stt.stub) as stream:
            await stream.say(spoken("hello"), frames=1)
            await stream.rest()
            assert stream.finals() == ["hello"]
            assert len(stream.events) == 1


async def test_the_worker_ends_utterances_by_silence_where_it_is_asked_to(front, call, spoken):
    async with front() as stt:
        await stt.start(endpointing=stt_pb2.Endpointing(silence_ms=300))
        async with call(stt.stub) as stream:
            await stream.say(bytes(FRAME_BYTES * 20) + spoken("first one") + bytes(FRAME_BYTES * 40) + spoken("second"))
            await stream.rest()
            assert stream.finals() == ["first one", "second"]
            ends = [event.end_of_utterance for event in stream.events if event.HasField("end_of_utterance")]
            assert next((end.kind, end.segment_id) for end in ends) == (stt_pb2.END_KIND_ACOUSTIC, 1)
            assert {"speech_begin", "speech_end"} <= {event.WhichOneof("event") for event in stream.events}


async def test_pause_ignores_frames_and_time_goes_on(front, call, spoken):
    async with front() as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            await stream.say(spoken("kept"))
            await stream.verb("PAUSE", 1)
            await stream.say(spoken("ignored words"))
            await stream.verb("RESUME", 2)
            paused, resumed = await stream.until_ack(1), await stream.until_ack(2)
            assert paused.applied
            assert paused.state == V.SESSION_STATE_PAUSED
            assert resumed.applied
            assert resumed.last_pts_end - paused.last_pts_end == len(spoken("ignored words")) // 2
            await stream.verb("FINALIZE", 3)
            await stream.until_ack(3)
            assert stream.finals() == ["kept"]
            await stream.say(spoken("after"))
            await stream.rest()
            assert stream.finals() == ["kept", "after"]


async def test_nothing_of_a_stopped_segment_comes_after_the_ack(front, call, spoken):
    slow = ModelSettings(id="tone", engine="tone", options={"partial_delay_ms": 40.0, "final_delay_ms": 40.0})
    async with front([slow]) as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            await stream.say(spoken("never mind this"))
            await stream.verb("FINALIZE", 1)
            await stream.say(spoken("nor this"))
            await stream.verb("STOP", 2)
            voided, ack = await stream.until_ack(1), await stream.until_ack(2)
            assert not voided.applied
            assert ack.applied
            assert ack.state == V.SESSION_STATE_IDLE
            seen = len(stream.events)
            await stream.say(spoken("but this"))
            await stream.rest()
            later = [event.hypothesis for event in stream.events[seen:] if event.HasField("hypothesis")]
            assert later[-1].text == "but this"
            assert {hypothesis.segment_id for hypothesis in later} == {later[-1].segment_id}


async def test_unary_controls_are_the_same_and_a_repeat_gets_the_same_ack(front, call, spoken):
    async with front() as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            await stream.say(spoken("over the top"))
            await stream.until(lambda event: event.hypothesis.text == "over the top")
            request = stt_pb2.SttControlRequest(session_id="s", control=V.Control(control_id=5, verb=V.CONTROL_VERB_FINALIZE))
            first = await stt.stub.Control(request, timeout=20)
            assert await stream.until_ack(5) == first.ack
            assert stream.finals() == ["over the top"]
            assert (await stt.stub.Control(request, timeout=20)).ack == first.ack
            request.control.verb = V.CONTROL_VERB_STOP
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await stt.stub.Control(request, timeout=20)
            assert from_rpc(failure.value).reason == "BAD_SEQUENCE"


async def test_lost_frames_are_noted_and_the_stream_goes_on(front, call, spoken):
    pcm = spoken("hello")
    async with front() as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            await stream.send(seq=1, pcm=bytes(FRAME_BYTES))
            await stream.send(seq=11, pcm=pcm, frame_count=len(pcm) // FRAME_BYTES)
            await stream.verb("FINALIZE", 1)
            ack = await stream.until_ack(1)
            assert stream.events[0].notice.reason == "DEGRADED"
            assert "9 frames" in stream.events[0].notice.message
            assert ack.last_pts_end == 10 * FRAME_SAMPLES + len(pcm) // 2


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ({"pcm": b"odd"}, "BAD_FRAME"),
        ({"pcm": bytes(FRAME_BYTES), "frame_count": 2}, "BAD_FRAME"),
        ({"pcm": bytes(FRAME_BYTES * 51), "frame_count": 51}, "BAD_FRAME"),
        ({"frame_count": 1}, "BAD_FRAME"),
        ({"pcm": bytes(FRAME_BYTES), "pts": 1 << 63}, "BAD_SEQUENCE"),
        ({"pcm": bytes(FRAME_BYTES), "seq": 1}, "BAD_SEQUENCE"),
        ({"session_id": "another"}, "BAD_REQUEST"),
        ({"control": V.Control(verb=V.CONTROL_VERB_STOP)}, "BAD_SEQUENCE"),
        ({"control": V.Control(control_id=1)}, "BAD_REQUEST"),
    ],
)
async def test_a_client_that_breaks_the_contract_gets_a_typed_error_and_nobody_else(front, call, spoken, message, reason):
    async with front() as stt:
        await stt.start()
        await stt.start("other")
        async with call(stt.stub) as stream, call(stt.stub, "other") as neighbour:
            await stream.send(seq=1, pcm=bytes(FRAME_BYTES))
            await stream.send(**message)
            assert (await stream.failure()).reason == reason
            await neighbour.say(spoken("fine"))
            await neighbour.rest()
            assert neighbour.finals() == ["fine"]


async def test_one_stream_per_session_and_none_without(front, call):
    async with front(first_message_ms=100) as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            await stream.verb("PAUSE", 1)
            await stream.until_ack(1)
            for session_id, reason in (("s", "SESSION_EXISTS"), ("nobody", "SESSION_UNKNOWN"), ("", "BAD_REQUEST")):
                with pytest.raises(grpc.aio.AioRpcError) as failure:
                    async with call(stt.stub, session_id) as second:
                        await second.read()
                assert from_rpc(failure.value).reason == reason
        silent = stt.stub.Transcribe()
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await silent.read()
        assert from_rpc(failure.value).reason == "TIMEOUT"


async def test_start_session_is_idempotent_and_validates(front):
    async with front(max_sessions=2) as stt:
        first = await stt.start(languages=["en-GB"])
        assert first.worker_id == "w"
        assert first.model.state == model_pb2.MODEL_STATE_READY
        assert first.effective.interim_min_interval_ms == 80
        assert first.effective.input.frame_samples == 960
        assert first.effective.model_id == "tone"
        assert first.effective.revision == first.model.revision
        assert (await stt.start(languages=["en-GB"])).effective == first.effective
        options = struct_pb2.Struct(fields={"x": struct_pb2.Value(string_value="y" * 20_000)})
        refused = {
            "SESSION_EXISTS": {"session_id": "s"},
            "UNSUPPORTED_FORMAT": {"session_id": "b", "input": V.AudioFormat(sample_rate_hz=8000)},
            "MODEL_UNKNOWN": {"session_id": "b", "model_id": "whisper"},
            "BAD_REQUEST": {"session_id": "b", "options": options},
        }
        for reason, wanted in refused.items():
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await stt.start(**wanted)
            assert from_rpc(failure.value).reason == reason
        for session_id, language in (("", "en"), ("b", "xx")):
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await stt.start(session_id, languages=[language])
            assert from_rpc(failure.value).reason == "BAD_REQUEST"
        await stt.start("b")
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await stt.start("c")
        error = from_rpc(failure.value)
        assert error.reason == "CAPACITY"
        assert error.retry_after_ms
        assert (await stt.stub.EndSession(stt_pb2.SttEndSessionRequest(session_id="b"), timeout=20)).frames == 0
        await stt.start("c")


async def test_audio_faster_than_the_engine_is_held_back_and_none_is_lost(front, call, spoken):
    text = "a rather long sentence that takes its time to be spoken and heard " * 4
    async with front(max_backlog_ms=200) as stt:
        await stt.start(interim=False)
        async with call(stt.stub) as stream:
            await stream.say(spoken(text.strip()), frames=50)
            await stream.rest()
            assert stream.finals() == [text.strip()]


async def test_a_client_that_does_not_read_is_cut_off_and_memory_stays_bounded(front, call):
    async with front(max_events=8, flush_ms=50) as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            with pytest.raises((grpc.aio.AioRpcError, asyncio.InvalidStateError)):
                await asyncio.wait_for(_send_for_ever(stream), 20)
            await stt.until(lambda: stt.failures("SLOW_CLIENT"))


async def test_a_killed_engine_ends_streams_with_engine_crashed_and_comes_back(front, call, spoken):
    async with front() as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            await stream.say(spoken("doomed"))
            await stream.until(lambda event: event.HasField("hypothesis"))
            os.kill(stt.models.processes()[0][2], signal.SIGKILL)
            assert (await stream.failure()).reason == "ENGINE_CRASHED"
            assert await stream.call.code() is grpc.StatusCode.ABORTED
        await stt.until_state("LOADING", "READY")
        async with call(stt.stub) as stream:  # the same session, on the new process
            await stream.say(spoken("alive again"))
            await stream.rest()
            assert stream.finals() == ["alive again"]


async def test_reload_moves_a_stream_to_the_new_process_between_segments(front, call, spoken):
    async with front() as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            old = stt.models.processes()[0][2]
            await stream.say(spoken("before"))
            await stream.verb("RELOAD", 1)
            ack = await stream.until_ack(1)
            assert ack.applied
            assert ack.model_revision
            new = stt.models.processes()[0][2]
            assert new != old
            await stream.say(spoken(" and after"))
            await stream.verb("FINALIZE", 2)
            await stream.until_ack(2)
            await stream.say(spoken("later"))
            await stt.until(lambda: not _lives(old))
            await stream.rest()
            assert stream.finals() == ["before and after", "later"]


async def test_a_failed_reload_says_why_and_changes_nothing(front, call, spoken):
    async with front() as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            await stream.say(spoken("still "))
            engine = stt.models._find("tone", "")
            engine.settings = engine.settings.model_copy(update={"options": {"no_such_option": 1}})
            await stream.verb("RELOAD", 1)
            ack = await stream.until_ack(1)
            notice = next(event.notice for event in stream.events if event.HasField("notice"))
            assert not ack.applied
            assert notice.reason == "ENGINE_FAILED"
            assert "no_such_option" in notice.message
            await stream.say(spoken("here"))
            await stream.rest()
            assert stream.finals() == ["still here"]


async def test_a_forced_unload_aborts_the_stream(front, call):
    async with front() as stt:
        await stt.start()
        async with call(stt.stub) as stream:
            await stream.verb("PAUSE", 1)
            await stream.until_ack(1)
            await stt.stub.UnloadModel(model_pb2.UnloadModelRequest(model_id="tone", force=True), timeout=20)
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await stream.read()
            assert failure.value.code() is grpc.StatusCode.ABORTED


async def test_a_thousand_abandoned_sessions_all_come_back(front, call):
    async with front(max_sessions=1000) as stt:
        for first in range(0, 800, 100):  # never had a stream
            starts = (
                stt.stub.StartSession(stt_pb2.SttStartSessionRequest(session_id=f"s{first + number}", idle_ttl_ms=1), timeout=20)
                for number in range(100)
            )
            await asyncio.gather(*starts)
        streams = [call(stt.stub, f"t{number}") for number in range(200)]  # vanish in mid-word
        for stream in streams:
            await stt.start(stream.session_id)
            await stream.__aenter__()
            await stream.say(bytes(FRAME_BYTES))
        await stt.until(lambda: stt.open_streams() == 200)
        assert stt.models.list(False)[0].refs >= 200
        for stream in streams:
            stt.sessions.get(stream.session_id).idle_ttl_s = 0.01
            stream.call.cancel()
        await stt.until(lambda: len(stt.sessions) == 0)
        assert stt.open_streams() == 0
        assert stt.models.list(False)[0].refs == 0
        assert not stt.models._find("tone", "").process.jobs


async def test_a_drain_refuses_tells_and_waits(front, call, spoken):
    async with front() as stt:
        await stt.start()
        await stt.start("idle")
        async with call(stt.stub) as stream:
            await stream.say(spoken("last words"))
            await stream.until(lambda event: event.HasField("hypothesis"))
            stt.sessions.begin_drain(5000)
            going = await stream.until(lambda event: event.HasField("going_away"))
            assert going.going_away.deadline_ms == 5000
            assert len(stt.sessions) == 1
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await stt.start("new")
            assert from_rpc(failure.value).reason == "DRAINING"
            await stream.rest()
            assert stream.finals() == ["last words"]
        await stt.until(lambda: len(stt.sessions) == 0)


async def _send_for_ever(stream):
    for number in itertools.count(1):
        await stream.verb("PAUSE", number)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
