"""WorkerService on the wire: a stream of statuses, and the drain."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

from parley.v1 import model_pb2, model_pb2_grpc
from workers.identity import typed_errors
from workers.status import StatusBoard

DEFAULT_MIN_INTERVAL_MS: Final = 100
MIN_INTERVAL_RANGE_MS: Final = (10, 60_000)


class WorkerServicer(model_pb2_grpc.WorkerServiceServicer):
    """`drain(deadline_ms)` begins or joins the worker's drain and says how many sessions were left at its end."""

    def __init__(self, board: StatusBoard, interval_ms: int, drain: Callable[[int], Awaitable[int]]) -> None:
        self._board = board
        self._interval_ms = interval_ms
        self._drain = drain

    async def WatchStatus(self, request: model_pb2.WatchStatusRequest, context: Any) -> AsyncIterator[model_pb2.WorkerStatus]:
        low, high = MIN_INTERVAL_RANGE_MS
        min_interval_s = min(max(request.min_interval_ms or DEFAULT_MIN_INTERVAL_MS, low), high) / 1000
        interval_s = max(min_interval_s, self._interval_ms / 1000)
        last: model_pb2.WorkerStatus | None = None
        said_at = 0.0
        while True:
            status = self._board.status()
            if last is None or _differ(status, last) or time.monotonic() - said_at >= interval_s:
                last, said_at = status, time.monotonic()
                yield status
                await asyncio.sleep(min_interval_s)  # whatever changes meanwhile is in the next one
            else:
                await self._board.wait_change(max(0.0, said_at + interval_s - time.monotonic()))

    @typed_errors
    async def Drain(self, request: model_pb2.DrainRequest, context: Any) -> model_pb2.DrainResponse:
        return model_pb2.DrainResponse(sessions_left=await self._drain(request.deadline_ms))


def _differ(one: model_pb2.WorkerStatus, other: model_pb2.WorkerStatus) -> bool:
    other_now = model_pb2.WorkerStatus()
    other_now.CopyFrom(other)
    other_now.status_seq = one.status_seq
    return one != other_now
