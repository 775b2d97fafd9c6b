"""Two stages for the tests: the pure core in a world with a clock and an engine moved by hand, and a front on a free port of the
loopback with the tone engine in its own process, and a client that keeps what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry

from parley.audio import FRAME_BYTES, FRAME_SAMPLES
from parley.errors import ParleyError, from_rpc
from parley.v1 import audio_pb2, model_pb2, tts_pb2, tts_pb2_grpc
from workers.engines.api import EngineCard, TtsRequest, WordMark
from workers.identity import Identity
from workers.models import Models, ModelSettings
from workers.tts.config import effective_config
from workers.tts.generation import AllowJob, CloseJob, FreezeJob, OpenJob, ThawJob
from workers.tts.limits import TtsLimits
from workers.tts.metrics import Tally, TtsMetrics
from workers.tts.servicer import TtsServicer
from workers.tts.session import TtsSession
from workers.tts.sessions import Sessions

DEADLINE_S = 20.0
_names = itertools.count(1)


@dataclass
class Front:
    """A running front, seen from outside and inside."""

    address: str
    stub: tts_pb2_grpc.TtsServiceAsyncStub
    sessions: Sessions
    models: Models
    metrics: TtsMetrics
    registry: CollectorRegistry
    channel: grpc.aio.Channel

    async def start(self, session_id: str = "", **config: Any) -> str:
        """A session; its id."""
        name = session_id or f"session-{next(_names)}"
        ttl_ms = config.pop("idle_ttl_ms", 0)
        await self.stub.StartSession(
            tts_pb2.StartSessionRequest(session_id=name, config=tts_pb2.TtsConfig(**config), idle_ttl_ms=ttl_ms), timeout=DEADLINE_S
        )
        return name

    @contextlib.asynccontextmanager
    async def stream(self, session_id: str = "", **config: Any) -> AsyncIterator[Client]:
        """A stream of a new session, or of `session_id`; cancelled at the end."""
        name = session_id or await self.start(**config)
        call = self.stub.Synthesize()
        try:
            yield Client(name, call)
        finally:
            call.cancel()


@dataclass
class Client:
    """One stream. Reads only while it is asked to, and remembers all messages."""

    session_id: str
    call: Any
    messages: list[audio_pb2.AudioFrame] = field(default_factory=list)
    _greeted: bool = False

    async def send(self, text: str = "", **fields: Any) -> None:
        name = "" if self._greeted else self.session_id
        self._greeted = True
        async with asyncio.timeout(DEADLINE_S):
            await self.call.write(tts_pb2.TextChunk(session_id=name, text=text, **fields))

    async def control(self, control_id: int, verb: int, **fields: Any) -> audio_pb2.ControlAck:
        """An in-band control and its ack."""
        await self.send(control=audio_pb2.Control(control_id=control_id, verb=verb, **fields))  # type: ignore[arg-type]
        return (await self.until(lambda m: m.event.HasField("ack") and m.event.ack.control_id == control_id)).event.ack

    async def read(self) -> audio_pb2.AudioFrame | None:
        """The next message; None at the stream's end. Raises ParleyError where it failed."""
        async with asyncio.timeout(DEADLINE_S):
            try:
                message = await self.call.read()
            except grpc.aio.AioRpcError as error:
                raise from_rpc(error) from None
        if message is grpc.aio.EOF:
            return None
        self.messages.append(message)
        return message  # type: ignore[no-any-return]

    async def until(self, wanted: Callable[[audio_pb2.AudioFrame], bool]) -> audio_pb2.AudioFrame:
        while (message := await self.read()) is not None:
            if wanted(message):
                return message
        raise AssertionError(f"the stream ended: {self.messages[-3:]}")

    async def done(self, utterance_id: int) -> audio_pb2.AudioFrame:
        return await self.until(lambda m: m.event.HasField("done") and m.event.done.utterance_id == utterance_id)

    async def rest(self) -> None:
        while await self.read() is not None:
            pass

    async def failure(self) -> ParleyError:
        """What the stream ends with."""
        try:
            await self.rest()
        except ParleyError as error:
            return error
        raise AssertionError("the stream ended well")

    def pcm(self, utterance_id: int = 0) -> bytes:
        return b"".join(m.pcm for m in self.messages if not utterance_id or m.utterance_id == utterance_id)


