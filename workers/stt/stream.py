"""The shell of one Transcribe call: reads frames, writes events, and does what the session core says.

Two tasks, one that reads and one that writes (grpc.aio bears no two writers); everything else happens in callbacks of the engine
process, in the same event loop. While the engine is `max_backlog_ms` behind, the stream is not read, and HTTP/2 holds the client back.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final, assert_never

import grpc
from google.protobuf import json_format

from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2
from workers.engines.api import SttRequest, SttStep
from workers.host.process import EngineProcess, Recognition
from workers.models import ModelLease
from workers.stt.actions import Action, Emit, Feed, Finalize, Finished, Reload, Reopen, Reset, StartTimer, Void
from workers.stt.limits import SttLimits
from workers.stt.metrics import SttMetrics
from workers.stt.outbox import Outbox
from workers.stt.session import SttSession

EOF: Final = grpc.aio.EOF  # type: ignore[attr-defined]  # (the stubs lack it)


def now_us() -> int:
    """The core's clock."""
    return time.monotonic_ns() // 1000


@dataclass(frozen=True, slots=True)
class Hooks:
    """What a stream leaves to its session, whose verbs and acks come and go by unary calls too."""

    on_control: Callable[[audio_pb2.Control], None]
    on_ack: Callable[[audio_pb2.ControlAck], None]


