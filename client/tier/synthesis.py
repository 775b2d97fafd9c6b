"""Text to speech by one worker, as fast as it can: the TTS tier without a conversation around it."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncGenerator, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import grpc

from client.failure import Failure
from parley.v1 import tts_pb2, tts_pb2_grpc

PIECE_CHARS: Final = 1_000
"""Long texts are spoken as several utterances of at most this many characters, cut at paragraphs, sentences or spaces."""
FRAMES_PER_MESSAGE: Final = 10
GOODBYE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Voice:
    """How it should sound; empty is the worker's default."""

    name: str = ""
    speed: float = 0.0
    model: str = ""
    language: str = ""


async def render(channel: grpc.aio.Channel, text: str, voice: Voice, progress: Callable[[int], None]) -> AsyncGenerator[bytes, None]:
    """Speak `text`; yields PCM as it comes. `progress` gets the characters done so far.

    Raises:
        AioRpcError: the worker refused or failed.
    """
    stub: Any = tts_pb2_grpc.TtsServiceStub(channel)  # type: ignore[no-untyped-call]
    session_id = uuid.uuid4().hex
    config = tts_pb2.TtsConfig(
        model_id=voice.model,
        voice=voice.name,
        speed=voice.speed,
        language=voice.language,
        pacing=tts_pb2.PACING_UNPACED,
        max_frames_per_message=FRAMES_PER_MESSAGE,
    )
    await stub.StartSession(tts_pb2.StartSessionRequest(session_id=session_id, config=config, allow_load=True))
    try:
        async with contextlib.aclosing(_speak(stub, session_id, text, progress)) as sound:
            async for pcm in sound:
                yield pcm
    finally:
        with contextlib.suppress(grpc.aio.AioRpcError):  # a courtesy: whatever went wrong is already on its way up
            await stub.EndSession(tts_pb2.EndSessionRequest(session_id=session_id), timeout=GOODBYE_S)


async def _speak(stub: Any, session_id: str, text: str, progress: Callable[[int], None]) -> AsyncGenerator[bytes, None]:
    next_piece = asyncio.Semaphore(1)  # one utterance at a time lies at the worker, however long the text is

    async def chunks() -> AsyncGenerator[tts_pb2.TextChunk, None]:
        for number, piece in enumerate(pieces(text), start=1):
            await next_piece.acquire()
            yield tts_pb2.TextChunk(session_id=session_id if number == 1 else "", text=piece, end_of_utterance=True)

    done = before = 0
    lengths = [len(piece) for piece in pieces(text)]
    call = stub.Synthesize(chunks())
    try:
        async for frame in call:
            if frame.pcm:
                yield frame.pcm
            for mark in frame.marks:
                progress(before + mark.char_begin)
            event = frame.event
            if event.HasField("notice") and not event.notice.retryable:
                raise Failure(f"the worker gave up: {event.notice.message} [{event.notice.reason}]")
            if event.HasField("done"):
                before += lengths[done]
                done += 1
                progress(before)
                next_piece.release()
    finally:
        call.cancel()


def pieces(text: str) -> Iterator[str]:
    """`text` in pieces of at most `PIECE_CHARS`; joined they are the text."""
    start = 0
    while len(text) - start > PIECE_CHARS:
        window = text[start : start + PIECE_CHARS]
        cut = max(_after(window, end) for end in ("\n\n", ". ", "! ", "? ", "\n")) or _after(window, " ") or PIECE_CHARS
        yield window[:cut]
        start += cut
    yield text[start:]


def _after(window: str, end: str) -> int:
    place = window.rfind(end)
    return place + len(end) if place >= PIECE_CHARS // 4 else 0