@contextlib.asynccontextmanager
async def running_front(limits: TtsLimits | None = None, **options: Any) -> AsyncIterator[Front]:
    """A front with the tone engine, loaded with `options`."""
    limits = limits or TtsLimits()
    registry = CollectorRegistry()
    metrics = TtsMetrics(registry)
    async with Models("tts", [ModelSettings(id="tone", engine="tone", options=options)], "tone") as models:
        await models.default_ready()
        sessions = Sessions(models, limits, metrics, lambda: None)
        server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
        tts_pb2_grpc.add_TtsServiceServicer_to_server(TtsServicer(Identity.make("tts"), models, sessions, limits), server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.use_local_subchannel_pool", 1)]) as channel:
            stub: Any = tts_pb2_grpc.TtsServiceStub(channel)
            yield Front(f"127.0.0.1:{port}", stub, sessions, models, metrics, registry, channel)
        await server.stop(None)
        sessions.end_all(ParleyError("GOING_AWAY", "the test is over"))


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    async with running_front() as running:
        yield running


@pytest.fixture(scope="session")
def fronts() -> Callable[..., contextlib.AbstractAsyncContextManager[Front]]:
    """Makes fronts with limits and engine options of a test's own."""
    return running_front


RATE_HZ = 24_000
SAMPLES_PER_CHAR = 1_000  # 42 ms


class PureLease:
    """A voice for the pure core: every character of a text is a constant of its own, so audio tells which text it came from."""

    def __init__(self, aligned: bool, rate_hz: int = RATE_HZ) -> None:
        self.card = EngineCard(rate_hz, voices=("a", "b"), features=("alignment.word",) if aligned else (), speed_range=(0.5, 2.0))
        self.info = model_pb2.ModelInfo(model_id="pure", revision="1")

    def gain_db(self, voice: str) -> float:
        return 0.0

    def speak(self, request: TtsRequest, sink: Any, allow_samples: int) -> Any:
        raise AssertionError("the core asks by commands")

    def release(self) -> None:
        raise AssertionError("the core holds no references")


@dataclass
class Job:
    """What the pretended engine knows of one job."""

    text: str
    allowed: int
    given: int = 0
    frozen: bool = False

    def pcm(self) -> bytes:
        return b"".join(struct.pack("<h", ord(char) % 16_000 + 1) * SAMPLES_PER_CHAR for char in self.text)

    def marks(self, begin: int, end: int) -> list[WordMark]:
        words = [(found.start(), found.end()) for found in re.finditer(r"\S+", self.text)]
        return [WordMark(a, b, a * SAMPLES_PER_CHAR, b * SAMPLES_PER_CHAR) for a, b in words if begin <= a * SAMPLES_PER_CHAR < end]


class World:
    """A session, a clock that is moved by hand, and an engine that gives audio when it is told to. Checks what must hold at any time."""

    def __init__(self, aligned: bool = True, limits: TtsLimits | None = None, rate_hz: int = RATE_HZ, **config: Any) -> None:
        self.lease = PureLease(aligned, rate_hz)
        limits = limits or TtsLimits()
        config.setdefault("marks", audio_pb2.MARK_KIND_WORD)
        self.config = effective_config(tts_pb2.TtsConfig(**config), self.lease.card, limits)
        self.tally = Tally()
        self.session = TtsSession(self.config, self.lease, limits, self.tally)
        self.session.attach("s")
        self.now_us = 1_000_000
        self.jobs: dict[int, Job] = {}
        self.messages: list[audio_pb2.AudioFrame] = []
        self.dead_epoch = 0
        self._controls = 0

    # what a client does

    def say(self, text: str = "", end: bool = False, **fields: Any) -> None:
        self.session.text(tts_pb2.TextChunk(text=text, end_of_utterance=end, **fields), self.now_us)
        self._obey()

    def control(self, verb: int, in_band: bool = True, control_id: int = 0, **fields: Any) -> audio_pb2.ControlAck:
        self._controls += 1
        control = audio_pb2.Control(control_id=control_id or self._controls, verb=verb, **fields)  # type: ignore[arg-type]
        ack = self.session.control(control, self.now_us, in_band)
        self.session.acknowledge(ack)
        self._obey()
        return ack

    def stop(self, **fields: Any) -> audio_pb2.ControlAck:
        return self.control(audio_pb2.CONTROL_VERB_STOP, **fields)

    def pause(self, **fields: Any) -> audio_pb2.ControlAck:
        return self.control(audio_pb2.CONTROL_VERB_PAUSE, **fields)

    def resume(self, **fields: Any) -> audio_pb2.ControlAck:
        return self.control(audio_pb2.CONTROL_VERB_RESUME, **fields)

    def allow(self, seq: int, played: int = 0) -> None:
        self.session.flow(audio_pb2.Flow(allow_through_seq=seq, played_seq=played), self.now_us)

    # what the engine does

    def generate(self, samples: int = 1 << 30, jobs: int = 10) -> None:
        """Up to `samples` of each of the first `jobs` jobs, as far as they are allowed."""
        for job_id in list(self.jobs)[:jobs]:
            job = self.jobs.get(job_id)
            if job is None or job.frozen:
                continue
            pcm = job.pcm()
            begin, end = job.given, min(len(pcm) // 2, job.allowed, job.given + samples)
            done = end == len(pcm) // 2
            if end == begin and not done:
                continue
            job.given = end
            if done:
                del self.jobs[job_id]
            self.session.audio(job_id, pcm[2 * begin : 2 * end], job.marks(begin, end), done, 1, self.now_us)
            self._obey()

    def fail(self, reason: str) -> None:
        job_id = next(iter(self.jobs))
        del self.jobs[job_id]
        self.session.engine_failed(job_id, ParleyError(reason, "told to"), self.now_us)
        self._obey()

    # what time and the writer do

    def read(self, limit: int = 1 << 30) -> list[audio_pb2.AudioFrame]:
        """What can be written now."""
        got: list[audio_pb2.AudioFrame] = []
        while len(got) < limit and (message := self.session.pull(self.now_us)) is not None:
            self._obey()
            self._check(message)
            got.append(message)
        self._obey()
        return got

    def advance(self, ms: float) -> list[audio_pb2.AudioFrame]:
        """Let time pass as the shell does, from wake-up to wake-up."""
        until = self.now_us + round(ms * 1000)
        got = self.read()
        while (wake := self.session.wake_us) is not None and wake <= until:
            assert wake > self.now_us, "a wake-up in the past would spin"
            self.now_us = wake
            self.generate()
            got += self.read()
        self.now_us = until
        return got

    def finish(self) -> list[audio_pb2.AudioFrame]:
        """Everything to the end, with an engine that is always in time."""
        got = self.read()
        for _ in range(10_000):
            self.generate()
            got += self.read()
            if not self.jobs and self.session.wake_us is None:
                return got
            got += self.advance(20)
        raise AssertionError("it never ends")

    def pcm(self, utterance_id: int) -> bytes:
        return b"".join(m.pcm for m in self.messages if m.utterance_id == utterance_id)

    def events(self, kind: str) -> list[Any]:
        return [getattr(m.event, kind) for m in self.messages if m.event.HasField(kind)]  # type: ignore[arg-type]

    def _obey(self) -> None:
        for command in self.session.take_commands():
            match command:
                case OpenJob(job_id, _, request, allow_samples):
                    assert request.text.strip()
                    self.jobs[job_id] = Job(request.text, allow_samples)
                case AllowJob(job_id, total_samples):
                    assert total_samples > self.jobs[job_id].allowed
                    self.jobs[job_id].allowed = total_samples
                case FreezeJob(job_id):
                    self.jobs[job_id].frozen = True
                case ThawJob(job_id):
                    self.jobs[job_id].frozen = False
                case CloseJob(job_id):
                    del self.jobs[job_id]

    def _check(self, message: audio_pb2.AudioFrame) -> None:
        """The rules of every message, whatever happens around it."""
        if message.pcm:
            before = [m for m in self.messages if m.pcm]
            last = before[-1] if before else None
            assert message.seq == (last.seq + last.frame_count if last else 1), "seq is gapless"
            assert 1 <= message.frame_count <= self.config.max_frames_per_message
            assert len(message.pcm) == FRAME_BYTES * message.frame_count
            assert message.epoch > self.dead_epoch, "a frame of a dead epoch"
            own = [m for m in before if m.utterance_id == message.utterance_id]
            assert message.pts == sum(m.frame_count for m in own) * FRAME_SAMPLES, "pts goes on"
        else:
            assert message.seq == 0
        if message.event.HasField("ack") and message.event.ack.verb == audio_pb2.CONTROL_VERB_STOP:
            self.dead_epoch = max(self.dead_epoch, message.event.ack.epoch if message.event.ack.applied else 0)
        self.messages.append(message)


@pytest.fixture(scope="session")
def worlds() -> type[World]:
    """Makes worlds; a fixture, since test modules cannot import each other."""
    return World
