"""A TTS front on a free port of the loopback, with the tone engine in its own process, and a client that keeps what it was sent."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from prometheus_client import CollectorRegistry

from parley.errors import ParleyError, from_rpc
from parley.v1 import audio_pb2, tts_pb2, tts_pb2_grpc
from workers.identity import Identity
from workers.models import Models, ModelSettings
from workers.tts.limits import TtsLimits
from workers.tts.metrics import TtsMetrics
from workers.tts.servicer import TtsServicer
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
            yield Front(f"127.0.0.1:{port}", tts_pb2_grpc.TtsServiceStub(channel), sessions, models, metrics, registry)  # type: ignore[arg-type]
        await server.stop(None)
        sessions.end_all(ParleyError("GOING_AWAY", "the test is over"))


@pytest.fixture
async def front() -> AsyncIterator[Front]:
    async with running_front() as running:
        yield running
