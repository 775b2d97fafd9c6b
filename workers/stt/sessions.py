"""The sessions of an STT front: made by StartSession, ended by EndSession, by time without a stream, or by the worker's end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Final

import structlog

from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2
from workers.models import ModelLease, Models
from workers.stt import config as session_config
from workers.stt.actions import Action, Emit, Reload
from workers.stt.downsample import Downsample
from workers.stt.limits import SttLimits
from workers.stt.metrics import SttMetrics
from workers.stt.session import SttSession
from workers.stt.stream import Hooks, Stream, now_us

RETRY_AFTER_MS: Final = 1000

log = structlog.get_logger()


class Session:
    """One session: its core, its hold on a model, its stream if there is one, and who waits for an ack in a unary call."""

    def __init__(self, request: stt_pb2.SttStartSessionRequest, config: stt_pb2.SttConfig, lease: ModelLease, table: Sessions) -> None:
        self.request = request
        self.core = SttSession(request.session_id, config, table.limits, Downsample)
        self.lease = lease
        self.stream: Stream | None = None
        self.idle_ttl_s = session_config.idle_ttl_ms(request.idle_ttl_ms, table.limits) / 1000
        self.idle_timer: asyncio.TimerHandle | None = None
        self._table = table
        self._waiters: dict[int, list[asyncio.Future[audio_pb2.ControlAck]]] = {}

    async def transcribe(self, first: audio_pb2.AudioFrame, context: Any) -> None:
        """Serve the session's stream until it ends.

        Raises:
            ParleyError: SESSION_EXISTS, there is one already; or what ended it.
        """
        if self.stream is not None:
            raise ParleyError("SESSION_EXISTS", f"session {self.core.session_id} has a stream already")
        table = self._table
        self.stream = Stream(self.core, self.lease, context, table.limits, table.metrics, Hooks(self.control, self._on_ack))
        table.stop_idle(self)
        table.metrics.streams.inc()
        try:
            await self.stream.run(first)
        except ParleyError as error:
            table.metrics.errors.labels(error.reason).inc()
            raise
        finally:
            table.metrics.streams.dec()
            self.stream = None
            self.perform(self.core.close_stream(now_us()))
            table.start_idle(self)

    def control(self, control: audio_pb2.Control) -> None:
        """Apply a verb, however it came.

        Raises:
            ParleyError: it breaks the contract.
        """
        self.perform(self.core.control(control, now_us()))

    async def control_and_wait(self, control: audio_pb2.Control) -> audio_pb2.ControlAck:
        """Apply a verb and wait for its ack.

        Raises:
            ParleyError: it breaks the contract, it failed, or the session ended meanwhile.
        """
        waiter: asyncio.Future[audio_pb2.ControlAck] = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(control.control_id, [])
        waiters.append(waiter)
        try:
            self.control(control)
            return await waiter
        finally:
            waiters.remove(waiter)
            if not waiters:
                self._waiters.pop(control.control_id, None)

    def perform(self, actions: Iterable[Action]) -> None:
        """Do what the core says, with or without a stream."""
        for action in actions:
            if isinstance(action, Reload):
                self._table.spawn(self._reload(action.control_id))
            elif self.stream is not None:
                self.stream.perform((action,))
            elif isinstance(action, Emit) and action.event.HasField("ack"):
                self._on_ack(action.event.ack)

    def end(self, error: ParleyError) -> None:
        """Give everything back; `error` is for those who still wait for something."""
        self._table.stop_idle(self)
        for waiter in [waiter for waiters in self._waiters.values() for waiter in waiters]:
            if not waiter.done():
                waiter.set_exception(error)
        self.lease.release()

    async def _reload(self, control_id: int) -> None:
        result: str | ParleyError
        try:
            result = await self._table.models.reload(self.core.config.model_id)
        except ParleyError as error:
            result = error
            for waiter in self._waiters.get(control_id, ()):
                if not waiter.done():
                    waiter.set_exception(error)
        self.perform(self.core.reloaded(control_id, result, now_us()))

    def _on_ack(self, ack: audio_pb2.ControlAck) -> None:
        for waiter in self._waiters.get(ack.control_id, ()):
            if not waiter.done():
                waiter.set_result(ack)


class Sessions:
    """All of them. `group` owns what outlives a call; `changed` is called when their number changes."""

    def __init__(
        self, models: Models, limits: SttLimits, metrics: SttMetrics, group: asyncio.TaskGroup, changed: Callable[[], None]
    ) -> None:
        self.models = models
        self.limits = limits
        self.metrics = metrics
        self._group = group
        self._tasks: set[asyncio.Task[None]] = set()
        self.draining = False
        self._changed = changed
        self._sessions: dict[str, Session] = {}
        self._starting: dict[str, asyncio.Future[None]] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str) -> Session:
        """Raises SESSION_UNKNOWN."""
        session = self._sessions.get(session_id)
        if session is None:
            raise ParleyError("SESSION_UNKNOWN", f"no session {session_id[:128]!r} here: start it again")
        return session

    async def start(self, request: stt_pb2.SttStartSessionRequest) -> Session:
        """The session that `request` asks for; the one that is there, if it asked for the same.

        Raises:
            ParleyError: BAD_REQUEST, UNSUPPORTED_FORMAT, SESSION_EXISTS, DRAINING, CAPACITY, or what `Models.lease` raises.
        """
        session_id = request.session_id
        session_config.check_session_id(session_id)
        while session_id in self._starting:
            await asyncio.shield(self._starting[session_id])
        known = self._sessions.get(session_id)
        if known is not None:
            if known.request.config != request.config:
                raise ParleyError("SESSION_EXISTS", f"session {session_id} is there, with another config")
            return known
        self._check_room()
        session_config.check_request(request.config, self.limits)
        self._starting[session_id] = asyncio.get_running_loop().create_future()
        try:
            session = await self._make(request)
        finally:
            self._starting.pop(session_id).set_result(None)
        return session

    def remove(self, session: Session, error: ParleyError) -> None:
        """End a session."""
        if self._sessions.pop(session.core.session_id, None) is not None:
            session.end(error)
            self._count()

    def start_idle(self, session: Session) -> None:
        """Without a stream it has so long to live; in a drain no longer, since whoever comes back finds a better place elsewhere."""
        if self.draining:
            self.remove(session, ParleyError("DRAINING", "this worker is about to end"))
        elif session.core.session_id in self._sessions:
            session.idle_timer = asyncio.get_running_loop().call_later(session.idle_ttl_s, self._expired, session)

    def stop_idle(self, session: Session) -> None:
        """It has a stream, or has ended."""
        if session.idle_timer is not None:
            session.idle_timer.cancel()
            session.idle_timer = None

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """A task that outlives the call it came with, and ends with the sessions."""
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def begin_drain(self, deadline_ms: int) -> None:
        """Take no new sessions, and tell those that are there."""
        self.draining = True
        for session in list(self._sessions.values()):
            if session.stream is None:
                self.start_idle(session)
            else:
                session.perform(session.core.going_away(deadline_ms, "DRAINING"))

    def end_all(self, error: ParleyError) -> None:
        """End every session, its stream with `error`."""
        for task in self._tasks:
            task.cancel()
        for session in list(self._sessions.values()):
            if session.stream is not None:
                session.stream.fail(error)
            self.remove(session, error)

    async def _make(self, request: stt_pb2.SttStartSessionRequest) -> Session:
        lease = await self.models.lease(request.config.model_id, request.config.revision, allow_load=request.allow_load)
        try:
            info = lease.info
            config = session_config.effective(request.config, lease.card, info.model_id, info.revision, self.limits)
            self._check_draining()  # again: loading may have taken long
        except ParleyError:
            lease.release()
            raise
        session = Session(request, config, lease, self)
        self._sessions[request.session_id] = session
        self.start_idle(session)
        self._count()
        return session

    def _check_room(self) -> None:
        self._check_draining()
        if len(self._sessions) + len(self._starting) >= self.limits.max_sessions:
            raise ParleyError("CAPACITY", f"{len(self._sessions)} sessions, its most", retry_after_ms=RETRY_AFTER_MS)

    def _check_draining(self) -> None:
        if self.draining:
            raise ParleyError("DRAINING", "this worker is about to end", retry_after_ms=RETRY_AFTER_MS)

    def _expired(self, session: Session) -> None:
        log.debug("session_idle", session_id=session.core.session_id)
        self.remove(session, ParleyError("SESSION_LIMIT", "the session was without a stream for too long"))

    def _count(self) -> None:
        self.metrics.sessions.set(len(self._sessions))
        self._changed()
