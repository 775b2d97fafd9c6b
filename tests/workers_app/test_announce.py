"""The heartbeat in a real Redis."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from parley.directory import TTL_MS, WorkerRecord, key_of
from workers.announce import announce
from workers.identity import Identity
from workers.models import Models, ModelSettings
from workers.status import StatusBoard


@pytest.fixture
def board():
    models = Models("stt", [ModelSettings(id="tone", engine="tone")], "tone")
    board = StatusBoard(Identity.make("stt", "worker-of-this-test"), models, 7)
    board.address = "127.0.0.1:4"
    return board


@asynccontextmanager
async def announcing(url, board):
    async with asyncio.TaskGroup() as group, Redis.from_url(url) as redis:
        task = group.create_task(announce(url, board))
        yield redis, task
        board.draining = True
        board.changed()


async def record_of(redis, board, wanted=lambda record: True):
    async with asyncio.timeout(20):
        while True:
            text = await redis.get(key_of(board.identity.worker_id))
            if text is not None and wanted(record := WorkerRecord.model_validate_json(text)):
                return record
            await asyncio.sleep(0.01)


async def test_a_worker_is_there_with_an_end_told_of_changes_and_gone_after_a_drain(redis_url, board):
    async with announcing(redis_url, board) as (redis, task):
        record = await record_of(redis, board)
        assert (record.kind, record.address, record.max_sessions) == ("stt", "127.0.0.1:4", 7)
        assert record.instance_id == board.identity.instance_id
        assert 0 < await redis.pttl(key_of(record.worker_id)) <= TTL_MS
        board.sessions = lambda: 3
        board.changed()
        await record_of(redis, board, lambda record: record.sessions == 3)
        board.draining = True
        board.changed()
        async with asyncio.timeout(20):
            await task
        assert await redis.get(key_of(record.worker_id)) is None


async def test_redis_may_go_and_come_back(redis_server, board):
    async with announcing(redis_server.url, board) as (redis, task):
        await record_of(redis, board)
        redis_server.stop()
        board.sessions = lambda: 4
        board.changed()
        await asyncio.sleep(0)
        redis_server.start()
        async with Redis.from_url(redis_server.url) as again:
            await record_of(again, board, lambda record: record.sessions == 4)
        assert not task.done()


async def test_without_redis_a_drain_ends_all_the_same(board):
    async with announcing("redis://127.0.0.1:1/0", board) as (_, task):
        await asyncio.sleep(0)
        assert not task.done()
