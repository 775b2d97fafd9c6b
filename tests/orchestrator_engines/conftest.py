"""A small worker that obeys the contract on a real gRPC server and can be told to misbehave; sinks that record; waiting with a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any

import grpc
import pytest

from orchestrator.directory.static import StaticDirectory
from orchestrator.engines.workers import Workers
from parley.audio import FRAME_BYTES, FRAME_SAMPLES
from parley.errors import ParleyError, abort
from parley.v1 import audio_pb2, model_pb2, model_pb2_grpc, stt_pb2, stt_pb2_grpc, tts_pb2, tts_pb2_grpc

DEADLINE_S = 10.0


class Worker:
    """One worker of both kinds. TTS: one frame per character, its samples the character's code; STT: each sample value is a character."""

    def __init__(self, worker_id: str) -> None:
        self.worker_id = worker_id
        self.sessions: set[str] = set()
        self.streams = 0
        self.configs: list[Any] = []
        self.draining = False
        self.max_sessions = 100
        self.models = ["m@1"]
        self.mute = False  # WatchStatus says nothing
        self.refuse: ParleyError | None = None
        self.rude = False  # frames of a dead epoch go out after the STOP's ack
        self.held: list[audio_pb2.AudioFrame] = []
        self.kill = asyncio.Event()
        self.kill_with = ParleyError("ENGINE_CRASHED", "the engine process died")
        self.messages: list[Any] = []
        self.changed = asyncio.Event()
        self.leave = asyncio.Event()
        self.address = ""
        self._server: grpc.aio.Server | None = None

    async def start(self, port: int = 0) -> None:
        self._server = grpc.aio.server(options=[("grpc.so_reuseport", 0), ("grpc.http2.max_ping_strikes", 0)])
        tts_pb2_grpc.add_TtsServiceServicer_to_server(_Tts(self), self._server)
        stt_pb2_grpc.add_SttServiceServicer_to_server(_Stt(self), self._server)
        model_pb2_grpc.add_WorkerServiceServicer_to_server(_Status(self), self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port(f'127.0.0.1:{port}')}"
        await self._server.start()

    async def stop(self) -> None:
        if self._server is not None:
            server, self._server = self._server, None
            await server.stop(None)
            self.sessions.clear()

    def status(self) -> model_pb2.WorkerStatus:
        return model_pb2.WorkerStatus(
            worker_id=self.worker_id,
            instance_id=self.address,
            draining=self.draining,
            sessions=len(self.sessions),
            max_sessions=self.max_sessions,
            ready_models=self.models,
        )

    def touch(self) -> None:
        self.changed.set()

    async def admit(self, request: Any, context: Any) -> None:
        if self.refuse is not None:
            await abort(context, self.refuse)
        if request.session_id in self.sessions:
            await abort(context, ParleyError("SESSION_EXISTS", request.session_id))
        self.sessions.add(request.session_id)
        self.configs.append(request.config)
        self.touch()

    @asynccontextmanager
    async def stream(self, context: Any) -> AsyncIterator[Any]:
        first = await context.read()
        if first is grpc.aio.EOF or first.session_id not in self.sessions:
            await abort(context, ParleyError("SESSION_UNKNOWN", "no such session"))
        self.streams += 1
        try:
            yield first
        finally:
            self.streams -= 1


@dataclass
class _Status(model_pb2_grpc.WorkerServiceServicer):
    worker: Worker

    async def WatchStatus(self, request: Any, context: Any) -> None:
        worker = self.worker
        while not worker.mute:
            await context.write(worker.status())
            worker.changed.clear()
            try:
                async with asyncio.timeout(0.1):
                    await worker.changed.wait()
            except TimeoutError:
                continue
        await asyncio.Event().wait()


@dataclass
class _Tts(tts_pb2_grpc.TtsServiceServicer):
    worker: Worker

    async def StartSession(self, request: Any, context: Any) -> Any:
        await self.worker.admit(request, context)
        return tts_pb2.StartSessionResponse(worker_id=self.worker.worker_id)

    async def EndSession(self, request: Any, context: Any) -> Any:
        self.worker.sessions.discard(request.session_id)
        self.worker.touch()
        return tts_pb2.EndSessionResponse()

    async def Synthesize(self, request_iterator: Any, context: Any) -> None:
        async with self.worker.stream(context) as first, asyncio.TaskGroup() as group:
            killer = group.create_task(self._die(context))
            await _Speaker(self.worker, context).run(first)
            killer.cancel()

    async def _die(self, context: Any) -> None:
        await self.worker.kill.wait()
        await abort(context, self.worker.kill_with)


