"""A recogniser's front on a real gRPC port, with the tone engine in a real process behind it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from parley.audio import FRAME_BYTES
from parley.errors import ParleyError, from_rpc
from parley.v1 import audio_pb2, model_pb2, stt_pb2, stt_pb2_grpc
from workers.audio.resample import Resampler, to_s16
from workers.engines.api import TtsRequest
from workers.engines.tone import ToneTts
from workers.identity import Identity
from workers.models import Models, ModelSettings
from workers.stt.limits import SttLimits
from workers.stt.metrics import SttMetrics
from workers.stt.servicer import SttServicer
from workers.stt.sessions import Sessions

DEADLINE_S = 20.0


@dataclass
class Front:
    """What a test gets hold of."""

    stub: Any
    models: Models
    sessions: Sessions
    registry: CollectorRegistry

    async def start(self, session_id: str = "s", **config: Any) -> stt_pb2.SttStartSessionResponse:
        wanted = {"interim": True, "word_times": True, "endpointing": stt_pb2.Endpointing(disabled=True), **config}
        request = stt_pb2.SttStartSessionRequest(session_id=session_id, config=stt_pb2.SttConfig(**wanted))
        return await self.stub.StartSession(request, timeout=DEADLINE_S)

    def open_streams(self) -> int:
        return int(self.registry.get_sample_value("parley_stt_streams") or 0)

    def failures(self, reason: str) -> float:
        return self.registry.get_sample_value("parley_stt_errors_total", {"reason": reason}) or 0.0

    async def until(self, condition: Callable[[], bool]) -> None:
        """The condition holds, within the deadline."""
        async with asyncio.timeout(DEADLINE_S):
            while not condition():  # noqa: ASYNC110 (what it looks at tells nobody when it changes)
                await asyncio.sleep(0.005)

    async def until_state(self, *names: str) -> None:
        """The first model comes to these states, one after another."""
        for name in names:
            wanted = model_pb2.ModelState.Value(f"MODEL_STATE_{name}")
            await self.until(lambda wanted=wanted: self.models.list(False)[0].state == wanted)


class Call:
    """One Transcribe stream: sends, and reads with a deadline."""

    def __init__(self, stub: Any, session_id: str = "s") -> None:
        self.call = stub.Transcribe()
        self.session_id = session_id
        self.events: list[stt_pb2.TranscriptEvent] = []

    async def __aenter__(self) -> Call:
        await self.send(session_id=self.session_id)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.call.cancel()

    async def send(self, **fields: Any) -> None:
        await self.call.write(audio_pb2.AudioFrame(**fields))

    async def say(self, pcm: bytes, frames: int = 5) -> None:
        for start in range(0, len(pcm), frames * FRAME_BYTES):
            part = pcm[start : start + frames * FRAME_BYTES]
            await self.send(pcm=part, frame_count=len(part) // FRAME_BYTES)

    async def verb(self, name: str, control_id: int) -> None:
        verb = audio_pb2.ControlVerb.Value(f"CONTROL_VERB_{name}")
        await self.send(control=audio_pb2.Control(control_id=control_id, verb=verb))

    async def read(self) -> stt_pb2.TranscriptEvent | None:
        """The next event; None at the end."""
        async with asyncio.timeout(DEADLINE_S):
            event = await self.call.read()
        if event is grpc.aio.EOF:
            return None
        self.events.append(event)
        return event

    async def until(self, wanted: Callable[[stt_pb2.TranscriptEvent], bool]) -> stt_pb2.TranscriptEvent:
        """Read to the first event that is `wanted`."""
        while (event := await self.read()) is not None:
            if wanted(event):
                return event
        raise AssertionError(f"the stream ended before; it had {self.events}")

    async def until_ack(self, control_id: int) -> audio_pb2.ControlAck:
        return (await self.until(lambda event: event.HasField("ack") and event.ack.control_id == control_id)).ack

    async def failure(self) -> ParleyError:
        """Read to the error that ends the stream."""
        try:
            while await self.read() is not None:
                pass
        except grpc.aio.AioRpcError as error:
            return from_rpc(error)
        raise AssertionError(f"the stream ended well, with {self.events}")

    async def rest(self) -> list[stt_pb2.TranscriptEvent]:
        await self.call.done_writing()
        while await self.read() is not None:
            pass
        return self.events

    def finals(self) -> list[str]:
        return [event.hypothesis.text for event in self.events if event.HasField("hypothesis") and event.hypothesis.final]


FrontMaker = Callable[..., AbstractAsyncContextManager[Front]]


@asynccontextmanager
async def open_front(models: Sequence[ModelSettings] = (), **limits: Any) -> AsyncIterator[Front]:
    settings = SttLimits(**limits)
    configured = models or (ModelSettings(id="tone", engine="tone"),)
    registry = CollectorRegistry()
    server = grpc.aio.server(options=(("grpc.so_reuseport", 0),))
    port = server.add_insecure_port("127.0.0.1:0")
    async with Models("stt", configured, configured[0].id) as loaded, asyncio.TaskGroup() as group:
        await loaded.default_ready()
        sessions = Sessions(loaded, settings, SttMetrics(registry), group, lambda: None)
        servicer = SttServicer(Identity("stt", "w", "i"), loaded, sessions, settings)
        stt_pb2_grpc.add_SttServiceServicer_to_server(servicer, server)
        await server.start()
        try:
            async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield Front(stt_pb2_grpc.SttServiceStub(channel), loaded, sessions, registry)
        finally:
            await server.stop(0)


@pytest.fixture
def front() -> FrontMaker:
    return open_front


@pytest.fixture
def call() -> type[Call]:
    return Call


@pytest.fixture(scope="session")
def spoken() -> Iterator[Callable[[str], bytes]]:
    """Tone speech at 48 kHz, in whole frames."""
    engine = ToneTts()
    rate_hz = engine.load({"burst_ms": 5000.0}).sample_rate_hz

    def speak(text: str) -> bytes:
        job, resampler, parts, done = engine.open(TtsRequest(text)), Resampler(rate_hz), [], False
        while not done:
            (step,) = engine.step([job])
            parts.append(resampler.push(step.pcm, last=step.done))
            done = step.done
        pcm = to_s16(np.concatenate(parts))
        return pcm + bytes(-len(pcm) % FRAME_BYTES)

    return speak