class Stream:
    """One call. It is the engine's `RecognitionSink` as well."""

    def __init__(self, core: SttSession, lease: ModelLease, context: Any, limits: SttLimits, metrics: SttMetrics, hooks: Hooks) -> None:
        self._core = core
        self._lease = lease
        self._context = context
        self._limits = limits
        self._metrics = metrics
        self._hooks = hooks
        self._outbox = Outbox(limits.max_events)
        self._wake = asyncio.Event()
        self._caught_up = asyncio.Event()
        self._ending = False
        self._error: ParleyError | None = None
        self._reader: asyncio.Task[None] | None = None
        self._writer: asyncio.Task[None] | None = None
        self._timers: list[tuple[float, asyncio.Handle]] = []  # with their times: uvloop's handle for "now" knows none
        self._stale = False
        self._engine: EngineProcess
        self._recognition: Recognition

    async def run(self, first: audio_pb2.AudioFrame) -> None:
        """Until both sides have said all, or something ends it.

        Raises:
            ParleyError: what ended it.
        """
        self._open_recognition()
        self._core.open_stream(self._engine.card.sample_rate_hz, now_us())
        self._lease.on_moved(self._moved)
        try:
            async with asyncio.TaskGroup() as group:
                self._writer = group.create_task(self._write())
                self._reader = group.create_task(self._read(first))
        finally:
            self._lease.on_moved(None)
            self._recognition.close()
            for _, timer in self._timers:
                timer.cancel()
        if self._error is not None:
            raise self._error

    def finish(self) -> None:
        """End the call well, once everything queued has been read."""
        self._ending = True
        self._wake.set()
        if self._reader is not None:
            self._reader.cancel()

    def fail(self, error: ParleyError) -> None:
        """End the call with `error`; what is queued still has a short time to be read."""
        if self._error is not None:
            return
        self._error = error
        self.finish()
        if self._writer is not None:
            flush_s = 0.0 if error.reason == "SLOW_CLIENT" else self._limits.flush_ms / 1000
            self._call_later(flush_s, self._writer.cancel)

    def perform(self, actions: Iterable[Action]) -> None:
        """Do what the core says; a failure on the way ends the call."""
        try:
            for action in actions:
                self._do(action)
        except ParleyError as error:
            self.fail(error)

    # RecognitionSink

    def on_step(self, step: SttStep, samples_processed: int) -> None:
        self.perform(self._core.stepped(step, samples_processed, now_us()))
        self._look_at_backlog()

    def on_final(self, token: int, step: SttStep, samples_processed: int) -> None:
        self.perform(self._core.finalized(token, step, samples_processed, now_us()))
        self._look_at_backlog()
        if self._stale:
            self._move()

    def on_failed(self, error: ParleyError) -> None:
        try:
            actions = self._core.engine_failed(error, now_us())
        except ParleyError as fatal:
            self.fail(fatal)
            return
        self.perform(actions)

    # Helpers.

    def _do(self, action: Action) -> None:
        match action:
            case Feed(pcm):
                self._recognition.feed(pcm)
            case Emit(event):
                self._count(event)
                if event.HasField("ack"):
                    self._hooks.on_ack(event.ack)
                self._outbox.push(event)
                self._wake.set()
            case Finalize(token):
                self._recognition.finalize(token)
            case Reset():
                self._recognition.reset()
            case Void(segment_id):
                self._outbox.discard_partial(segment_id)
            case Reopen():
                self._open_recognition()
            case StartTimer(delay_us):
                self._start_timer(delay_us)
            case Finished():
                self._ending = True
                self._wake.set()
            case Reload():
                raise AssertionError("a reload outlives its stream: the session does it")
            case _:
                assert_never(action)

    async def _read(self, first: audio_pb2.AudioFrame) -> None:
        """Take messages until the client half-closes."""
        message = first
        try:
            while message is not EOF:
                if message.session_id and message.session_id != self._core.session_id:
                    raise ParleyError("BAD_REQUEST", f"session_id: this stream is of {self._core.session_id}")
                self._take(message)
                await self._engine_within_reach()
                message = await self._context.read()
        except ParleyError as error:
            self.fail(error)
            return
        self.perform(self._core.half_close(now_us()))

    def _take(self, message: audio_pb2.AudioFrame) -> None:
        """One message: its verb first, then its audio."""
        if message.HasField("control"):
            self._hooks.on_control(message.control)
        if message.pcm or message.frame_count:
            if self._stale:
                self._move()
            lost = self._core.intake.lost_frames
            actions = self._core.audio(message)
            self._metrics.frames.inc(message.frame_count or 1)
            self._metrics.frames_lost.inc(self._core.intake.lost_frames - lost)
            self.perform(actions)

    async def _write(self) -> None:
        """Write events as they come, until the end."""
        while True:
            event = self._outbox.pop()
            if event is not None:
                await self._context.write(event)
            elif self._ending:
                return
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _engine_within_reach(self) -> None:
        if self._core.backlog_ms <= self._limits.max_backlog_ms:
            return
        self._metrics.throttled.inc()
        while self._core.backlog_ms > self._limits.max_backlog_ms:
            self._caught_up.clear()
            await self._caught_up.wait()

    def _look_at_backlog(self) -> None:
        if self._core.backlog_ms <= self._limits.max_backlog_ms:
            self._caught_up.set()

    def _open_recognition(self) -> None:
        config = self._core.config
        options = json_format.MessageToDict(config.options) if config.HasField("options") else {}
        self._engine = self._lease.engine
        self._recognition = self._lease.recognise(SttRequest(tuple(config.languages), tuple(config.hotwords), options), self)
        self._stale = False

    def _moved(self) -> None:
        """Another process has taken over; the next segment is its."""
        self._stale = True
        self._move()

    def _move(self) -> None:
        if not self._core.between_segments or self._error is not None:
            return
        old = self._recognition
        try:
            self._open_recognition()
        except ParleyError as error:
            self.fail(error)
            return
        old.close()
        self._core.move(self._engine.card.sample_rate_hz)

    def _start_timer(self, delay_us: int) -> None:
        now_s = asyncio.get_running_loop().time()
        self._timers = [timer for timer in self._timers if timer[0] > now_s]
        self._call_later(delay_us / 1e6, self._on_timer)

    def _call_later(self, delay_s: float, what: Callable[[], object]) -> None:
        loop = asyncio.get_running_loop()
        self._timers.append((loop.time() + delay_s, loop.call_later(delay_s, what)))

    def _on_timer(self) -> None:
        self.perform(self._core.timer(now_us()))

    def _count(self, event: stt_pb2.TranscriptEvent) -> None:
        if event.HasField("hypothesis") and event.hypothesis.final:
            self._metrics.finals.inc()
        elif event.HasField("ack") and event.ack.verb == audio_pb2.CONTROL_VERB_FINALIZE:
            self._metrics.finalize_s.observe(event.ack.applied_us / 1e6)
