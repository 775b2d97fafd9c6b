"""The front over real gRPC, with the tone engine in its own process."""

from __future__ import annotations

import asyncio

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from parley.audio import FRAME_BYTES, FRAME_SAMPLES
from parley.errors import ParleyError, from_rpc
from parley.v1 import audio_pb2, model_pb2, tts_pb2
from workers.tts.limits import TtsLimits

STOP, PAUSE, RESUME, RELOAD = (
    audio_pb2.CONTROL_VERB_STOP,
    audio_pb2.CONTROL_VERB_PAUSE,
    audio_pb2.CONTROL_VERB_RESUME,
    audio_pb2.CONTROL_VERB_RELOAD,
)
UNPACED = tts_pb2.PACING_UNPACED
LONG = "A long sentence that goes on and on until somebody says stop, which may take a while, as long as it is."
DEADLINE_S = 20.0


async def unary(front, session_id: str, **control) -> audio_pb2.ControlAck:
    request = tts_pb2.ControlRequest(session_id=session_id, control=audio_pb2.Control(**control))
    return (await front.stub.Control(request, timeout=DEADLINE_S)).ack


async def error_of(call) -> ParleyError:
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await call
    return from_rpc(failure.value)


async def eventually(condition) -> None:
    """Until `condition` holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 (nothing tells when a timer of the front has fired)
            await asyncio.sleep(0.02)


def last_seq(messages) -> int:
    return max((m.seq + m.frame_count - 1 for m in messages if m.pcm), default=0)


# ---------- speaking ----------


async def test_a_trivial_client_sends_text_and_reads_pcm(front) -> None:
    name = await front.start()
    call = front.stub.Synthesize()
    await call.write(tts_pb2.TextChunk(session_id=name, text="Hello there, you.", end_of_utterance=True))
    await call.done_writing()
    pcm = b"".join([message.pcm async for message in call])
    assert pcm
    assert len(pcm) % FRAME_BYTES == 0


async def test_text_that_comes_in_tokens_is_spoken_like_text_that_comes_whole(front) -> None:
    text = "First a clause, then a sentence. And one more? Yes!"
    async with front.stream(pacing=UNPACED, max_frames_per_message=10) as whole:
        await whole.send(text, end_of_utterance=True)
        await whole.done(1)
    async with front.stream(pacing=UNPACED) as tokens:
        for at in range(0, len(text), 4):
            await tokens.send(text[at : at + 4])
        await tokens.send(end_of_utterance=True)
        await tokens.done(1)
    assert whole.pcm() == tokens.pcm()


async def test_marks_cover_the_words(front) -> None:
    text = "The quick brown fox. It jumps!"
    async with front.stream(pacing=UNPACED, marks=audio_pb2.MARK_KIND_WORD) as client:
        await client.send(text, end_of_utterance=True)
        await client.done(1)
    words = [m for message in client.messages for m in message.marks if m.kind == audio_pb2.MARK_KIND_WORD]
    assert [text[w.char_begin : w.char_end] for w in words] == text.split()
    assert not any(w.estimated for w in words)
    assert words[-1].pts_end <= len(client.pcm()) // 2


# ---------- STOP, PAUSE, RESUME ----------


async def test_stop_is_acked_with_the_last_frame_and_nothing_of_its_epoch_follows(front) -> None:
    async with front.stream(max_frames_per_message=5) as client:
        await client.send(LONG, end_of_utterance=True)
        await client.until(lambda m: bool(m.pcm))
        await client.send(control=audio_pb2.Control(control_id=1, verb=STOP))
        await client.send("Next.", epoch=2, end_of_utterance=True)
        ack = (await client.until(lambda m: m.event.HasField("ack"))).event.ack
        assert (ack.applied, ack.epoch, ack.last_seq) == (True, 1, last_seq(client.messages))
        assert ack.applied_us > 0
        before = len(client.messages)
        await client.done(2)
        after = [m for m in client.messages[before:] if m.pcm]
        assert {m.epoch for m in after} == {2}
        assert after[0].seq == ack.last_seq + 1


async def test_resume_goes_on_sample_for_sample(front) -> None:
    async with front.stream(pacing=UNPACED, max_frames_per_message=10) as client:
        await client.send(LONG, end_of_utterance=True)
        await client.done(1)
        whole = client.pcm()
    async with front.stream(pacing=tts_pb2.PACING_CREDIT, max_frames_per_message=3) as client:
        await client.send(LONG, end_of_utterance=True)
        for number in range(1, 13, 2):
            await client.send(flow=audio_pb2.Flow(allow_through_seq=number * 11))
            await client.until(lambda m: bool(m.pcm))
            paused = await client.control(number, PAUSE)
            assert (paused.state, paused.last_seq) == (audio_pb2.SESSION_STATE_PAUSED, last_seq(client.messages))
            resumed = await client.control(number + 1, RESUME)
            assert (resumed.applied, resumed.last_seq) == (True, paused.last_seq)
        await client.send(flow=audio_pb2.Flow(allow_through_seq=1 << 40))
        await client.done(1)
        assert client.pcm() == whole
        seqs = [m.seq + i for m in client.messages if m.pcm for i in range(m.frame_count)]
        assert seqs == list(range(1, len(seqs) + 1))


async def test_unary_and_in_band_are_one(front) -> None:
    async with front.stream() as client:
        await client.send(LONG, end_of_utterance=True)
        await client.until(lambda m: bool(m.pcm))
        refused = front.stub.Control(
            tts_pb2.ControlRequest(session_id=client.session_id, control=audio_pb2.Control(control_id=1, verb=STOP)), timeout=DEADLINE_S
        )
        assert (await error_of(refused)).reason == "BAD_REQUEST"
        ack = await unary(front, client.session_id, control_id=2, verb=STOP, through_epoch=1)
        seen = await client.until(lambda m: m.event.HasField("ack"))
        assert seen.event.ack == ack
        assert await client.control(2, STOP, through_epoch=1) == ack
        assert await unary(front, client.session_id, control_id=2, verb=STOP, through_epoch=1) == ack


async def test_a_verb_without_a_stream_is_applied(front) -> None:
    name = await front.start()
    ack = await unary(front, name, control_id=1, verb=PAUSE)
    assert (ack.applied, ack.state) == (True, audio_pb2.SESSION_STATE_PAUSED)


async def test_reload_says_the_revision(front) -> None:
    async with front.stream() as client:
        await client.send("Hello.", end_of_utterance=True)
        ack = await client.control(1, RELOAD)
        assert ack.applied
        assert ack.model_revision == front.models.list(True)[0].revision
        assert await unary(front, client.session_id, control_id=1, verb=RELOAD) == ack
        await client.send("Hello again.", end_of_utterance=True)
        await client.done(2)


# ---------- sessions ----------


async def test_starting_twice_is_once_and_another_config_is_refused(front) -> None:
    request = tts_pb2.StartSessionRequest(session_id="twice", config=tts_pb2.TtsConfig(lead_ms=300))
    first, second = await asyncio.gather(*(front.stub.StartSession(request, timeout=DEADLINE_S) for _ in range(2)))
    assert first == second
    assert len(front.sessions) == 1
    assert (first.effective.lead_ms, first.effective.max_frames_per_message, first.effective.speed) == (300, 1, 1.0)
    assert first.effective.output.sample_rate_hz == 48_000
    request.config.lead_ms = 400
    assert (await error_of(front.stub.StartSession(request, timeout=DEADLINE_S))).reason == "SESSION_EXISTS"


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"output": audio_pb2.AudioFormat(sample_rate_hz=16_000)}, "UNSUPPORTED_FORMAT"),
        ({"output": audio_pb2.AudioFormat(channels=2)}, "UNSUPPORTED_FORMAT"),
        ({"output": audio_pb2.AudioFormat(encoding=audio_pb2.SAMPLE_ENCODING_F32LE)}, "UNSUPPORTED_FORMAT"),
        ({"speed": 9.0}, "BAD_REQUEST"),
        ({"speed": -1.0}, "BAD_REQUEST"),
        ({"speed": float("nan")}, "BAD_REQUEST"),
        ({"voice": "nobody"}, "BAD_REQUEST"),
        ({"language": "tlh"}, "BAD_REQUEST"),
        ({"marks": audio_pb2.MARK_KIND_NAMED}, "BAD_REQUEST"),
        ({"pacing": 17}, "BAD_REQUEST"),
        ({"model_id": "nothing"}, "MODEL_UNKNOWN"),
        ({"revision": "nothing"}, "MODEL_UNKNOWN"),
    ],
)
async def test_what_cannot_be_served_is_refused_by_name(front, config, reason: str) -> None:
    request = tts_pb2.StartSessionRequest(session_id="x", config=tts_pb2.TtsConfig(**config))
    assert (await error_of(front.stub.StartSession(request, timeout=DEADLINE_S))).reason == reason
    assert (len(front.sessions), front.models.list(True)[0].refs) == (0, 0)


async def test_what_is_too_much_is_clamped(front) -> None:
    config = tts_pb2.TtsConfig(lead_ms=1 << 30, buffer_ms=1 << 30, max_frames_per_message=1 << 30, marks=audio_pb2.MARK_KIND_CHAR)
    response = await front.stub.StartSession(tts_pb2.StartSessionRequest(session_id="x", config=config), timeout=DEADLINE_S)
    limits, got = TtsLimits(), response.effective
    assert (got.lead_ms, got.buffer_ms) == (limits.max_lead_ms, limits.max_buffer_ms)
    assert (got.max_frames_per_message, got.marks) == (limits.max_frames_per_message, audio_pb2.MARK_KIND_WORD)


async def test_one_session_too_many_is_refused_with_a_hint(fronts) -> None:
    async with fronts(TtsLimits(max_sessions=2)) as front:
        await front.start()
        name = await front.start()
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await front.start()
        assert failure.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        details = rpc_status.from_call(failure.value).details
        assert any(detail.Is(error_details_pb2.RetryInfo.DESCRIPTOR) for detail in details)
        await front.stub.EndSession(tts_pb2.EndSessionRequest(session_id=name), timeout=DEADLINE_S)
        await front.start()


async def test_a_second_stream_is_refused_and_the_first_goes_on(front) -> None:
    async with front.stream() as client:
        await client.send(LONG, end_of_utterance=True)
        await client.until(lambda m: bool(m.pcm))
        async with front.stream(client.session_id) as second:
            await second.send("Me too.")
            assert (await second.failure()).reason == "SESSION_EXISTS"
        await client.until(lambda m: bool(m.pcm))


async def test_a_stream_that_is_cancelled_may_be_opened_again_at_once(front) -> None:
    name = await front.start()
    for number in range(1, 6):
        async with front.stream(name) as client:
            await client.send(LONG, end_of_utterance=True)
            message = await client.until(lambda m: bool(m.pcm))
            assert message.utterance_id == number
            assert message.session_id == "" or message.session_id == name
    assert len(front.sessions) == 1


async def test_seq_goes_on_with_the_next_stream(front) -> None:
    name = await front.start(pacing=UNPACED)
    async with front.stream(name) as client:
        await client.send("One.", end_of_utterance=True)
        last = (await client.done(1)).event.done.last_seq
    async with front.stream(name) as client:
        await client.send("Two.", end_of_utterance=True)
        assert (await client.until(lambda m: bool(m.pcm))).seq == last + 1


async def test_end_session_ends_the_stream_and_tells_the_totals(front) -> None:
    async with front.stream() as client:
        await client.send(LONG, end_of_utterance=True)
        await client.until(lambda m: bool(m.pcm))
        response = await front.stub.EndSession(tts_pb2.EndSessionRequest(session_id=client.session_id), timeout=DEADLINE_S)
        await client.rest()
        assert response.frames_emitted >= last_seq(client.messages)
        assert not any(m.event.HasField("done") for m in client.messages)
    assert (len(front.sessions), front.models.list(True)[0].refs) == (0, 0)
    again = front.stub.EndSession(tts_pb2.EndSessionRequest(session_id=client.session_id), timeout=DEADLINE_S)
    assert (await error_of(again)).reason == "SESSION_UNKNOWN"


async def test_end_session_with_drain_lets_it_finish(front) -> None:
    async with front.stream() as client:
        await client.send("Hello my friend.", end_of_utterance=True)
        await client.until(lambda m: bool(m.pcm))
        ending = front.stub.EndSession(tts_pb2.EndSessionRequest(session_id=client.session_id, drain=True), timeout=DEADLINE_S)
        await client.rest()
        assert client.messages[-1].event.HasField("done")
        assert (await ending).frames_emitted == last_seq(client.messages)


async def test_a_session_without_a_stream_ends_after_its_time(front) -> None:
    await front.start(idle_ttl_ms=50)
    await eventually(lambda: len(front.sessions) == 0)
    assert front.models.list(True)[0].refs == 0


# ---------- worker ----------


async def test_drain_tells_every_stream_and_takes_no_new_session(front) -> None:
    async with front.stream() as client:
        await client.send("Hello my friend.", end_of_utterance=True)
        await client.until(lambda m: bool(m.pcm))
        front.sessions.begin_drain(5000)
        going = await client.until(lambda m: m.event.HasField("going_away"))
        assert (going.event.going_away.deadline_ms, going.event.going_away.reason) == (5000, "DRAINING")
        request = tts_pb2.StartSessionRequest(session_id="late")
        assert (await error_of(front.stub.StartSession(request, timeout=DEADLINE_S))).reason == "DRAINING"
        await client.done(1)
        front.sessions.end_all(ParleyError("DRAINING", "time is up"))
        assert (await client.failure()).reason == "DRAINING"
    assert len(front.sessions) == 0


async def test_capabilities_and_models(front) -> None:
    capabilities = await front.stub.GetCapabilities(model_pb2.GetCapabilitiesRequest(), timeout=DEADLINE_S)
    assert (capabilities.abi, capabilities.max_text_bytes) == ("parley.v1", TtsLimits().max_text_bytes)
    assert [m.model_id for m in capabilities.models] == ["tone"]
    listed = await front.stub.ListModels(model_pb2.ListModelsRequest(ready_only=True), timeout=DEADLINE_S)
    assert [m.state for m in listed.models] == [model_pb2.MODEL_STATE_READY]
    loaded = await front.stub.LoadModel(model_pb2.LoadModelRequest(model_id="tone", wait_ready=True), timeout=DEADLINE_S)
    assert loaded.model.state == model_pb2.MODEL_STATE_READY
    unloaded = await front.stub.UnloadModel(model_pb2.UnloadModelRequest(model_id="tone"), timeout=DEADLINE_S)
    assert unloaded.sessions_left == 0


async def test_a_crash_of_the_engine_ends_its_streams_and_then_it_serves_again(front) -> None:
    async with front.stream() as client:
        await client.send(LONG * 3, end_of_utterance=True)
        await client.until(lambda m: bool(m.pcm))
        front.sessions._entry(client.session_id).lease.engine._process.kill()
        error = await client.failure()
        assert error.reason == "ENGINE_CRASHED"
    await eventually(lambda: front.models.restarts == 1 and front.models.any_ready)
    async with front.stream(client.session_id) as client:
        await client.send("Hello again.", end_of_utterance=True)
        await client.done(2)


async def test_metrics_count(front) -> None:
    async with front.stream() as client:
        await client.send(LONG, end_of_utterance=True)
        await client.until(lambda m: bool(m.pcm))
        await client.control(1, STOP)
        value = front.registry.get_sample_value
        assert value("parley_tts_sessions") == 1
        assert value("parley_tts_frames_emitted_total") == last_seq(client.messages)
        assert value("parley_tts_discarded_ms_total") > 0
        await eventually(lambda: value("parley_tts_stop_to_ack_seconds_count") == 1)
        assert value("parley_tts_first_audio_seconds_count") == 1


async def test_frames_say_where_they_are(front) -> None:
    async with front.stream(max_frames_per_message=4) as client:
        await client.send("Hello. World.", end_of_utterance=True)
        await client.done(1)
    at = 0
    for message in (m for m in client.messages if m.pcm):
        assert (message.pts, len(message.pcm)) == (at, message.frame_count * FRAME_BYTES)
        at += message.frame_count * FRAME_SAMPLES
