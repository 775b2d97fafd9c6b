"""A WebSocket client as small as a load generator needs: RFC 6455 on an asyncio Protocol, no task and no queue per connection.

Outgoing frames are built once and sent many times: the mask that a client must set is zero, so the payload stays as it is (the server
unmasks all the same). Incoming messages are handed over whole, in `data_received`. No extensions are offered.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
import ssl
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlsplit

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
_CONTINUATION = 0x0
_FIN = 0x80
_MASKED = 0x80
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_MAX_MESSAGE_BYTES = 8 << 20
WRITE_BUFFER_BYTES = 96_000
"""One second of microphone: a server that reads slower than that has its client's frames dropped, and they are counted."""


class WireError(Exception):
    """The server does not speak WebSocket, or refused; the text says what came."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a WebSocket lives."""

    host: str
    port: int
    path: str
    tls: bool


def parse_url(url: str) -> Address:
    """The parts of a ws:// or wss:// URL.

    Raises:
        WireError: it is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise WireError(f"expected ws://HOST:PORT/PATH, got {url!r}")
    tls = parts.scheme == "wss"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Address(parts.hostname, parts.port or (443 if tls else 80), path, tls)


def client_frame(opcode: int, payload: bytes) -> bytes:
    """One whole message as a client sends it."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", _FIN | opcode, _MASKED | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", _FIN | opcode, _MASKED | 126, size)
    else:
        head = struct.pack("!BBQ", _FIN | opcode, _MASKED | 127, size)
    return head + bytes(4) + payload


class Reader:
    """Bytes in, whole messages out, through `on_message(opcode, payload)`."""

    def __init__(self, on_message: Callable[[int, bytes], None]) -> None:
        self._on_message = on_message
        self._buffer = b""
        self._parts: list[bytes] = []
        self._opcode = 0

    def feed(self, data: bytes) -> None:
        """More bytes from the server.

        Raises:
            WireError: a masked frame, or a message beyond 8 MiB.
        """
        if self._buffer:
            data = self._buffer + data
        at, end = 0, len(data)
        while end - at >= 2:
            size, head = data[at + 1], 2
            if size == 126:
                head = 4
            elif size == 127:
                head = 10
            if end - at < head:
                break
            if head > 2:
                size = int.from_bytes(data[at + 2 : at + head], "big")
            if size > _MAX_MESSAGE_BYTES or data[at + 1] & _MASKED:
                raise WireError(f"the server sent a frame of {size} bytes, or a masked one")
            if end - at < head + size:
                break
            self._frame(data[at], data[at + head : at + head + size])
            at += head + size
        self._buffer = data[at:]

    def _frame(self, first: int, payload: bytes) -> None:
        opcode = first & 0x0F
        if opcode >= CLOSE or (first & _FIN and opcode != _CONTINUATION):
            self._on_message(opcode, payload)
            return
        if opcode != _CONTINUATION:
            self._opcode, self._parts = opcode, []
        self._parts.append(payload)
        if first & _FIN:
            whole, self._parts = b"".join(self._parts), []
            self._on_message(self._opcode, whole)


class Connection(asyncio.Protocol):
    """One WebSocket. `ready` resolves when the server has accepted; `lost` is called once with the reason when it is over."""

    def __init__(self, address: Address, on_message: Callable[[int, bytes], None], lost: Callable[[str], None]) -> None:
        self._address = address
        self._on_message = on_message
        self._lost = lost
        self._reader = Reader(self._message)
        self._key = base64.b64encode(os.urandom(16))
        self._head: bytes | None = b""  # the HTTP answer so far; None once it is read
        self._transport: asyncio.Transport | None = None
        self._full = False
        self._why = "connection lost"
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def send(self, frame: bytes) -> bool:
        """Write one built frame; False when it was dropped, because the server does not read or is gone."""
        if self._transport is None or self._full:
            return False
        self._transport.write(frame)
        return True

    def close(self) -> None:
        """Say goodbye (1000) and go."""
        self.send(client_frame(CLOSE, struct.pack("!H", 1000)))
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are none by inheritance
        self._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
        host = f"{self._address.host}:{self._address.port}"
        self._transport.write(
            f"GET {self._address.path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {self._key.decode()}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        try:
            if self._head is not None:
                data = self._handshake(self._head + data)
            if data:
                self._reader.feed(data)
        except WireError as error:
            self._fail(str(error))

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        if not self.ready.done():
            self.ready.set_exception(WireError(self._why if exc is None else str(exc)))
        self._lost(self._why if exc is None else str(exc))

    def _handshake(self, data: bytes) -> bytes:
        head, end, rest = data.partition(b"\r\n\r\n")
        if not end:
            self._head = data
            return b""
        self._head = None
        lines = head.split(b"\r\n")
        accept = base64.b64encode(hashlib.sha1(self._key + _GUID).digest())
        if b" 101 " not in lines[0] + b" " or not any(line.strip().endswith(accept) for line in lines[1:]):
            raise WireError(f"expected a WebSocket at {self._address.path}, got {lines[0].decode(errors='replace')!r}")
        self.ready.set_result(None)
        return rest

    def _message(self, opcode: int, payload: bytes) -> None:
        if opcode == PING:
            self.send(client_frame(PONG, payload))
        elif opcode == CLOSE:
            code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else 1005
            self._fail(f"closed by the server with {code} {payload[2:].decode(errors='replace')}".strip())
        else:
            self._on_message(opcode, payload)

    def _fail(self, why: str) -> None:
        self._why = why
        if self._transport is not None:
            self._transport.close()


async def connect(url: str, on_message: Callable[[int, bytes], None], lost: Callable[[str], None], within_s: float = 10.0) -> Connection:
    """Open a WebSocket.

    Raises:
        WireError: no answer in time, or not that of a WebSocket.
    """
    address = parse_url(url)
    loop = asyncio.get_running_loop()
    context = ssl.create_default_context() if address.tls else None
    try:
        async with asyncio.timeout(within_s):
            _, connection = await loop.create_connection(
                lambda: Connection(address, on_message, lost), address.host, address.port, ssl=context
            )
            await connection.ready
    except TimeoutError:
        raise WireError(f"{url} did not answer within {within_s:g} s") from None
    except OSError as error:
        raise WireError(f"{url}: {error}") from None
    return connection
