"""Workers as processes: every RPC of both kinds, and their beginnings and ends."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys

import aiohttp
import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from parley.audio import FRAME_BYTES
from parley.errors import from_rpc
from parley.v1 import audio_pb2, model_pb2, model_pb2_grpc, stt_pb2, stt_pb2_grpc, tts_pb2, tts_pb2_grpc

V = audio_pb2
HEAVY = ("torch", "transformers", "pocketsphinx", "espeakng_loader", "faster_whisper", "kokoro", "livekit", "openai")


async def test_every_rpc_of_an_stt_worker_answers(worker):
    async with worker("stt") as it:
        stub = stt_pb2_grpc.SttServiceStub(it.channel)
        start = await stub.StartSession(stt_pb2.SttStartSessionRequest(session_id="a"), timeout=10)
        call = stub.Transcribe()
        await call.write(V.AudioFrame(session_id="a", pcm=bytes(FRAME_BYTES * 5), frame_count=5))
        await call.write(V.AudioFrame(control=V.Control(control_id=1, verb=V.CONTROL_VERB_FINALIZE)))
        assert (await call.read()).hypothesis.final
        assert (await call.read()).ack.applied
        control = stt_pb2.SttControlRequest(session_id="a", control=V.Control(control_id=2, verb=V.CONTROL_VERB_STOP))
        assert (await stub.Control(control, timeout=10)).ack.verb == V.CONTROL_VERB_STOP
        await _models_answer(stub)
        assert (await stub.EndSession(stt_pb2.SttEndSessionRequest(session_id="a"), timeout=10)).frames == 5
        capabilities = await stub.GetCapabilities(model_pb2.GetCapabilitiesRequest(), timeout=10)
        assert capabilities.abi == "parley.v1"
        assert capabilities.instance_id == start.instance_id
        await _worker_services_answer(it, "parley.v1.SttService")


async def test_every_rpc_of_a_tts_worker_answers(worker):
    async with worker("tts") as it:
        stub = tts_pb2_grpc.TtsServiceStub(it.channel)
        await stub.StartSession(tts_pb2.StartSessionRequest(session_id="a"), timeout=10)
        call = stub.Synthesize()
        await call.write(tts_pb2.TextChunk(session_id="a", text="hello there", end_of_utterance=True))
        assert len(await _first_audio(call)) == FRAME_BYTES
        control = tts_pb2.ControlRequest(session_id="a", control=V.Control(control_id=2, verb=V.CONTROL_VERB_STOP, through_epoch=1))
        assert (await stub.Control(control, timeout=10)).ack.applied
        await _models_answer(stub)
        assert (await stub.EndSession(tts_pb2.EndSessionRequest(session_id="a"), timeout=10)).frames_emitted
        assert (await stub.GetCapabilities(model_pb2.GetCapabilitiesRequest(), timeout=10)).max_text_bytes
        await _worker_services_answer(it, "parley.v1.TtsService")


async def _models_answer(stub):
    (listed,) = (await stub.ListModels(model_pb2.ListModelsRequest(ready_only=True), timeout=10)).models
    assert listed.model_id == "tone"
    assert listed.revision
    loaded = await stub.LoadModel(model_pb2.LoadModelRequest(model_id="tone", wait_ready=True), timeout=10)
    assert loaded.model.state == model_pb2.MODEL_STATE_READY
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await stub.UnloadModel(model_pb2.UnloadModelRequest(model_id="nothing"), timeout=10)
    assert from_rpc(failure.value).reason == "MODEL_UNKNOWN"


async def _worker_services_answer(it, service):
    status = await anext(aiter(model_pb2_grpc.WorkerServiceStub(it.channel).WatchStatus(model_pb2.WatchStatusRequest(), timeout=10)))
    assert status.ready_models[0].startswith("tone@")
    assert not status.draining
    assert status.max_sessions
    health = health_pb2_grpc.HealthStub(it.channel)
    for name in ("", service):
        assert (
            await health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
        ).status == health_pb2.HealthCheckResponse.SERVING
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    answers = reflection_pb2_grpc.ServerReflectionStub(it.channel).ServerReflectionInfo(iter([request]), timeout=10)
    names = {found.name for found in (await anext(aiter(answers))).list_services_response.service}
    assert {service, "parley.v1.WorkerService", "grpc.health.v1.Health"} <= names


async def test_the_page_tells_health_readiness_state_and_metrics(worker):
    async with worker("stt") as it, aiohttp.ClientSession(it.http) as http:
        for path, expected in (("/health", "ok"), ("/ready", "ready")):
            async with http.get(path) as answer:
                assert answer.status == 200
                assert (await answer.text()).strip() == expected
        async with http.get("/status") as answer:
            state = await answer.json()
            assert state["kind"] == "stt"
            assert state["address"] == it.address
            assert state["models"][0]["state"] == "MODEL_STATE_READY"
            (engine_pid,) = state["engines"].values()
            assert psutil.Process(engine_pid).ppid() == state["pid"] == it.process.pid
        async with http.get("/metrics") as answer:
            text = await answer.text()
            assert "parley_process_cpu_seconds" in text
            assert "parley_engine_cpu_seconds" in text
            assert "parley_stt_sessions 0.0" in text


@pytest.mark.parametrize("kind", ["stt", "tts"])
def test_the_front_imports_no_engine_library(kind):
    code = (
        "import sys, workers.start, workers.app, workers.engines.registry\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules], [n for n in sys.modules if n.startswith('workers.engines.')])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.startswith("[] ")
    assert "tone" not in out
    assert "espeak" not in out


async def test_sigterm_drains_tells_and_ends_well(worker):
    async with worker("stt", drain_ms=20_000) as it:
        stub = stt_pb2_grpc.SttServiceStub(it.channel)
        await stub.StartSession(stt_pb2.SttStartSessionRequest(session_id="a"), timeout=10)
        call = stub.Transcribe()
        await call.write(V.AudioFrame(session_id="a", pcm=bytes(FRAME_BYTES)))
        await call.write(V.AudioFrame(control=V.Control(control_id=1, verb=V.CONTROL_VERB_FINALIZE)))
        assert (await call.read()).hypothesis.final
        assert (await call.read()).HasField("ack")
        watch = aiter(model_pb2_grpc.WorkerServiceStub(it.channel).WatchStatus(model_pb2.WatchStatusRequest(), timeout=20))
        await anext(watch)
        it.process.terminate()
        assert (await call.read()).going_away.deadline_ms == 20_000
        async for status in watch:
            if status.draining:
                break
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await stub.StartSession(stt_pb2.SttStartSessionRequest(session_id="b"), timeout=10)
        assert from_rpc(failure.value).reason == "DRAINING"
        health = await health_pb2_grpc.HealthStub(it.channel).Check(health_pb2.HealthCheckRequest(), timeout=10)
        assert health.status == health_pb2.HealthCheckResponse.NOT_SERVING
        assert it.process.returncode is None
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF
        assert await it.ended() == 0


async def test_a_drain_does_not_wait_for_a_load_or_for_redis(worker, tmp_path):
    silent = tmp_path / "python"  # an interpreter that never says anything
    silent.write_text("#!/bin/sh\nexec sleep 60\n")
    silent.chmod(0o755)
    models = [{"id": "tone", "engine": "tone"}, {"id": "sleepy", "engine": "tone", "python": str(silent)}]
    async with worker("stt", "--redis", "redis://127.0.0.1:1/0", models=models) as it:
        stub = stt_pb2_grpc.SttServiceStub(it.channel)
        answer = await stub.LoadModel(model_pb2.LoadModelRequest(model_id="sleepy"), timeout=10)
        assert answer.model.state == model_pb2.MODEL_STATE_LOADING
        it.process.terminate()
        assert await it.ended() == 0


async def test_the_drain_call_cuts_off_what_outlives_its_deadline(worker):
    async with worker("tts") as it:
        stub = tts_pb2_grpc.TtsServiceStub(it.channel)
        await stub.StartSession(tts_pb2.StartSessionRequest(session_id="a"), timeout=10)
        call = stub.Synthesize()
        await call.write(tts_pb2.TextChunk(session_id="a", text="a long story " * 50))
        await call.read()
        answer = await model_pb2_grpc.WorkerServiceStub(it.channel).Drain(model_pb2.DrainRequest(deadline_ms=200), timeout=20)
        assert answer.sessions_left == 1
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await _read_all(call)
        assert from_rpc(failure.value).reason == "GOING_AWAY"
        assert await it.ended() == 0


async def test_a_second_signal_ends_at_once_and_takes_the_engines_along(worker):
    async with worker("tts", drain_ms=60_000) as it:
        engines = psutil.Process(it.process.pid).children()
        stub = tts_pb2_grpc.TtsServiceStub(it.channel)
        await stub.StartSession(tts_pb2.StartSessionRequest(session_id="a"), timeout=10)
        call = stub.Synthesize()
        await call.write(tts_pb2.TextChunk(session_id="a", text="hello", flush=True))
        await call.read()
        it.process.terminate()
        while not (frame := await call.read()).event.HasField("going_away"):
            assert frame is not grpc.aio.EOF
        it.process.terminate()
        assert await it.ended() == 1
        assert not psutil.wait_procs(engines, timeout=10)[1]


async def test_a_killed_engine_is_reported_and_replaced_while_the_front_lives(worker):
    async with worker("tts") as it, aiohttp.ClientSession(it.http) as http:
        stub = tts_pb2_grpc.TtsServiceStub(it.channel)
        await stub.StartSession(tts_pb2.StartSessionRequest(session_id="a"), timeout=10)
        watch = aiter(
            model_pb2_grpc.WorkerServiceStub(it.channel).WatchStatus(model_pb2.WatchStatusRequest(min_interval_ms=10), timeout=30)
        )
        assert (await anext(watch)).ready_models
        async with http.get("/status") as answer:
            (engine_pid,) = (await answer.json())["engines"].values()
        os.kill(engine_pid, signal.SIGKILL)
        loading = False
        async for status in watch:
            loading = loading or bool(status.loading_models)
            if loading and status.ready_models:
                break
        call = stub.Synthesize()
        await call.write(tts_pb2.TextChunk(session_id="a", text="here again", end_of_utterance=True))
        assert await _first_audio(call)
        assert it.process.returncode is None


async def test_a_killed_front_leaves_no_engine_behind(worker):
    async with worker("stt") as it:
        engines = psutil.Process(it.process.pid).children()
        assert engines
        it.process.kill()
        await it.ended()
        assert not (await asyncio.to_thread(psutil.wait_procs, engines, 10))[1]


async def _first_audio(call):
    while not (frame := await call.read()).pcm:
        assert frame is not grpc.aio.EOF
    return frame.pcm


async def _read_all(call):
    while await call.read() is not grpc.aio.EOF:
        pass


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "workers", *arguments], capture_output=True, text=True, timeout=30, check=False)


def test_what_cannot_begin_says_so_in_one_line(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for option in ("--listen", "--http"):
            ended = _run("stt", "--engine", "tone", option, address)
            assert ended.returncode == 1
            assert address in ended.stderr
            assert len(ended.stderr.splitlines()) == 1
    broken = tmp_path / "stt.yaml"
    broken.write_text("limits: {max_sesions: 3}")
    ended = _run("stt", "--config", str(broken))
    assert ended.returncode == 1
    assert "did you mean 'max_sessions'" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
    ended = _run("tts", "--engine", "tonne")
    assert ended.returncode == 1
    assert "did you mean 'tone'" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr
