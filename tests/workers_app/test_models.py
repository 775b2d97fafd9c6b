"""The model manager with real engine processes of the tone engines."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import psutil
import pytest
from google.protobuf import struct_pb2

from parley.errors import ParleyError
from parley.v1 import model_pb2
from workers.audio.loudness import integrated_lufs
from workers.engines.api import TtsRequest
from workers.models import ModelLease, Models, ModelSettings

READY, LOADING, FAILED = model_pb2.MODEL_STATE_READY, model_pb2.MODEL_STATE_LOADING, model_pb2.MODEL_STATE_FAILED
AVAILABLE, DRAINING = model_pb2.MODEL_STATE_AVAILABLE, model_pb2.MODEL_STATE_DRAINING
TONE = ModelSettings(id="tone", engine="tone")
SECOND = ModelSettings(id="second", engine="tone", options={"burst_ms": 40.0})
BROKEN = ModelSettings(id="broken", engine="tone", options={"no_such_option": 1})


class Sink:
    """Collects one job."""

    def __init__(self) -> None:
        self.pcm = b""
        self.end: asyncio.Future[ParleyError | None] = asyncio.get_running_loop().create_future()

    def on_audio(self, pcm, marks, done, step_us) -> None:
        self.pcm += pcm
        if done:
            self.end.set_result(None)

    def on_failed(self, error) -> None:
        self.end.set_result(error)


async def spoken(lease: ModelLease, text: str = "hello", **options) -> Sink:
    sink = Sink()
    speech = lease.speak(TtsRequest(text, options=options), sink, 10**7)
    async with asyncio.timeout(20):
        await sink.end
    speech.close()
    return sink


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 (what it looks at tells nobody when it changes)
            await asyncio.sleep(0.005)


def state(models: Models, model_id: str) -> model_pb2.ModelState:
    return next(info.state for info in models.list(False) if info.model_id == model_id)


@pytest.fixture
async def models():
    async with Models("tts", [TONE, SECOND, BROKEN], "tone") as models:
        await models.default_ready()
        yield models


async def test_only_what_is_needed_is_loaded(models):
    assert [info.model_id for info in models.list(True)] == ["tone"]
    assert {info.model_id for info in models.list(False)} == {"tone", "second", "broken"}
    assert state(models, "second") == AVAILABLE
    lease = await models.lease("", "", allow_load=False)
    assert lease.info.refs == 1
    assert lease.info.native_sample_rate_hz == lease.card.sample_rate_hz
    assert not (await spoken(lease)).end.result()
    lease.release()
    lease.release()
    assert lease.info.refs == 0


async def test_a_lease_of_what_is_not_loaded_needs_leave_to_load(models):
    for wanted, reason in (("second", "MODEL_NOT_READY"), ("third", "MODEL_UNKNOWN"), ("tone@0", "MODEL_UNKNOWN")):
        model_id, _, revision = wanted.partition("@")
        with pytest.raises(ParleyError, match=reason):
            await models.lease(model_id, revision, allow_load=False)
    first, other = await asyncio.gather(*(models.lease("second", "", allow_load=True) for _ in range(2)))
    assert first.engine is other.engine
    assert len(models.processes()) == 2


async def test_what_cannot_be_loaded_says_why_and_is_not_tried_at_every_call(models):
    with pytest.raises(ParleyError, match="no_such_option"):
        await models.lease("broken", "", allow_load=True)
    assert state(models, "broken") == FAILED
    with pytest.raises(ParleyError) as failure:
        await models.lease("broken", "", allow_load=True)
    assert failure.value.reason == "MODEL_NOT_READY"
    assert failure.value.retry_after_ms
    with pytest.raises(ParleyError, match="no_such_option"):
        await models.load(model_pb2.LoadModelRequest(model_id="broken", wait_ready=True))


async def test_an_engine_that_dies_fails_its_jobs_and_the_lease_works_again(models):
    lease = await models.lease("tone", "", allow_load=False)
    crashed = await spoken(lease, "a longer sentence", crash_at_frame=3)
    assert crashed.end.result().reason == "ENGINE_CRASHED"
    with pytest.raises(ParleyError, match="MODEL_NOT_READY"):
        lease.speak(TtsRequest("x"), Sink(), 1)
    await until(lambda: state(models, "tone") == LOADING)
    with pytest.raises(ParleyError, match="MODEL_NOT_READY"):
        await models.lease("tone", "", allow_load=False)
    await until(lambda: state(models, "tone") == READY)
    assert not (await spoken(lease)).end.result()
    assert models.restarts == 1
    assert lease.info.refs == 1


async def test_an_engine_that_keeps_dying_is_started_again_less_and_less_often(models):
    for _ in range(2):
        os.kill(models.processes()[0][2], signal.SIGKILL)
        await until(lambda: state(models, "tone") == LOADING)
        await until(lambda: state(models, "tone") == READY)
    (model,) = models._models["tone"]
    assert model._failures == 2


async def test_a_reload_under_way_leaves_what_is_spoken_alone(models):
    lease = await models.lease("tone", "", allow_load=False)
    old, sink = lease.engine, Sink()
    speech = lease.speak(TtsRequest("word " * 40), sink, 24_000)
    moved: list[int] = []
    lease.on_moved(lambda: moved.append(1))
    revision = await models.reload("tone")
    assert revision == lease.info.revision
    assert lease.engine is not old
    assert moved == [1]
    assert not (await spoken(lease)).end.result()
    assert old.alive
    speech.allow(10**7)
    await until(sink.end.done)
    assert sink.end.result() is None
    await until(lambda: not psutil.pid_exists(old.pid))
    assert len(models.processes()) == 1


async def test_a_reload_that_fails_changes_nothing(models):
    (model,) = models._models["tone"]
    old = model.process
    model.settings = model.settings.model_copy(update={"options": {"no_such_option": 1}})
    with pytest.raises(ParleyError, match="no_such_option"):
        await models.reload("tone")
    assert model.process is old
    assert state(models, "tone") == READY


async def test_other_options_are_another_revision_and_the_newest(models):
    options = struct_pb2.Struct()
    options.update({"burst_ms": 60.0})
    old = await models.lease("tone", "", allow_load=False)
    loaded = await models.load(model_pb2.LoadModelRequest(model_id="tone", options=options, wait_ready=True, pin=True))
    assert loaded.model.revision != old.info.revision
    assert loaded.model.pinned
    new = await models.lease("tone", "", allow_load=False)
    assert new.info.revision == loaded.model.revision
    assert (await models.lease("tone", old.info.revision, allow_load=False)).info.refs == 2


async def test_load_can_be_asked_for_without_waiting(models):
    answer = await models.load(model_pb2.LoadModelRequest(model_id="second"))
    assert answer.model.state == LOADING
    await until(lambda: state(models, "second") == READY)


async def test_unload_drains_first_and_force_does_not_wait(models):
    lease = await models.lease("tone", "", allow_load=False)
    answer = await models.unload(model_pb2.UnloadModelRequest(model_id="tone", drain_ms=20))
    assert (answer.sessions_left, answer.model.state) == (1, DRAINING)
    with pytest.raises(ParleyError, match="MODEL_NOT_READY"):
        await models.lease("tone", "", allow_load=False)
    assert not (await spoken(lease)).end.result()
    lease.release()
    await until(lambda: state(models, "tone") == AVAILABLE)
    assert not models.processes()

    lease = await models.lease("tone", "", allow_load=True)
    sink = Sink()
    lease.speak(TtsRequest("word " * 40), sink, 10)
    answer = await models.unload(model_pb2.UnloadModelRequest(model_id="tone", force=True))
    assert (answer.sessions_left, answer.model.state) == (1, AVAILABLE)
    assert sink.end.result().reason == "ENGINE_CRASHED"
    with pytest.raises(ParleyError, match="MODEL_NOT_READY"):
        lease.speak(TtsRequest("x"), sink, 1)


async def test_an_unload_that_waits_ends_with_the_last_session(models):
    lease = await models.lease("tone", "", allow_load=False)
    unloading = asyncio.ensure_future(models.unload(model_pb2.UnloadModelRequest(model_id="tone", drain_ms=20_000)))
    await until(lambda: state(models, "tone") == DRAINING)
    lease.release()
    assert (await unloading).sessions_left == 0
    assert state(models, "tone") == AVAILABLE


async def test_what_nobody_uses_goes_when_its_time_is_over():
    brief = SECOND.model_copy(update={"ttl_ms": 50})
    kept = ModelSettings(id="kept", engine="tone", ttl_ms=50, pin=True)
    async with Models("tts", [TONE.model_copy(update={"ttl_ms": 50}), brief, kept], "tone") as models:
        for model_id in ("kept", "second"):
            lease = await models.lease(model_id, "", allow_load=True)
            lease.release()
        await until(lambda: state(models, "second") == AVAILABLE)
        assert state(models, "kept") == READY
        assert state(models, "tone") == READY  # the default model stays


async def test_loudness_is_measured_once_per_voice_and_brings_it_to_the_target(models):
    lease = await models.lease("tone", "", allow_load=False)
    default, low = lease.card.voices[:2]
    assert lease.gain_db(default) == lease.gain_db("") != 0.0
    assert lease.gain_db(low) == 0.0
    first, second = await asyncio.gather(models.gain_for(lease, low), models.gain_for(lease, low))
    assert first == second == lease.gain_db(low)
    pcm = (await spoken(lease, "a sentence to measure")).pcm
    assert integrated_lufs(pcm, lease.card.sample_rate_hz) + lease.gain_db("") == pytest.approx(-16, abs=1.5)
    with pytest.raises(ParleyError, match="ENGINE_FAILED"):
        await models.gain_for(lease, "nobody")


async def test_a_model_has_only_so_many_sessions(models):
    lease = await models.lease("tone", "", allow_load=False)
    leases = [await models.lease("tone", "", allow_load=False) for _ in range(lease.card.max_sessions - 1)]
    with pytest.raises(ParleyError) as failure:
        await models.lease("tone", "", allow_load=False)
    assert failure.value.reason == "CAPACITY"
    leases.pop().release()
    await models.lease("tone", "", allow_load=False)


async def test_leaving_ends_every_engine_process_whatever_it_does():
    async with Models("stt", [TONE, SECOND], "tone") as models:
        await models.default_ready()
        pids = [pid for _, _, pid in models.processes()]
        await models.load(model_pb2.LoadModelRequest(model_id="second"))  # still loading when we leave
        await models.lease("tone", "", allow_load=False)
    assert not any(psutil.pid_exists(pid) for pid in pids)
    assert not [child for child in psutil.Process().children() if "child.py" in " ".join(child.cmdline())]
