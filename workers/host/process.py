"""The front's side of an engine process: start it, talk to it, see it die.

Everything happens in the event loop, by callbacks: no task, no queue, no thread. Sinks are called in the loop, in the order in which
the engine spoke; after a job's `close`, after its `done` or after its `on_failed` its sink is never called again. When the process
dies, every open job hears ENGINE_CRASHED once. Bounded: if the process does not read, `feed` fails the stream instead of piling audio up.

It knows nothing of sessions, frames or models; who restarts a dead engine, and when, is decided elsewhere.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal, Protocol, cast

import structlog

from parley.errors import ParleyError
from workers.engines import registry
from workers.engines.api import EngineCard, SttRequest, SttStep, TtsRequest, WordMark
from workers.host import wire

_LOG = structlog.get_logger()
_PACKAGE_DIR: Final = Path(__file__).resolve().parent.parent
_CHILD: Final = _PACKAGE_DIR / "host" / "child.py"
_MAX_UNREAD_BYTES: Final = 16 << 20
_GRACE_S: Final = 2.0  # from the socket's close to TERM, and from TERM to KILL


@dataclass(frozen=True)
class EngineSpec:
    """Which engine to run: a name the registry knows, its options, and the interpreter (None: this one)."""

    kind: Literal["tts", "stt"]
    engine: str
    options: Mapping[str, Any] = field(default_factory=dict)
    python: str | None = None


class SpeechSink(Protocol):
    """Hears one speech job."""

    def on_audio(self, pcm: bytes, marks: Sequence[WordMark], done: bool, step_us: int) -> None:
        """The next audio at the card's rate, with the marks that begin in it or later. `step_us` is its share of the engine's step."""

    def on_failed(self, error: ParleyError) -> None:
        """The job has ended without its end: ENGINE_FAILED or ENGINE_CRASHED."""


class RecognitionSink(Protocol):
    """Hears one recognition stream. `samples_processed` counts what was fed since the stream began."""

    def on_step(self, step: SttStep, samples_processed: int) -> None:
        """Audio was heard; `step.text` is None where it changed nothing."""

    def on_final(self, token: int, step: SttStep, samples_processed: int) -> None:
        """The final of the segment that `finalize(token)` ended."""

    def on_failed(self, error: ParleyError) -> None:
        """The stream has ended: ENGINE_FAILED or ENGINE_CRASHED."""


class Speech:
    """One speech job. Every method may be called at any time, and after the end does nothing."""

    def __init__(self, process: EngineProcess, job_id: int, sink: SpeechSink) -> None:
        self._process = process
        self._id = job_id
        self.sink = sink

    def allow(self, total_samples: int) -> None:
        """The engine may have generated so many samples of this job in all; its last step may overshoot."""
        self._process.send(self._id, ["allow", self._id, total_samples])

    def freeze(self) -> None:
        """Take no further step, whatever is allowed."""
        self._process.send(self._id, ["freeze", self._id])

    def thaw(self) -> None:
        """Undo `freeze`."""
        self._process.send(self._id, ["thaw", self._id])

    def close(self) -> None:
        """End the job."""
        self._process.close(self._id)


class Recognition:
    """One recognition stream. Every method may be called at any time, and after the end does nothing."""

    def __init__(self, process: EngineProcess, job_id: int, sink: RecognitionSink) -> None:
        self._process = process
        self._id = job_id
        self.sink = sink
        self.generation = 0

    def feed(self, pcm: bytes) -> None:
        """More audio, s16le at the card's rate."""
        if self._process.unread_bytes + len(pcm) > _MAX_UNREAD_BYTES:
            self._process.fail(self._id, ParleyError("ENGINE_FAILED", "the engine process does not read what it is fed"))
            return
        self._process.send(self._id, ["feed", self._id], pcm)

    def finalize(self, token: int) -> None:
        """End the segment with what was fed so far; `on_final(token, ...)` answers."""
        self._process.send(self._id, ["finalize", self._id, token])

    def reset(self) -> None:
        """Forget the open segment: nothing more is heard of it. Finals asked for before still come."""
        self.generation += 1
        self._process.send(self._id, ["reset", self._id, self.generation])

    def close(self) -> None:
        """End the stream."""
        self._process.close(self._id)


