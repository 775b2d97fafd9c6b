"""What both kinds of link share: going from worker to worker, and one stream's life.

`hold` finds a worker, begins a session there and stays with it until it is lost; then it says so, once, and finds another. The links
know their own messages and nothing of this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol, TypeVar

import grpc

from orchestrator.engines.stubs import EOF
from orchestrator.engines.workers import Chosen, Workers
from parley.directory import WorkerKind
from parley.errors import ParleyError, from_rpc

START_S: Final = 2.0
END_S: Final = 0.5
RETRY_FIRST_S: Final = 0.05
RETRY_MAX_S: Final = 2.0
STEADY_S: Final = 1.0
GONE: Final = frozenset({"WORKER_LOST", "TIMEOUT"})
"""Reasons after which the worker is not asked to end the session: it is not there, or does not answer."""

Started = TypeVar("Started")
Message = TypeVar("Message")


class Holder(Protocol[Started]):
    """What a link gives to `hold`."""

    def model(self) -> str:
        """The model that is wanted now; "" for any."""

    async def start(self, chosen: Chosen) -> Started:
        """StartSession; raises ParleyError."""

    async def serve(self, chosen: Chosen, started: Started) -> ParleyError | None:
        """The session's stream, to its end: the error that ended it, or None if the link itself wants to move on."""

    def lost(self, error: ParleyError) -> None:
        """No worker now. Called once until the next `serve`."""


async def hold(workers: Workers, kind: WorkerKind, holder: Holder[Started]) -> None:
    """Serve from one worker after another until cancelled."""
    delay_s, told = RETRY_FIRST_S, False
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        served, error = await _serve_once(workers, kind, holder)
        told = told and not served
        if error is None:
            continue
        if not told:
            told = True
            holder.lost(error)
        if served and loop.time() - began_s > STEADY_S:
            delay_s = RETRY_FIRST_S
            continue  # it has held for a while: the next worker at once, every millisecond here is a gap in speech
        await asyncio.sleep(delay_s)
        delay_s = min(RETRY_MAX_S, delay_s * 2)


async def _serve_once(workers: Workers, kind: WorkerKind, holder: Holder[Started]) -> tuple[bool, ParleyError | None]:
    """Try the candidates in order; whether one served, and the error that ended it or the last refusal."""
    try:
        candidates = workers.candidates(kind, holder.model())
    except ParleyError as refusal:
        return False, refusal
    error: ParleyError | None = None
    for chosen in candidates:
        with chosen:
            try:
                started = await holder.start(chosen)
            except ParleyError as refusal:
                workers.report_failure(chosen, refusal)
                error = refusal
                continue
            workers.report_success(chosen)
            error = await holder.serve(chosen, started)
            if error is not None:
                workers.report_failure(chosen, error)
            return True, error
    return False, error


async def ask(call: Awaitable[Message]) -> Message:
    """The answer to a unary call; a failed one raises as ParleyError."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from None


async def begin_session(stub: Any, request: Any, farewell: Any) -> None:
    """StartSession, bounded. Given up while it is under way, the session may have begun: it is ended."""
    try:
        await ask(stub.StartSession(request, timeout=START_S))
    except asyncio.CancelledError:
        await end_session(stub, farewell)
        raise


async def end_session(stub: Any, request: Any) -> None:
    """EndSession, bounded; a worker that does not answer collects the session by its idle time."""
    try:
        await stub.EndSession(request, timeout=END_S)
    except (grpc.aio.AioRpcError, grpc.aio.UsageError):  # UsageError: the channel is closed already, and the session with it
        return


class Stream:
    """One bidirectional stream: one writer task, one reader, cancelled for certain at the end (an abandoned call is never collected).

    `drop` ends it from outside with a reason of ours.
    """

    def __init__(self, call: Any) -> None:
        self.call = call
        self._dropped: ParleyError | None = None

    def drop(self, error: ParleyError) -> None:
        if self._dropped is None:
            self._dropped = error
            self.call.cancel()

    async def run(self, write: Callable[[Any], Awaitable[None]], take: Callable[[Any], bool]) -> ParleyError | None:
        """Write and read until either ends. `take` gets each message and says whether to go on; None: it wants no more."""
        try:
            async with asyncio.TaskGroup() as group:
                writer = group.create_task(self._write(write))
                ended = await self._read(take)
                writer.cancel()
            return ended
        finally:
            self.call.cancel()

    async def _read(self, take: Callable[[Any], bool]) -> ParleyError | None:
        read = self.call.read
        try:
            while (message := await read()) is not EOF:
                if not take(message):
                    return None
        except grpc.aio.AioRpcError as error:
            return self._dropped or from_rpc(error)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._dropped is None or (task is not None and task.cancelling()):
                raise
            return self._dropped
        return self._dropped or ParleyError("WORKER_LOST", "the worker ended the stream")

    async def _write(self, write: Callable[[Any], Awaitable[None]]) -> None:
        try:
            await write(self.call)
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return  # the stream has ended; the reader learns why
