"""The background of `bench control`: streams that speak without an end, in a process of their own. It counts what comes late."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import Any

import grpc

from client.bench.beat import beat
from client.bench.control_probe import CHANNEL_OPTIONS, FRAMES_PER_MESSAGE, SESSIONS_PER_CHANNEL, TEXT
from client.bench.playout import LATE_MS, Playout
from client.bench.process import Parent, serve
from client.bench.stubs import EOF, tts_stub
from client.bench.tally import Tally
from client.failure import Failure, explain, leaf
from parley import errors
from parley.v1 import tts_pb2

START_OVER_S = 4.0
"""The streams begin spread over this time: a worker that gets hundreds at once is another benchmark."""
AUDIO_WITHIN_S = 30.0
_GOLDEN = 0.618034  # spreads any number of starts evenly: equal steps would put all streams on a few phases of the 100 ms of a message


async def speak(job: dict[str, Any], parent: Parent) -> dict[str, Any]:
    """Keep `job["sessions"]` streams speaking until the window closes."""
    tally = Tally()
    count = int(job["sessions"])
    try:
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            stubs = [
                tts_stub(await stack.enter_async_context(grpc.aio.insecure_channel(job["worker"], options=CHANNEL_OPTIONS)))
                for _ in range(0, count, SESSIONS_PER_CHANNEL)
            ]
            watch = group.create_task(beat(lambda late_ms: tally.sample("tick_late_ms", late_ms)))
            begun = [asyncio.Event() for _ in range(count)]
            streams = [
                group.create_task(
                    _stream(
                        stubs[number % len(stubs)], f"{job['prefix']}-{number}", tally, begun[number], START_OVER_S * (number * _GOLDEN % 1)
                    )
                )
                for number in range(count)
            ]
            async with asyncio.timeout(AUDIO_WITHIN_S):
                for event in begun:
                    await event.wait()
            window = await parent.connected()
            await parent.sleep_until(window.open_s)
            tally.open = True
            await parent.sleep_until(window.close_s)
            tally.open = False
            for task in (watch, *streams):
                task.cancel()
    except BaseExceptionGroup as group_error:
        raise _readable(leaf(group_error)) from None
    return tally.as_json()


async def _stream(stub: Any, session_id: str, tally: Tally, begun: asyncio.Event, after_s: float) -> None:
    """One session that begins a new utterance whenever one ends."""
    await asyncio.sleep(after_s)
    config = tts_pb2.TtsConfig(max_frames_per_message=FRAMES_PER_MESSAGE)
    await stub.StartSession(tts_pb2.StartSessionRequest(session_id=session_id, config=config))
    call = stub.Synthesize()
    chunk = tts_pb2.TextChunk(session_id=session_id, text=TEXT, end_of_utterance=True)
    try:
        await call.write(chunk)
        chunk.session_id = ""
        playout = Playout()
        while (message := await call.read()) is not EOF:
            if message.pcm:
                begun.set()
                _arrived(playout, time.monotonic(), message.frame_count or 1, tally)
            if message.HasField("event") and message.event.HasField("done"):
                playout = Playout()
                await call.write(chunk)
        raise Failure("the worker ended a background stream")
    finally:
        call.cancel()


def _arrived(playout: Playout, now_s: float, frames: int, tally: Tally) -> None:
    tally.count("frames", frames)
    for _ in range(frames):
        if playout.arrived(now_s).late_ms > LATE_MS:
            tally.count("late_frames")


def _readable(error: BaseException) -> BaseException:
    if isinstance(error, grpc.aio.AioRpcError):
        error = errors.from_rpc(error)
    line = explain(error)
    return error if line is None else Failure(line)


if __name__ == "__main__":
    serve(speak)
