"""A live session and its stream: the pure core with a clock, a model lease, the engine's jobs and one writer.

The handler of Synthesize is the writer; one child task reads. Both, the engine's callbacks and the unary calls enter the core by plain
function calls and wake the writer; no queue lies between. What is not written yet exists only in the core, so a client that does not
read fills nothing but its own bounded buffer.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, assert_never

import grpc
import structlog

from parley.errors import ParleyError
from parley.v1 import audio_pb2, tts_pb2
from workers.engines.api import WordMark
from workers.host.process import Speech
from workers.tts.generation import AllowJob, CloseJob, Command, FreezeJob, OpenJob, ThawJob
from workers.tts.lease import Lease
from workers.tts.limits import TtsLimits
from workers.tts.metrics import TtsMetrics
from workers.tts.session import TtsSession

log = structlog.get_logger()
Slow = Callable[["LiveSession", Any], Awaitable[Any]]
"""Something that must be awaited for a message: RELOAD, or the loudness of a voice."""


class LiveSession:
    """One session from StartSession to its end."""

    def __init__(self, session_id: str, core: TtsSession, limits: TtsLimits, metrics: TtsMetrics) -> None:
        self.session_id = session_id
        self.core = core
        self.attached = False
        """A stream is open."""
        self.changed = asyncio.Event()
        """Set whenever the writer may have something to do."""
        self.detached = asyncio.Event()
        """Set while no stream is open."""
        self._limits = limits
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._jobs: dict[int, Speech] = {}
        self._retired: list[Lease] = []
        self._ended = False
        self._reloading = False
        self._writing_since_s = math.inf
        self._error: ParleyError | None = None
        self._stops: dict[int, int] = {}

    def now_us(self) -> int:
        """The loop's clock, which the core is told."""
        return int(self._loop.time() * 1e6)

    def control(self, control: audio_pb2.Control, in_band: bool) -> audio_pb2.ControlAck:
        """Apply PAUSE, RESUME or STOP. Raises ParleyError."""
        began_ns = time.perf_counter_ns()
        ack = self.core.control(control, self.now_us(), in_band)
        ack.applied_us = ack.applied_us or max(1, (time.perf_counter_ns() - began_ns) // 1000)
        self.core.acknowledge(ack)
        if self.attached and control.verb == audio_pb2.CONTROL_VERB_STOP:
            self._stops[control.control_id] = began_ns
        self.act()
        return ack

    def use(self, lease: Lease) -> None:
        """`lease` speaks from the next utterance on; the old one is given back when its last utterance is over."""
        self._retired.append(self.core.lease)
        self.core.lease = lease
        self._release_retired()

    def fail(self, error: ParleyError) -> None:
        """End the stream with `error`."""
        self._error = self._error or error
        self.changed.set()

    def act(self) -> None:
        """Tell the engine what the core decided, and let the writer look again."""
        self._obey()
        self.changed.set()

    def end(self) -> None:
        """Give everything back; an open stream ends without an error."""
        if not self._ended:
            self._ended = True
            self.core.detach(self.now_us())
            self.act()
            for lease in (*self._retired, self.core.lease):
                lease.release()

    async def stream(self, first: tts_pb2.TextChunk, context: Any, reload: Slow, measure: Slow) -> None:
        """Serve one stream to its end.

        Raises:
            ParleyError: why it ended, unless it was half-closed and spoken to its end, or the session was ended.
        """
        self.attached, self._error, self._writing_since_s = True, None, math.inf
        self.detached.clear()
        self.core.attach(self.session_id)
        try:
            async with asyncio.TaskGroup() as group:
                reader = group.create_task(self._read(first, context, group, reload, measure))
                watcher = group.create_task(self._watch_writer())
                await self._write(context)
                reader.cancel()
                watcher.cancel()
        except BaseExceptionGroup as errors:
            raise _first_of(errors) from None
        finally:
            self.attached = False
            self.detached.set()
            self._stops.clear()
            if not self._ended:
                self.core.detach(self.now_us())
            self.act()

    # ---------- reader ----------

    async def _read(self, first: tts_pb2.TextChunk, context: Any, group: asyncio.TaskGroup, reload: Slow, measure: Slow) -> None:
        chunk = first
        while chunk is not grpc.aio.EOF:  # type: ignore[attr-defined]
            if chunk.HasField("style"):  # a voice that was never used here is measured before it is heard
                await measure(self, chunk.style)
            self._take(chunk, group, reload)
            chunk = await context.read()
        self.core.half_close(self.now_us())
        self.act()

    def _take(self, chunk: tts_pb2.TextChunk, group: asyncio.TaskGroup, reload: Slow) -> None:
        if chunk.session_id and chunk.session_id != self.session_id:
            raise ParleyError("BAD_REQUEST", "session_id: this stream belongs to another session")
        if chunk.HasField("control"):
            if chunk.control.verb == audio_pb2.CONTROL_VERB_RELOAD:
                self._begin_reload(chunk.control, group, reload)
            else:
                self.control(chunk.control, in_band=True)
        now_us = self.now_us()
        if chunk.HasField("flow"):
            self.core.flow(chunk.flow, now_us)
        self.core.text(chunk, now_us)
        self.act()

    def _begin_reload(self, control: audio_pb2.Control, group: asyncio.TaskGroup, reload: Slow) -> None:
        if (ack := self.core.known_ack(control)) is not None:
            self.core.acknowledge(ack)
        elif self._reloading:  # one at a time: a second one would bring nothing
            self.core.acknowledge(self.core.reloaded(control, None))
        else:
            self._reloading = True
            group.create_task(self._reload(control, reload))

    async def _reload(self, control: audio_pb2.Control, reload: Slow) -> None:
        """In-band, a failure is a Notice and an ack that says that nothing was applied: the conversation goes on with the old model."""
        try:
            await reload(self, control)
        except ParleyError as error:
            self.core.notice(error)
            self.core.acknowledge(self.core.reloaded(control, None))
            self.act()
        finally:
            self._reloading = False

    # ---------- writer ----------

    async def _write(self, context: Any) -> None:
        while True:
            self.changed.clear()
            if self._error is not None:
                raise self._error
            if self._ended:
                return
            message = self.core.pull(self.now_us())
            self._obey()
            if message is not None:
                await self._send(context, message)
            elif self.core.finished:
                return
            else:
                await self._sleep()

    async def _send(self, context: Any, message: audio_pb2.AudioFrame) -> None:
        message.capture_unix_us = time.time_ns() // 1000
        self._writing_since_s = self._loop.time()
        await context.write(message)
        self._writing_since_s = math.inf
        if message.HasField("event"):
            self._observe(message.event)

    async def _watch_writer(self) -> None:
        """Ends the stream of a client that does not read. One timer for many messages: a timeout around each would cost more than it."""
        slow_s = self._limits.slow_client_s
        while self._loop.time() - self._writing_since_s < slow_s:  # noqa: ASYNC110 (it is the passing of time that is watched)
            await asyncio.sleep(slow_s / 4)
        self._metrics.tally.slow_clients += 1
        raise ParleyError("SLOW_CLIENT", f"the client has taken nothing for {slow_s:g} s")

    async def _sleep(self) -> None:
        """Until something happens or the core's wake-up time has come: one timer per message, and no task."""
        due_us = self.core.wake_us
        timer = self._loop.call_at(due_us / 1e6, self.changed.set) if due_us is not None else None
        try:
            await self.changed.wait()
        finally:
            if timer is not None:
                timer.cancel()

    def _observe(self, event: audio_pb2.TtsEvent) -> None:
        if event.HasField("ack"):
            if began_ns := self._stops.pop(event.ack.control_id, None):
                self._metrics.stop_to_ack.observe((time.perf_counter_ns() - began_ns) / 1e9)
        elif event.HasField("started"):
            self._metrics.first_audio.observe(event.started.first_audio_us / 1e6)
            self._metrics.tally.heard_first_audio(event.started.first_audio_us)
        elif event.HasField("done") and self._retired:
            self._release_retired()

    # ---------- engine ----------

    def _obey(self) -> None:
        while commands := self.core.take_commands():
            for command in commands:
                self._tell_engine(command)

    def _tell_engine(self, command: Command) -> None:
        match command:
            case OpenJob():
                self._open(command)
            case AllowJob(job_id, total_samples):
                if (job := self._jobs.get(job_id)) is not None:
                    job.allow(total_samples)
            case FreezeJob(job_id):
                if (job := self._jobs.get(job_id)) is not None:
                    job.freeze()
            case ThawJob(job_id):
                if (job := self._jobs.get(job_id)) is not None:
                    job.thaw()
            case CloseJob(job_id):
                if (job := self._jobs.pop(job_id, None)) is not None:
                    job.close()
            case _:
                assert_never(command)

    def _open(self, command: OpenJob) -> None:
        sink = _JobSink(self, command.job_id)
        try:
            self._jobs[command.job_id] = command.lease.speak(command.request, sink, command.allow_samples)
        except ParleyError as error:
            self.core.engine_failed(command.job_id, error, self.now_us())

    def hear(self, job_id: int, pcm: bytes, marks: Sequence[WordMark], done: bool, step_us: int) -> None:
        """A job's audio, from its sink."""
        if done:
            self._jobs.pop(job_id, None)
        try:
            self.core.audio(job_id, pcm, marks, done, step_us, self.now_us())
            self._obey()
            if self.core.wants_audio:
                self.changed.set()
        except Exception:  # the top of a session: a fault in here must not reach the engine's other sessions
            log.exception("audio_lost", session_id=self.session_id)
            self.fail(ParleyError("INTERNAL", "the worker failed on this session's audio"))

    def job_failed(self, job_id: int, error: ParleyError) -> None:
        """A job's end without its end, from its sink."""
        self._jobs.pop(job_id, None)
        log.warning("job_failed", session_id=self.session_id, reason=error.reason, detail=error.message)
        self.core.engine_failed(job_id, error, self.now_us())
        self.act()

    def _release_retired(self) -> None:
        used = self.core.leases_in_use()
        for lease in [lease for lease in self._retired if lease not in used]:
            self._retired.remove(lease)
            lease.release()


class _JobSink:
    """Hands one job's audio to its session."""

    __slots__ = ("_job_id", "_session")

    def __init__(self, session: LiveSession, job_id: int) -> None:
        self._session = session
        self._job_id = job_id

    def on_audio(self, pcm: bytes, marks: Sequence[WordMark], done: bool, step_us: int) -> None:
        self._session.hear(self._job_id, pcm, marks, done, step_us)

    def on_failed(self, error: ParleyError) -> None:
        self._session.job_failed(self._job_id, error)


def _first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The one error behind a group: its tasks end each other, so the first is the cause."""
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