class EngineProcess(asyncio.Protocol):
    """A loaded engine in its process. Made by `start`."""

    card: EngineCard
    load_ms: int

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self._jobs: dict[int, Speech | Recognition] = {}
        self._last_id = 0
        self._unpacker = wire.Unpacker()
        self._outgoing: list[bytes] = []
        self._outgoing_bytes = 0
        self._loop = asyncio.get_running_loop()
        self._loaded: asyncio.Future[None] = self._loop.create_future()
        self._transport: asyncio.Transport | None = None
        self._process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, spec: EngineSpec, *, load_timeout_s: float) -> EngineProcess:
        """Spawn the process and load the engine.

        Raises:
            ParleyError: MODEL_UNKNOWN; ENGINE_FAILED with the engine's own words; ENGINE_CRASHED; TIMEOUT.
        """
        address = registry.resolve(spec.kind, spec.engine)
        self = cls(spec)
        try:
            async with asyncio.timeout(load_timeout_s):
                await self._spawn()
                search_path = sys.path if spec.python is None else []
                self._write(["load", spec.kind, address, dict(spec.options), search_path])
                await self._loaded
        except TimeoutError:
            await self._end(grace_s=0)
            raise ParleyError("TIMEOUT", f"{spec.engine} was not loaded within {load_timeout_s:g} s") from None
        except BaseException:
            await self._end(grace_s=0)
            raise
        return self

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether jobs can be begun: the engine still talks to us."""
        return self._transport is not None

    @property
    def jobs(self) -> int:
        """Open jobs: a process that another one has replaced ends when there are none."""
        return len(self._jobs)

    @property
    def unread_bytes(self) -> int:
        """What was sent and not yet taken by the process."""
        return self._outgoing_bytes + (self._transport.get_write_buffer_size() if self._transport is not None else 0)

    def speak(self, request: TtsRequest, sink: SpeechSink, allow_samples: int) -> Speech:
        """Begin a speech job that may generate `allow_samples` at once."""
        job = Speech(self, self._new_id(), sink)
        values = {
            "text": request.text,
            "voice": request.voice,
            "language": request.language,
            "speed": request.speed,
            "options": dict(request.options),
        }
        self._begin(job, ["open", self._last_id, values, allow_samples])
        return job

    def recognise(self, request: SttRequest, sink: RecognitionSink) -> Recognition:
        """Begin a recognition stream."""
        job = Recognition(self, self._new_id(), sink)
        values = {"languages": request.languages, "hotwords": request.hotwords, "options": dict(request.options)}
        self._begin(job, ["open", self._last_id, values])
        return job

    async def wait_exit(self) -> str:
        """Until the process is gone; says how it went."""
        code = await self._process.wait()
        return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"

    async def stop(self) -> None:
        """End the process: by closing its socket, then TERM, then KILL. Open jobs hear ENGINE_CRASHED."""
        await self._end(_GRACE_S)

    # What the handles use.

    def send(self, job_id: int, header: list[Any], payload: bytes = b"") -> None:
        """Send a job's command, unless the job has ended."""
        if job_id in self._jobs:
            self._write(header, payload)

    def close(self, job_id: int) -> None:
        """Forget a job here and there."""
        self.send(job_id, ["close", job_id])
        self._jobs.pop(job_id, None)

    def fail(self, job_id: int, error: ParleyError) -> None:
        """End a job with `error`, here and there."""
        job = self._jobs.get(job_id)
        if job is not None:
            self.close(job_id)
            job.sink.on_failed(error)

    # What the loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but name

    def data_received(self, data: bytes) -> None:
        try:
            messages = self._unpacker.feed(data)
        except wire.WireError:
            assert self._transport is not None
            self._transport.abort()  # it has lost its mind: what follows is what follows a crash
            return
        for header, payload in messages:
            try:
                self._receive(header, payload)
            except Exception:  # the top of a job: what its listener makes of a message must not cost the others their engine
                _LOG.exception("listener_failed", engine=self.spec.engine)
                job = self._jobs.pop(header[1], None)
                if job is not None:
                    asyncio.get_running_loop().call_soon(job.sink.on_failed, ParleyError("INTERNAL", "the session failed at this result"))

    def connection_lost(self, _error: Exception | None) -> None:
        self._transport = None
        self._outgoing, self._outgoing_bytes = [], 0
        crash = ParleyError("ENGINE_CRASHED", f"the engine process of {self.spec.engine} has ended")
        if not self._loaded.done():
            self._loaded.set_exception(crash)
        jobs, self._jobs = self._jobs, {}
        for job in jobs.values():
            job.sink.on_failed(crash)

    async def _spawn(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                interpreter = self.spec.python or sys.executable
                arguments = [str(_CHILD), str(theirs.fileno()), str(os.getpid()), str(_PACKAGE_DIR)]
                self._process = await asyncio.create_subprocess_exec(
                    interpreter,
                    *arguments,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=2,  # what a library prints is a log; our stdout belongs to those who wait for `ready`
                    pass_fds=[theirs.fileno()],
                    start_new_session=True,  # Ctrl-C is the front's to handle; and what the engine spawned can be ended with it
                )
            except OSError as error:
                ours.close()
                raise ParleyError("ENGINE_FAILED", f"cannot run {interpreter}: {error.strerror}") from None
            except BaseException:
                ours.close()
                raise
        ours.setblocking(False)
        await self._loop.create_unix_connection(lambda: self, sock=ours)

    async def _end(self, grace_s: float) -> None:
        if self._transport is not None:
            self._transport.abort()
        if not hasattr(self, "_process"):
            return
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                async with asyncio.timeout(grace_s):
                    await self._process.wait()
                    return
            except TimeoutError:
                self._signal(number)
        await self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self._process.pid, number)
        except ProcessLookupError:
            return

    def _new_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _begin(self, job: Speech | Recognition, header: list[Any]) -> None:
        job_id = self._last_id
        self._jobs[job_id] = job
        if self._transport is None:
            error = ParleyError("ENGINE_CRASHED", f"the engine process of {self.spec.engine} has ended")
            self._loop.call_soon(self.fail, job_id, error)
            return
        try:
            self._write(header)
        except wire.WireError as error:
            self._loop.call_soon(self.fail, job_id, ParleyError("ENGINE_FAILED", str(error)))

    def _write(self, header: list[Any], payload: bytes = b"") -> None:
        if self._transport is None:
            return
        message = wire.pack(header, payload)
        self._outgoing.append(message)
        self._outgoing_bytes += len(message)
        if len(self._outgoing) == 1:
            self._loop.call_soon(self._flush)  # one write for all that this turn of the loop has to say

    def _flush(self) -> None:
        outgoing, self._outgoing, self._outgoing_bytes = self._outgoing, [], 0
        if self._transport is not None and outgoing:
            self._transport.write(b"".join(outgoing))

    def _receive(self, header: list[Any], payload: bytes) -> None:
        what, job_id = header[0], header[1]
        if self._loaded.cancelled():  # given up on, and about to be ended
            return
        if what == "card":
            self.card, self.load_ms = wire.card_from_wire(header[1]), header[2]
            self._loaded.set_result(None)
            return
        if what == "refused":
            self._loaded.set_exception(ParleyError("ENGINE_FAILED", header[1]))
            return
        job = self._jobs.get(job_id)
        if job is None:
            return
        if what == "failed":
            del self._jobs[job_id]
            job.sink.on_failed(ParleyError("ENGINE_FAILED", header[2]))
        elif isinstance(job, Speech):
            _, _, done, step_us, marks = header
            if done:
                del self._jobs[job_id]
            job.sink.on_audio(payload, wire.marks_from_wire(marks), done, step_us)
        elif what == "final":
            _, _, token, samples, step = header
            job.sink.on_final(token, wire.step_from_wire(step), samples)
        elif header[2] == job.generation:
            _, _, _, samples, step = header
            job.sink.on_step(wire.step_from_wire(step), samples)