@dataclass
class _Speaker:
    worker: Worker
    context: Any
    epoch: int = 1
    seq: int = 0
    paused: bool = False
    chars: dict[int, int] = field(default_factory=dict)

    async def run(self, chunk: tts_pb2.TextChunk) -> None:
        while chunk is not grpc.aio.EOF:
            self.worker.messages.append(chunk)
            if chunk.HasField("control"):
                await self._control(chunk.control)
            if chunk.text or chunk.end_of_utterance:
                await self._speak(chunk)
            if self.worker.leave.is_set():
                event = audio_pb2.TtsEvent(going_away=audio_pb2.GoingAway(reason="drain"))
                await self.context.write(audio_pb2.AudioFrame(event=event))
                self.worker.leave.clear()
            chunk = await self.context.read()

    async def _control(self, control: audio_pb2.Control) -> None:
        dead = self.epoch
        if control.verb == audio_pb2.CONTROL_VERB_STOP:
            dead = control.through_epoch
            self.epoch = max(self.epoch, dead + 1)
        ack = audio_pb2.ControlAck(control_id=control.control_id, verb=control.verb, applied=True, epoch=dead, last_seq=self.seq)
        await self.context.write(audio_pb2.AudioFrame(event=audio_pb2.TtsEvent(ack=ack), epoch=dead))
        if self.worker.rude and control.verb == audio_pb2.CONTROL_VERB_STOP:
            for frame in self.worker.held:
                await self.context.write(frame)

    async def _speak(self, chunk: tts_pb2.TextChunk) -> None:
        if chunk.epoch < self.epoch:
            return
        at = self.chars.get(chunk.utterance_id, 0)
        for offset, letter in enumerate(chunk.text):
            self.seq += 1
            pcm = ord(letter).to_bytes(2, "little") * FRAME_SAMPLES
            frame = audio_pb2.AudioFrame(seq=self.seq, pts=(at + offset) * FRAME_SAMPLES, pcm=pcm, frame_count=1)
            frame.epoch, frame.utterance_id = self.epoch, chunk.utterance_id
            self.worker.held.append(frame)
            await self.context.write(frame)
        self.chars[chunk.utterance_id] = at + len(chunk.text)
        if chunk.end_of_utterance:
            done = audio_pb2.UtteranceDone(utterance_id=chunk.utterance_id, last_seq=self.seq)
            frame = audio_pb2.AudioFrame(event=audio_pb2.TtsEvent(done=done), epoch=self.epoch, utterance_id=chunk.utterance_id)
            await self.context.write(frame)


@dataclass
class _Stt(stt_pb2_grpc.SttServiceServicer):
    worker: Worker

    async def StartSession(self, request: Any, context: Any) -> Any:
        await self.worker.admit(request, context)
        return stt_pb2.SttStartSessionResponse(worker_id=self.worker.worker_id)

    async def EndSession(self, request: Any, context: Any) -> Any:
        self.worker.sessions.discard(request.session_id)
        self.worker.touch()
        return stt_pb2.SttEndSessionResponse()

    async def Transcribe(self, request_iterator: Any, context: Any) -> None:
        async with self.worker.stream(context), asyncio.TaskGroup() as group:
            killer = group.create_task(self._die(context))
            await self._listen(context)
            killer.cancel()

    async def _die(self, context: Any) -> None:
        await self.worker.kill.wait()
        await abort(context, self.worker.kill_with)

    async def _listen(self, context: Any) -> None:
        text, segment, revision, pts = "", 1, 0, 0
        while (frame := await context.read()) is not grpc.aio.EOF:
            self.worker.messages.append(frame)
            for at in range(0, len(frame.pcm), FRAME_BYTES):
                text += chr(int.from_bytes(frame.pcm[at : at + 2], "little"))
                pts = frame.pts + (at + FRAME_BYTES) // 2
            verb = frame.control.verb
            if verb == audio_pb2.CONTROL_VERB_STOP:
                text, revision = "", 0
            if frame.pcm or verb == audio_pb2.CONTROL_VERB_FINALIZE:
                revision += 1
                final = verb == audio_pb2.CONTROL_VERB_FINALIZE
                hypothesis = stt_pb2.Hypothesis(segment_id=segment, revision=revision, final=final, text=text, pts_end=pts)
                await context.write(stt_pb2.TranscriptEvent(hypothesis=hypothesis, pts_processed=pts))
                if final:
                    text, segment, revision = "", segment + 1, 0
            if verb:
                ack = audio_pb2.ControlAck(control_id=frame.control.control_id, verb=verb, applied=True, last_pts_end=pts)
                await context.write(stt_pb2.TranscriptEvent(ack=ack, pts_processed=pts))
            if self.worker.leave.is_set():
                self.worker.leave.clear()
                await context.write(stt_pb2.TranscriptEvent(going_away=audio_pb2.GoingAway(reason="drain")))


