"""The worker's heartbeat in the directory's Redis: a record that expires when the worker does.

Redis is a hint to orchestrators and nothing to us: while it is away we try again, with back-off, and serving never notices. Every
heartbeat writes the whole record, so an emptied Redis knows this worker again after one. A drain removes the record.
"""

from __future__ import annotations

import asyncio
import time
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from parley.directory import HEARTBEAT_MS, TTL_MS, WorkerRecord, key_of
from workers.status import StatusBoard

TIMEOUT_S: Final = 0.5
MAX_BACKOFF_S: Final = 5.0
MIN_INTERVAL_S: Final = 0.1  # changes of load are told at once, but no more often than this

log = structlog.get_logger()


async def announce(url: str, board: StatusBoard) -> None:
    """Until the board says that the worker drains; then the record is gone, if Redis can be reached."""
    redis = Redis.from_url(url, socket_timeout=TIMEOUT_S, socket_connect_timeout=TIMEOUT_S)
    try:
        await _heartbeats(redis, board)
        await _remove(redis, board.identity.worker_id)
    finally:
        await redis.aclose()


async def _heartbeats(redis: Redis, board: StatusBoard) -> None:
    failures = 0
    while not board.draining:
        record = board.record()
        try:
            await redis.set(key_of(record.worker_id), record.model_dump_json(), px=TTL_MS)
        except (RedisError, OSError) as error:
            failures += 1
            if failures == 1:
                log.warning("directory_lost", error=str(error) or type(error).__name__)
            await _until_drain(board, min(0.2 * 2.0**failures, MAX_BACKOFF_S))
            continue
        if failures:
            log.info("directory_found", after_failures=failures)
        failures = 0
        await asyncio.sleep(MIN_INTERVAL_S)
        await _until_news(board, record)


async def _until_news(board: StatusBoard, said: WorkerRecord) -> None:
    """Until the next heartbeat is due, or there is something else to say."""
    due = time.monotonic() + HEARTBEAT_MS / 1000 - MIN_INTERVAL_S
    while board.record() == said and (left_s := due - time.monotonic()) > 0:
        await board.wait_change(left_s)


async def _until_drain(board: StatusBoard, seconds: float) -> None:
    due = time.monotonic() + seconds
    while not board.draining and (left_s := due - time.monotonic()) > 0:
        await board.wait_change(left_s)


async def _remove(redis: Redis, worker_id: str) -> None:
    try:
        await redis.delete(key_of(worker_id))
    except (RedisError, OSError):
        log.info("directory_lost_at_end", worker_id=worker_id)  # the record expires by itself
