"""Speech to text by one worker: the STT tier without a conversation around it. As fast as the worker listens; gRPC holds us back."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import grpc

from client.failure import Failure
from parley.audio import FRAME_SAMPLES, ms_of
from parley.v1 import audio_pb2, stt_pb2, stt_pb2_grpc

FRAMES_PER_MESSAGE: Final = 10
GOODBYE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Segment:
    """What was said between two pauses."""

    begin_ms: float
    end_ms: float
    text: str
    words: tuple[dict[str, Any], ...] = ()


async def recognise(
    channel: grpc.aio.Channel, frames: Iterable[bytes], model: str, language: str, progress: Callable[[float], None]
) -> AsyncGenerator[Segment, None]:
    """The segments of a recording, each when it is final. `progress` gets the seconds heard so far.

    Raises:
        AioRpcError: the worker refused or failed.
    """
    stub: Any = stt_pb2_grpc.SttServiceStub(channel)  # type: ignore[no-untyped-call]
    session_id = uuid.uuid4().hex
    config = stt_pb2.SttConfig(model_id=model, languages=[language] if language else [], word_times=True)
    await stub.StartSession(stt_pb2.SttStartSessionRequest(session_id=session_id, config=config, allow_load=True))
    call = stub.Transcribe(_audio(session_id, frames))
    try:
        async for event in call:
            progress(ms_of(event.pts_processed) / 1000)
            if event.HasField("notice") and not event.notice.retryable:
                raise Failure(f"the worker gave up: {event.notice.message} [{event.notice.reason}]")
            if event.HasField("hypothesis") and event.hypothesis.final and event.hypothesis.text.strip():
                yield segment_of(event.hypothesis)
    finally:
        call.cancel()
        with contextlib.suppress(grpc.aio.AioRpcError):  # a courtesy: whatever went wrong is already on its way up
            await stub.EndSession(stt_pb2.SttEndSessionRequest(session_id=session_id), timeout=GOODBYE_S)


def segment_of(hypothesis: stt_pb2.Hypothesis) -> Segment:
    """A final hypothesis in milliseconds."""
    words = tuple(
        {
            "text": word.text,
            "begin_ms": round(ms_of(word.pts_begin)),
            "end_ms": round(ms_of(word.pts_end)),
            "confidence": round(word.confidence, 3),
        }
        for word in hypothesis.words
    )
    return Segment(round(ms_of(hypothesis.pts_begin)), round(ms_of(hypothesis.pts_end)), hypothesis.text.strip(), words)


async def _audio(session_id: str, frames: Iterable[bytes]) -> AsyncGenerator[audio_pb2.AudioFrame, None]:
    """The recording, then FINALIZE, which makes the last segment final; the half-close after it ends the stream."""
    rest, pts, first = iter(frames), 0, session_id
    while batch := list(itertools.islice(rest, FRAMES_PER_MESSAGE)):
        yield audio_pb2.AudioFrame(session_id=first, pts=pts, pcm=b"".join(batch), frame_count=len(batch))
        first = ""
        pts += len(batch) * FRAME_SAMPLES
        await asyncio.sleep(0)
    yield audio_pb2.AudioFrame(session_id=first, control=audio_pb2.Control(control_id=1, verb=audio_pb2.CONTROL_VERB_FINALIZE))
