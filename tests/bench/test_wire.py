"""The WebSocket client against hand-made bytes; against a real server in test_talk_load."""

from __future__ import annotations

import struct

import pytest

from client.bench.wire import BINARY, PING, TEXT, Address, Reader, WireError, client_frame, parse_url


def server_frame(first: int, payload: bytes) -> bytes:
    if len(payload) < 126:
        return struct.pack("!BB", first, len(payload)) + payload
    if len(payload) < 1 << 16:
        return struct.pack("!BBH", first, 126, len(payload)) + payload
    return struct.pack("!BBQ", first, 127, len(payload)) + payload


@pytest.mark.parametrize("size", [0, 1, 125, 126, 1920, 65535, 65536])
@pytest.mark.parametrize("step", [7, 1000, 100_000])
def test_messages_come_whole_however_the_bytes_come(size: int, step: int) -> None:
    got: list[tuple[int, bytes]] = []
    reader = Reader(lambda opcode, payload: got.append((opcode, payload)))
    data = server_frame(0x80 | BINARY, b"x" * size) + server_frame(0x80 | TEXT, b"hello")
    for at in range(0, len(data), step):
        reader.feed(data[at : at + step])
    assert got == [(BINARY, b"x" * size), (TEXT, b"hello")]


def test_fragments_are_joined_and_a_ping_may_come_between_them() -> None:
    got: list[tuple[int, bytes]] = []
    reader = Reader(lambda opcode, payload: got.append((opcode, payload)))
    reader.feed(server_frame(TEXT, b"hel") + server_frame(0x80 | PING, b"?") + server_frame(0x80, b"lo"))
    assert got == [(PING, b"?"), (TEXT, b"hello")]


def test_a_masked_or_monstrous_frame_is_refused() -> None:
    reader = Reader(lambda opcode, payload: None)
    with pytest.raises(WireError, match="masked"):
        reader.feed(client_frame(BINARY, b"x"))
    with pytest.raises(WireError, match="bytes"):
        Reader(lambda opcode, payload: None).feed(struct.pack("!BBQ", 0x82, 127, 1 << 40))


def test_what_a_client_sends_is_masked_and_readable() -> None:
    frame = client_frame(BINARY, b"y" * 1920)
    assert frame[:4] == bytes([0x82, 0x80 | 126, 1920 >> 8, 1920 & 0xFF])
    assert frame[4:8] == bytes(4)
    assert frame[8:] == b"y" * 1920


def test_urls() -> None:
    assert parse_url("ws://127.0.0.1:9/v1/session?a=b") == Address("127.0.0.1", 9, "/v1/session?a=b", False)
    assert parse_url("wss://voice.example/x") == Address("voice.example", 443, "/x", True)
    with pytest.raises(WireError, match="ws://"):
        parse_url("http://127.0.0.1:9/")
