"""Clients that break the protocol, flood, do not read, or vanish: the right error for them, nothing for anybody else."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from caller import calling, tone_speech, tone_text


@asynccontextmanager
async def _bystander(url: str) -> AsyncIterator[None]:
    """Somebody else's conversation, which must not notice."""
    async with calling(url) as caller:
        caller.say(tone_speech("I am not concerned by any of this."))
        yield
        ended = await caller.wait("utterance_ended")
        assert tone_text(bytes(caller.audio[ended["utterance_id"]])) == "I am not concerned by any of this."
        assert not [event for event in caller.events if event["type"] == "error"]


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "{",
        "[]",
        "null",
        '"text"',
        "{}",
        '{"type": "nonsense"}',
        '{"type": 7}',
        '{"type": "text"}',
        '{"type": "text", "text": ""}',
        '{"type": "text", "text": 5}',
        '{"type": "text", "text": "hi", "volume": 11}',
        '{"type": "configure", "input_rate_hz": 44100}',
        '{"type": "playback", "utterance_id": -1, "played_ms": 0}',
        '{"type": "playback", "utterance_id": 1, "played_ms": -5}',
        '{"type": "configure", "speed": 1e999}',
        '{"type": "ping", "nonce": "' + "x" * 200 + '"}',
        "[" * 5000,
    ],
)
async def test_a_message_that_does_not_fit_is_answered_by_a_readable_error(tone_url: str, text: str) -> None:
    async with calling(tone_url, microphone=False) as caller:
        await caller.ws.send_str(text)
        error = await caller.wait("error")
        assert (error["code"], error["fatal"]) == ("MESSAGE_INVALID", False)
        assert error["message"]
        await caller.ws.send_json({"type": "ping", "nonce": "still here"})
        await caller.wait("pong", nonce="still here")


@pytest.mark.parametrize("size", [0, 1, 2, 1919, 1921, 960, 1920 * 26, 500_000])
async def test_audio_of_a_wrong_size_is_named(tone_url: str, size: int) -> None:
    async with calling(tone_url, microphone=False) as caller:
        await caller.ws.send_bytes(bytes(size))
        error = await caller.wait("error")
        assert (error["code"], error["fatal"]) == ("BAD_FRAME", False)
        assert "1920" in error["message"]


async def test_too_many_bad_messages_close_with_their_code(tone_url: str) -> None:
    async with _bystander(tone_url), calling(tone_url, microphone=False) as caller:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            for _ in range(30):
                await caller.ws.send_str("nonsense")
        assert await caller.closed() == 1007
        assert caller.events[-1]["fatal"]


async def test_ten_megabytes_of_text_are_refused(tone_url: str) -> None:
    async with _bystander(tone_url), calling(tone_url, microphone=False) as caller:
        await caller.ws.send_str(json.dumps({"type": "text", "text": "x" * 10_000_000}))
        error = await caller.wait("error")
        assert (error["code"], error["fatal"]) == ("MESSAGE_TOO_LARGE", False)
        await caller.ws.send_json({"type": "ping"})
        await caller.wait("pong")


async def test_a_message_without_measure_ends_the_connection(tone_url: str) -> None:
    async with _bystander(tone_url), aiohttp.ClientSession() as http, http.ws_connect(tone_url) as ws:
        with contextlib.suppress(ConnectionError, aiohttp.ClientError):
            await ws.send_str("x" * 30_000_000)
        while not (await ws.receive()).type & 0x100:  # CLOSED, CLOSING, ERROR
            pass
        assert ws.close_code in (1009, 1006)


async def test_a_long_text_is_an_error_and_no_more(tone_url: str) -> None:
    async with calling(tone_url, microphone=False) as caller:
        await caller.ws.send_str(json.dumps({"type": "text", "text": "x" * 100_000}))
        assert (await caller.wait("error"))["code"] == "MESSAGE_TOO_LARGE"


async def test_audio_faster_than_real_time_is_dropped_with_a_word(tone_url: str) -> None:
    async with _bystander(tone_url), calling(tone_url, microphone=False) as caller:
        for _ in range(100):
            await caller.ws.send_bytes(bytes(1920 * 5))
        assert (await caller.wait("error"))["code"] == "TOO_FAST"
        await caller.ws.send_json({"type": "ping"})
        await caller.wait("pong")


async def test_a_client_that_vanishes_in_the_middle_of_a_word(tone_url: str) -> None:
    async with _bystander(tone_url):
        async with aiohttp.ClientSession() as http:
            ws = await http.ws_connect(tone_url)
            speech = tone_speech("In the middle of a wo")
            for start in range(0, len(speech) // 1920 // 2 * 1920, 1920):
                await ws.send_bytes(speech[start : start + 1920])
            connection = ws._response.connection
            assert connection is not None
            assert connection.transport is not None
            connection.transport.abort()
        await _sessions(tone_url, at_most=1)


async def test_a_client_that_never_reads_is_cut_off_and_forgotten(tone_url: str) -> None:
    async with _bystander(tone_url):
        host, port = tone_url.removeprefix("ws://").split("/")[0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=2**10)
        writer.write(
            b"GET /v1/session HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        ping = b'{"type": "text", "text": "' + b"x" * 7000 + b'"}'
        message = b"\x81\xfe" + len(ping).to_bytes(2, "big") + bytes(4) + ping
        try:
            async with asyncio.timeout(20):
                while True:  # each is echoed; nothing is read, until the server has had enough
                    writer.write(message)
                    await writer.drain()
        except ConnectionError:
            pass
        writer.close()
        del reader
        await _sessions(tone_url, at_most=1)


async def test_many_that_come_and_go_leave_nothing_behind(tone_url: str) -> None:
    async with _bystander(tone_url):
        for _ in range(10):
            async with asyncio.TaskGroup() as group:
                for _ in range(20):
                    group.create_task(_come_and_go(tone_url))
    await _sessions(tone_url, at_most=0)


async def _come_and_go(url: str) -> None:
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as ws:
        await ws.send_bytes(bytes(1920))
        await ws.receive()


async def _sessions(url: str, at_most: int) -> None:
    """Until no more than so many sessions are left, at the orchestrator and at its workers."""
    status: dict[str, Any] = {}
    async with aiohttp.ClientSession() as http:
        for _ in range(200):
            async with http.get(f"http{url.removeprefix('ws').split('/v1/')[0]}/status") as response:
                status = await response.json()
            if max(status["sessions"], *(worker["sessions"] for worker in status["workers"])) <= at_most:
                return
            await asyncio.sleep(0.1)
    raise AssertionError(f"sessions are left: {status}")


async def test_plain_http_on_the_session_path_is_told_what_to_do(tone_url: str) -> None:
    async with aiohttp.ClientSession() as http, http.get("http" + tone_url.removeprefix("ws")) as response:
        assert response.status == 426


async def test_health_ready_status_metrics(tone_url: str) -> None:
    base = "http" + tone_url.removeprefix("ws").split("/v1/")[0]
    async with aiohttp.ClientSession() as http:
        for path, needle in (("/health", "ok"), ("/ready", "true"), ("/status", "workers"), ("/metrics", "parley_sessions")):
            async with http.get(base + path) as response:
                assert response.status == 200, path
                assert needle in await response.text()
