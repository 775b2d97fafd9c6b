"""The sessions of a TTS front: made by StartSession, ended by EndSession, by time without a stream, or by the worker's end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import structlog
from google.protobuf import struct_pb2

from parley.errors import ParleyError
from parley.v1 import audio_pb2, tts_pb2
from workers.models import ModelLease, Models
from workers.tts.config import effective_config
from workers.tts.limits import TtsLimits
from workers.tts.live import LiveSession
from workers.tts.metrics import TtsMetrics
from workers.tts.session import TtsSession

MAX_SESSION_ID_CHARS: Final = 128
REATTACH_S: Final = 0.5  # a client that cancels a stream and opens the next may be faster than the news of the first one's end

log = structlog.get_logger()


class Sessions:
    """All of them. `changed` is called when their number changes."""

    def __init__(self, models: Models, limits: TtsLimits, metrics: TtsMetrics, changed: Callable[[], None]) -> None:
        self.draining = False
        self._models = models
        self._limits = limits
        self._metrics = metrics
        self._changed = changed
        self._sessions: dict[str, _Entry] = {}
        self._starting: dict[str, asyncio.Future[None]] = {}
        metrics.sessions = lambda: len(self._sessions)
        metrics.streams = lambda: sum(entry.live.attached for entry in self._sessions.values())

    def __len__(self) -> int:
        return len(self._sessions)

    def get(self, session_id: str) -> LiveSession:
        """Raises SESSION_UNKNOWN."""
        return self._entry(session_id).live

    @property
    def first_audio_ms(self) -> int:
        """What a new session may expect; 0 while nobody knows."""
        return round(self._metrics.tally.first_audio_us / 1000)

    def min_slack_ms(self) -> int:
        """The smallest lead among the sessions that are spoken to; 0 if there is none."""
        slacks = [slack for entry in self._sessions.values() if (slack := entry.live.core.slack_us(entry.live.now_us())) is not None]
        return min(slacks, default=0) // 1000

    async def start(self, request: tts_pb2.StartSessionRequest) -> LiveSession:
        """The session that `request` asks for; the one that is there, if it asked for the same.

        Raises:
            ParleyError: BAD_REQUEST, UNSUPPORTED_FORMAT, SESSION_EXISTS, DRAINING, CAPACITY, or what `Models.lease` raises.
        """
        session_id = request.session_id
        if not 0 < len(session_id) <= MAX_SESSION_ID_CHARS:
            raise ParleyError("BAD_REQUEST", f"session_id: expected 1 to {MAX_SESSION_ID_CHARS} characters, got {len(session_id)}")
        while session_id in self._starting:
            await asyncio.shield(self._starting[session_id])
        known = self._sessions.get(session_id)
        if known is not None:
            if known.config != request.config:
                raise ParleyError("SESSION_EXISTS", f"session {session_id} is there, with another config")
            return known.live
        self._check_room(len(self._starting))
        self._starting[session_id] = asyncio.get_running_loop().create_future()
        try:
            return await self._make(request)
        finally:
            self._starting.pop(session_id).set_result(None)

    async def synthesize(self, first: tts_pb2.TextChunk, context: Any) -> None:
        """Serve a session's stream.

        Raises:
            ParleyError: SESSION_EXISTS, it has one already; or what ended it.
        """
        while (entry := self._entry(first.session_id)).live.attached:
            await self._until_detached(entry.live)
        self._stop_idle(entry)
        try:
            await entry.live.stream(first, context, self.reload, self._measure)
        finally:
            self._start_idle(entry)

    async def reload(self, live: LiveSession, control: audio_pb2.Control) -> audio_pb2.ControlAck:
        """RELOAD: the model anew, beside the old one; this session's next utterances are spoken by it, unless it asked for a revision.

        Raises:
            ParleyError: why the model stays what it was.
        """
        if (known := live.core.known_ack(control)) is not None:
            return known
        entry = self._entry(live.session_id)
        lease = entry.lease
        await self._models.reload(lease.info.model_id)
        if not entry.config.revision:
            newest = await self._models.lease(lease.info.model_id, "", allow_load=False)
            if newest.info.revision == lease.info.revision:
                newest.release()  # the old lease follows its model to the new process by itself
            else:
                live.use(newest)
                entry.lease = lease = newest
        ack = live.core.known_ack(control) or live.core.reloaded(control, lease)
        live.core.acknowledge(ack)
        live.act()
        return ack

    async def end(self, session_id: str, drain: bool) -> tts_pb2.EndSessionResponse:
        """End a session; `drain`: when what was said has been spoken."""
        entry = self._entry(session_id)
        if drain and entry.live.attached:
            await self._until_silent(entry.live)
        self._remove(entry)
        return entry.live.core.response()

    def begin_drain(self, deadline_ms: int, reason: str = "DRAINING") -> None:
        """Take no new sessions, tell those that are there, and end those without a stream: nobody listens there."""
        self.draining = True
        for entry in list(self._sessions.values()):
            if not entry.live.attached:
                self._remove(entry)
            entry.live.core.going_away(deadline_ms, reason)
            entry.live.act()

    def end_all(self, error: ParleyError) -> None:
        """End every session, its stream with `error`."""
        for entry in list(self._sessions.values()):
            entry.live.fail(error)
            self._remove(entry)

    # Helpers.

    def _entry(self, session_id: str) -> _Entry:
        entry = self._sessions.get(session_id)
        if entry is None:
            raise ParleyError("SESSION_UNKNOWN", f"no session {session_id[:MAX_SESSION_ID_CHARS]!r} here: start it again")
        return entry

    async def _make(self, request: tts_pb2.StartSessionRequest) -> LiveSession:
        config = request.config
        lease = await self._models.lease(config.model_id, config.revision, allow_load=request.allow_load)
        try:
            effective = effective_config(config, lease.card, self._limits)
            effective.model_id, effective.revision = lease.info.model_id, lease.info.revision
            await self._models.gain_for(lease, effective.voice)
            self._check_room(0)  # again: loading may have taken long
        except BaseException:
            lease.release()
            raise
        core = TtsSession(effective, lease, self._limits, self._metrics.tally)
        live = LiveSession(request.session_id, core, self._limits, self._metrics)
        ttl_ms = min(request.idle_ttl_ms or self._limits.idle_ttl_ms, self._limits.max_idle_ttl_ms)
        entry = self._sessions[request.session_id] = _Entry(live, lease, config, ttl_ms / 1000)
        self._start_idle(entry)
        self._metrics.tally.sessions_started += 1
        self._changed()
        return live

    def _check_room(self, starting: int) -> None:
        limits = self._limits
        if self.draining:
            raise ParleyError("DRAINING", "this worker is about to end", retry_after_ms=limits.retry_after_ms)
        if len(self._sessions) + starting >= limits.max_sessions:
            raise ParleyError("CAPACITY", f"this worker has {len(self._sessions)} sessions, its most", retry_after_ms=limits.retry_after_ms)

    async def _measure(self, live: LiveSession, style: struct_pb2.Struct) -> None:
        lease = self._entry(live.session_id).lease
        voice = style.fields["voice"].string_value if "voice" in style.fields else ""
        if voice in lease.card.voices:
            await self._models.gain_for(lease, voice)

    async def _until_detached(self, live: LiveSession) -> None:
        try:
            async with asyncio.timeout(REATTACH_S):
                await live.detached.wait()
        except TimeoutError:
            raise ParleyError("SESSION_EXISTS", f"session {live.session_id} has a stream already") from None

    async def _until_silent(self, live: LiveSession) -> None:
        live.core.half_close(live.now_us())
        live.act()
        try:
            async with asyncio.timeout(self._limits.drain_s):
                await live.detached.wait()
        except TimeoutError:
            raise ParleyError("TIMEOUT", f"the session still speaks after {self._limits.drain_s:g} s") from None

    def _remove(self, entry: _Entry) -> None:
        if self._sessions.pop(entry.live.session_id, None) is not None:
            self._stop_idle(entry)
            entry.live.end()
            self._changed()

    def _start_idle(self, entry: _Entry) -> None:
        if entry.live.session_id in self._sessions:
            entry.idle_timer = asyncio.get_running_loop().call_later(entry.ttl_s, self._expired, entry)

    def _stop_idle(self, entry: _Entry) -> None:
        if entry.idle_timer is not None:
            entry.idle_timer.cancel()
            entry.idle_timer = None

    def _expired(self, entry: _Entry) -> None:
        log.info("session_idle", session_id=entry.live.session_id)
        self._remove(entry)


class _Entry:
    """A session, its model, what it asked for, and the timer that ends it without a stream."""

    __slots__ = ("config", "idle_timer", "lease", "live", "ttl_s")

    def __init__(self, live: LiveSession, lease: ModelLease, config: tts_pb2.TtsConfig, ttl_s: float) -> None:
        self.live = live
        self.lease = lease
        self.config = config
        self.ttl_s = ttl_s
        self.idle_timer: asyncio.TimerHandle | None = None
