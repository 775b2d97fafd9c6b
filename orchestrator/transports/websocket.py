"""The WebSocket transport: `/v1/session`. Text messages are JSON (`protocol.py`), binary ones are audio.

Writes are direct: a frame goes from the pacer into the socket's buffer by function calls, without a queue or a task of ours. The buffer's
bound is `limits.unread_bytes`: a client that leaves more than that unread is cut off (SLOW_CLIENT). Reading is as fast as the session,
which never waits; what comes faster than real time is dropped (`intake.py`).
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, Protocol

import structlog
from aiohttp import ClientConnectionResetError, WSMsgType, web
from pydantic import ValidationError

from orchestrator.audio import Decimator, Interpolator
from orchestrator.session.driver import Session, Shared
from orchestrator.settings import LimitSettings
from orchestrator.transports import protocol as msg
from orchestrator.transports.intake import Intake
from orchestrator.transports.ticket import Rates, Ticket
from parley.audio import SAMPLE_RATE_HZ, frame_bytes
from parley.errors import ParleyError

_LOG = structlog.get_logger()
_FRAMES_PER_MESSAGE = 25
_HEARTBEAT_S = 20.0
_CLOSE_S = 2.0
_LEFT: Final = frozenset({0, 1000, 1002, 1003, 1007, 1009})
"""Close codes of a client that is not waited for: a normal end, no code, a broken protocol. After any other its connection is lost."""


class Hall(Protocol):
    """Who wants to know of a connection."""

    def enter(self, ticket: Ticket, session: Session, rates: Callable[[], Rates]) -> None:
        """The session exists."""

    def use_up(self, ticket: Ticket) -> None:
        """The client has sent something."""


class WebSocketTransport:
    """One client's WebSocket; implements `orchestrator.transports.api.Transport`."""

    def __init__(self, request: web.Request, limits: LimitSettings) -> None:
        self._request = request
        self._limits = limits
        # A message somewhat too large is read, so that it can be answered by an error; beyond that the connection is closed with 1009.
        # The writer's own limit is off, so that a send never waits: the bound is `unread_bytes`, checked before each send.
        self._ws = web.WebSocketResponse(
            max_msg_size=limits.message_bytes * 3 // 2, heartbeat=_HEARTBEAT_S, compress=False, writer_limit=sys.maxsize, autoclose=True
        )
        self._loop = asyncio.get_running_loop()
        self._intake = Intake(limits.burst_ms, self._loop.time() * 1000)
        self._input_hz: msg.RateHz = SAMPLE_RATE_HZ
        self._output_hz: msg.RateHz = SAMPLE_RATE_HZ
        self._up: Interpolator | None = None
        self._down: Decimator | None = None
        self._next_output_hz: msg.RateHz | None = None
        self._bad = 0
        self._too_fast_told_s = -1.0
        self._closing = False
        self._close_code = 1000
        self._close_text = ""
        self._session: Session | None = None

    async def serve(self, shared: Shared, ticket: Ticket, hall: Hall) -> web.WebSocketResponse:
        """Answer the upgrade and hold the conversation, to its end or the connection's."""
        await self._ws.prepare(self._request)
        held = ticket.held
        if held is not None:
            self._set_input(held.rates.input_hz)
            self._set_output(held.rates.output_hz)
        session = self._session = Session(ticket.session_id, self, shared, past=None if held is None else held.past)
        hall.enter(ticket, session, self._rates)
        self.send(
            msg.Connection(
                session_id=ticket.session_id,
                resume_token=ticket.resume_token,
                resumed=held is not None,
                input_rate_hz=self._input_hz,
                output_rate_hz=self._output_hz,
            )
        )
        async with asyncio.TaskGroup() as group:
            reader = group.create_task(self._read(session, lambda: hall.use_up(ticket)), name="websocket_reader")
            await session.run()
            await self._finish(reader)
        return self._ws

    async def refuse(self, error: ParleyError) -> web.WebSocketResponse:
        """Answer the upgrade with an `error` and the close code that belongs to it: a browser sees neither in a failed upgrade."""
        await self._ws.prepare(self._request)
        self.close(error)
        try:
            async with asyncio.timeout(_CLOSE_S):
                await self._ws.close(code=self._close_code, message=self._close_text.encode())
        except TimeoutError:
            self._abort()
        return self._ws

    async def _finish(self, reader: asyncio.Task[None]) -> None:
        """The close handshake; a client that does not take part is cut off.

        The reader goes on until the client's own close frame has come. `WebSocketResponse.close` beside a pending read would drop the
        connection at once; what the client still sends (its microphone) would be answered by a reset, which takes our last words with it.
        """
        self._closing = True
        if not self._ws.closed:
            with contextlib.suppress(ConnectionError):
                await self._ws.send_frame(struct.pack("!H", self._close_code) + self._close_text.encode(), WSMsgType.CLOSE)
        if not (await asyncio.wait({reader}, timeout=_CLOSE_S))[0]:
            self._abort()

    # ---------- from the client ----------

    async def _read(self, session: Session, proven: Callable[[], None]) -> None:
        """Hand on what comes, until the connection ends; `proven` is told of the first message."""
        first = True
        async for message in self._ws:
            if self._closing:
                continue
            if first:
                first = False
                proven()
            try:
                if message.type is WSMsgType.BINARY:
                    self._take_audio(session, message.data)
                elif message.type is WSMsgType.TEXT:
                    self._take_message(session, message.data)
                elif message.type is WSMsgType.ERROR:
                    _LOG.info("websocket_broken", session_id=session.session_id, error=str(message.data))
                    break
                self._bad = 0
            except ParleyError as error:
                self._tell_bad(session, error)
        self._closing = True
        if self._ws.close_code in _LEFT:
            session.leave("client_left")
        else:
            session.lose("connection_lost")

    def _take_audio(self, session: Session, data: bytes) -> None:
        size = frame_bytes(self._input_hz)
        if not data or len(data) % size or len(data) > size * _FRAMES_PER_MESSAGE:
            expected = f"1 to {_FRAMES_PER_MESSAGE} frames of {size} bytes (20 ms of mono s16le at {self._input_hz} Hz)"
            raise ParleyError("BAD_FRAME", f"expected {expected}, got {len(data)} bytes")
        for start in range(0, len(data), size):
            now_s = self._loop.time()
            if not self._intake.admit(now_s * 1000):
                self._drop_frame(session, now_s)
                continue
            frame = data if len(data) == size else data[start : start + size]
            session.on_audio(frame if self._up is None else self._up.push(frame))

    def _drop_frame(self, session: Session, now_s: float) -> None:
        session.count_dropped_frame()
        if now_s - self._too_fast_told_s >= 1.0:
            self._too_fast_told_s = now_s
            self.send_error(
                ParleyError("TOO_FAST", f"audio came more than {self._limits.burst_ms} ms faster than real time; the rest is dropped")
            )

    def _take_message(self, session: Session, text: str) -> None:
        # Looking for the word is cheaper than parsing: only a recording may be long.
        limit = self._limits.message_bytes if '"audio_data"' in text else self._limits.text_bytes
        if len(text) > limit:
            raise ParleyError("MESSAGE_TOO_LARGE", f"a message of this kind has at most {limit} bytes, this one {len(text)}")
        try:
            message = msg.CLIENT_MESSAGE.validate_json(text)
        except ValidationError as error:
            raise ParleyError("MESSAGE_INVALID", _explain(error)) from None
        session.on_message(message)
        if isinstance(message, msg.Configure):
            self._configure(session, message)

    def _configure(self, session: Session, message: msg.Configure) -> None:
        if message.input_rate_hz is not None and message.input_rate_hz != self._input_hz:
            self._set_input(message.input_rate_hz)
        if message.output_rate_hz is not None:
            self._next_output_hz = message.output_rate_hz
        voice = session.voice
        self.send(
            msg.Configured.model_validate(
                {
                    "input_rate_hz": self._input_hz,
                    "output_rate_hz": self._next_output_hz or self._output_hz,
                    "voice": voice.name,
                    "language": voice.language,
                    "speed": voice.speed,
                }
            )
        )

    def _tell_bad(self, session: Session, error: ParleyError) -> None:
        self._bad += 1
        if self._bad < self._limits.bad_messages:
            self.send_error(error)
        else:
            session.leave("bad_messages", error)

    # ---------- to the client ----------

    def send(self, message: msg.ServerMessage) -> None:
        if isinstance(message, msg.UtteranceStarted) and self._next_output_hz is not None:
            self._set_output(self._next_output_hz)
        self._write(message.model_dump_json().encode(), WSMsgType.TEXT)

    def send_audio(self, frame: bytes) -> None:
        self._write(frame if self._down is None else self._down.push(frame), WSMsgType.BINARY)

    def hold(self, utterance_id: int) -> None:
        self.send(msg.Pause(utterance_id=utterance_id))

    def go_on(self, utterance_id: int) -> None:
        self.send(msg.Resume(utterance_id=utterance_id))

    def cut(self, utterance_id: int) -> None:
        self.send(msg.Flush(utterance_id=utterance_id))

    def close(self, error: ParleyError | None) -> None:
        if self._closing:
            return
        if error is not None:
            self.send_error(error, fatal=True)
            self._close_code, self._close_text = error.row.ws_close, error.reason
        self._closing = True

    def send_error(self, error: ParleyError, *, fatal: bool = False) -> None:
        """Tell the client what went wrong."""
        self.send(
            msg.Error(
                code=error.reason,
                message=error.message,
                retryable=error.row.retryable,
                fatal=fatal,
                retry_after_ms=error.retry_after_ms,
            )
        )

    def _write(self, data: bytes, kind: WSMsgType) -> None:
        transport = self._request.transport
        if self._closing or self._ws.closed or transport is None:
            return
        if transport.get_write_buffer_size() > self._limits.unread_bytes:
            self._cut_off()
            return
        try:
            _run_now(self._ws.send_frame(data, kind))
        except (ClientConnectionResetError, ConnectionError):
            self._closing = True  # the reading side sees the end too, and tells the session

    def _cut_off(self) -> None:
        """The client does not read: nothing that we could still tell it would arrive."""
        self._closing = True
        _LOG.warning("slow_client", session_id=self._session.session_id if self._session else "")
        self._abort()
        if self._session is not None:
            self._loop.call_soon(self._session.lose, "slow_client")

    def _abort(self) -> None:
        if self._request.transport is not None:
            self._request.transport.abort()

    def _rates(self) -> Rates:
        return Rates(self._input_hz, self._next_output_hz or self._output_hz)

    def _set_input(self, rate_hz: msg.RateHz) -> None:
        self._input_hz = rate_hz
        self._up = None if rate_hz == SAMPLE_RATE_HZ else Interpolator(SAMPLE_RATE_HZ // rate_hz)

    def _set_output(self, rate_hz: msg.RateHz) -> None:
        self._next_output_hz = None
        self._output_hz = rate_hz
        self._down = None if rate_hz == SAMPLE_RATE_HZ else Decimator(SAMPLE_RATE_HZ // rate_hz)


def _run_now(coroutine: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine that has nothing to wait for: with compression and the writer's limit off, a send is one write into the socket."""
    try:
        coroutine.send(None)
    except StopIteration:
        return
    coroutine.close()
    raise RuntimeError("a send waited, although nothing should make it")


def _explain(error: ValidationError) -> str:
    """The first problem in words."""
    problem = error.errors(include_url=False, include_input=False)[0]
    path = ".".join(str(part) for part in problem["loc"])
    return f"{path}: {problem['msg']}" if path else str(problem["msg"])