class Recorder:
    """A sink for both kinds: a list of what came, and waiting for it."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, Any]] = []
        self._changed = asyncio.Event()

    def _note(self, kind: str, what: Any) -> None:
        self.seen.append((kind, what))
        self._changed.set()

    def on_audio(self, frame: audio_pb2.AudioFrame) -> None:
        self._note("audio", frame)

    def on_event(self, event: audio_pb2.TtsEvent, frame: audio_pb2.AudioFrame) -> None:
        kind = event.WhichOneof("event") or ""
        self._note(kind, getattr(event, kind))

    def on_hypothesis(self, hypothesis: stt_pb2.Hypothesis, pts_processed: int) -> None:
        self._note("final" if hypothesis.final else "partial", hypothesis)

    def on_ack(self, ack: audio_pb2.ControlAck) -> None:
        self._note("ack", ack)

    def on_notice(self, notice: audio_pb2.Notice) -> None:
        self._note("notice", notice)

    def on_up(self, worker_id: str) -> None:
        self._note("up", worker_id)

    def on_lost(self, error: ParleyError) -> None:
        self._note("lost", error)

    def all(self, kind: str) -> list[Any]:
        return [what for seen, what in self.seen if seen == kind]

    async def wait(self, kind: str, count: int = 1) -> Any:
        """The `count`-th thing of this kind."""
        async with asyncio.timeout(DEADLINE_S):
            while len(self.all(kind)) < count:
                self._changed.clear()
                await self._changed.wait()
        return self.all(kind)[count - 1]

    def spoken(self) -> str:
        return "".join(
            chr(int.from_bytes(frame.pcm[at : at + 2], "little"))
            for frame in self.all("audio")
            for at in range(0, len(frame.pcm), FRAME_BYTES)
        )


async def until(condition: Callable[[], bool]) -> None:
    """Wait for something that nothing announces."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


def speech(text: str) -> bytes:
    """What the STT worker above takes for `text`: a frame per character."""
    return b"".join(ord(letter).to_bytes(2, "little") * FRAME_SAMPLES for letter in text)


class Fleet:
    """Workers, and the orchestrator's view of them."""

    def __init__(self, group: asyncio.TaskGroup, workers: list[Worker]) -> None:
        self.group = group
        self.workers = workers
        self.tasks: list[asyncio.Task[Any]] = []

    def start(self, coroutine: Any) -> asyncio.Task[Any]:
        task = self.group.create_task(coroutine)
        self.tasks.append(task)
        return task

    async def worker(self, worker_id: str = "w1", port: int = 0) -> Worker:
        worker = Worker(worker_id)
        await worker.start(port)
        self.workers.append(worker)
        return worker

    async def watched(self, *workers: Worker, silence_s: float = 3.0, wait: bool = True) -> Workers:
        addresses = [worker.address for worker in workers]
        seen = Workers(StaticDirectory(stt=addresses, tts=addresses), Random(1), silence_s)
        self.start(seen.run())
        if wait:
            await until(lambda: sum(row["alive"] for row in seen.status()) == 2 * len(workers))
        return seen


@pytest.fixture
def recorder() -> Recorder:
    return Recorder()


@pytest.fixture
def fleet() -> Callable[[], Any]:
    """`async with fleet() as f`: workers and tasks that end with the block; what is left over afterwards fails the test."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Fleet]:
        before = asyncio.all_tasks()
        workers: list[Worker] = []
        try:
            async with asyncio.TaskGroup() as group:
                fleet = Fleet(group, workers)
                yield fleet
                for task in reversed(fleet.tasks):  # links before the workers that they use
                    task.cancel()
                    await asyncio.wait([task])
        finally:
            for worker in workers:  # a server that is not stopped hangs the interpreter at its end
                await worker.stop()
        await until(lambda: not (asyncio.all_tasks() - before))

    return opened


@pytest.fixture
def tools() -> Any:
    """`until` and `speech`, since test files import nothing from each other."""

    @dataclass(frozen=True)
    class Tools:
        until: Callable[[Callable[[], bool]], Awaitable[None]]
        speech: Callable[[str], bytes]

    return Tools(until, speech)
