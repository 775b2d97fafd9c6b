"""Clients that break the ABI, vanish, or do not read: a typed status for them, nothing for anybody else, nothing left behind."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from parley.v1 import audio_pb2, tts_pb2
from workers.tts.limits import TtsLimits

DEADLINE_S = 20.0
LONG = "A long sentence that goes on and on until somebody says stop, which may take a while. " * 20
STOP = audio_pb2.CONTROL_VERB_STOP
BREACHES: list[tuple[str, dict[str, Any]]] = [
    ("BAD_SEQUENCE", {"text": "x", "epoch": 7}),
    ("BAD_SEQUENCE", {"text": "x", "utterance_id": 99}),
    ("BAD_SEQUENCE", {"text": "x", "char_begin": 77}),
    ("BAD_REQUEST", {"control": audio_pb2.Control(verb=STOP)}),
    ("BAD_REQUEST", {"control": audio_pb2.Control(control_id=1)}),
    ("BAD_REQUEST", {"control": audio_pb2.Control(control_id=1, verb=77)}),
    ("BAD_REQUEST", {"control": audio_pb2.Control(control_id=1, verb=STOP, through_epoch=2**32 - 1)}),
    ("BAD_REQUEST", {"control": audio_pb2.Control(verb=audio_pb2.CONTROL_VERB_RELOAD)}),
    ("BAD_REQUEST", {"session_id": "another"}),
    ("TEXT_TOO_LONG", {"text": "x" * 70_000}),
]


async def eventually(condition: Callable[[], bool]) -> None:
    """Until `condition` holds."""
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 (nothing tells when a timer of the front has fired)
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("reason", "fields"), BREACHES)
async def test_a_breach_is_named_and_the_session_lives_on(front, reason: str, fields: dict[str, Any]) -> None:
    async with front.stream(pacing=tts_pb2.PACING_UNPACED) as other:
        await other.send("Hello")
        async with front.stream() as client:
            await client.send("Begin")
            await client.call.write(tts_pb2.TextChunk(**fields))
            assert (await client.failure()).reason == reason
        async with front.stream(client.session_id) as again:
            await again.send("Hi.", end_of_utterance=True)
            await again.until(lambda m: m.event.HasField("done"))
        await other.send(" there.", end_of_utterance=True)
        await other.done(1)


@pytest.mark.parametrize(("first", "reason"), [("", "BAD_REQUEST"), ("nobody", "SESSION_UNKNOWN")])
async def test_a_stream_must_say_its_session(front, first: str, reason: str) -> None:
    async with front.stream() as client:
        await client.call.write(tts_pb2.TextChunk(session_id=first, text="Hello."))
        assert (await client.failure()).reason == reason


async def test_a_stream_that_says_nothing_is_not_kept(fronts) -> None:
    async with fronts(TtsLimits(first_message_ms=100)) as front, front.stream() as client:
        assert (await client.failure()).reason == "TIMEOUT"


async def test_text_of_ten_megabytes_is_refused(front) -> None:
    async with front.stream() as client:
        await client.send("x" * 10_000_000)
        assert (await client.failure()).reason in ("TEXT_TOO_LONG", "CAPACITY")  # gRPC's own limit of 4 MiB comes first


async def test_a_client_that_does_not_read_is_cut_off_and_nobody_else_waits(fronts) -> None:
    async with fronts(TtsLimits(slow_client_s=0.3)) as front:
        name = await front.start(pacing=tts_pb2.PACING_UNPACED, max_frames_per_message=10)
        call = front.stub.Synthesize()
        await call.write(tts_pb2.TextChunk(session_id=name, text=LONG * 7, end_of_utterance=True))
        async with front.stream() as other:
            await other.send("Hello there my friend.", end_of_utterance=True)
            await other.done(1)
        async with asyncio.timeout(DEADLINE_S):
            await front.sessions.get(name).detached.wait()
        call.cancel()
        assert front.metrics.tally.slow_clients == 1


async def test_a_thousand_abandoned_sessions_come_back(fronts) -> None:
    """Never streamed, cancelled in mid-word, and dropped without a word: all give everything back."""
    waves, each = 4, 250
    async with fronts(TtsLimits(max_sessions=each)) as front:
        lease = await front.models.lease("tone", "", allow_load=False)
        engine = lease.engine
        lease.release()
        for _ in range(waves):
            names = await asyncio.gather(*(front.start(idle_ttl_ms=500) for _ in range(each)))
            calls = [front.stub.Synthesize() for _ in names[::2]]
            for name, call in zip(names[::2], calls, strict=True):
                with contextlib.suppress(grpc.aio.AioRpcError, asyncio.InvalidStateError):  # on a busy machine its time may be over
                    await call.write(tts_pb2.TextChunk(session_id=name, text=LONG[:200], end_of_utterance=True))
            for call in calls[::2]:
                with contextlib.suppress(grpc.aio.AioRpcError):
                    await call.read()
            for call in calls:
                call.cancel()
            await eventually(lambda: not len(front.sessions))
            assert front.models.list(True)[0].refs == 0
            assert not engine.jobs
        assert front.metrics.streams() == 0
        assert front.metrics.tally.sessions_started == waves * each


async def test_a_channel_that_dies_gives_everything_back(fronts) -> None:
    async with fronts() as front:
        name = await front.start(idle_ttl_ms=100)
        async with front.stream(name) as client:
            await client.send(LONG, end_of_utterance=True)
            await client.until(lambda m: bool(m.pcm))
            await front.channel.close()
        await eventually(lambda: not len(front.sessions))
        assert front.models.list(True)[0].refs == 0
