"""The Redis directory, against a real server that also goes away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from redis.asyncio import Redis
from structlog.testing import capture_logs

from orchestrator.directory.redis import RedisDirectory
from parley.directory import WorkerRecord, key_of

DEADLINE_S = 10.0


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.01)


@asynccontextmanager
async def running(url: str) -> AsyncIterator[RedisDirectory]:
    directory = RedisDirectory(url, period_s=0.02)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(directory.run())
        yield directory
        task.cancel()


@asynccontextmanager
async def client(url: str) -> AsyncIterator[Redis]:
    redis = Redis.from_url(url)
    try:
        yield redis
    finally:
        await redis.aclose()


async def announce(redis: Redis, worker_id: str, address: str, kind: str = "tts") -> None:
    record = WorkerRecord.model_validate({"worker_id": worker_id, "kind": kind, "address": address, "models": ["m@1"]})
    await redis.set(key_of(worker_id), record.model_dump_json(), px=60_000)


async def test_workers_appear_and_leave(redis_server):
    async with running(redis_server.url) as directory, client(redis_server.url) as redis:
        await announce(redis, "a", "h:1")
        await announce(redis, "b", "h:2", "stt")
        await until(lambda: bool(directory.workers("tts") and directory.workers("stt")))
        assert directory.workers("tts")[0].models == ("m@1",)
        assert [record.worker_id for record in directory.workers("stt")] == ["b"]
        await redis.delete(key_of("a"))
        await until(lambda: not directory.workers("tts"))
        assert directory.workers("stt")


async def test_two_records_of_one_address_are_one_worker(redis_server):
    async with running(redis_server.url) as directory, client(redis_server.url) as redis:
        await announce(redis, "old", "h:1")
        await announce(redis, "new", "h:1")
        await announce(redis, "other", "h:2")
        await until(lambda: len(directory.workers("tts")) == 2)
        assert [record.address for record in directory.workers("tts")] == ["h:1", "h:2"]


async def test_a_malformed_record_is_named_once_and_costs_nobody_else_anything(redis_server):
    with capture_logs() as logs:
        async with running(redis_server.url) as directory, client(redis_server.url) as redis:
            await redis.set(key_of("bad"), "{")
            await redis.set(key_of("worse"), b'{"worker_id": "w", "kind": "toaster", "address": "h:9"}')
            await announce(redis, "good", "h:1")
            await until(lambda: bool(directory.workers("tts")))
            await announce(redis, "later", "h:2")
            await until(lambda: len(directory.workers("tts")) == 2)
    named = [entry["key"] for entry in logs if entry["event"] == "worker_record_malformed"]
    assert sorted(named) == [key_of("bad"), key_of("worse")]


async def test_without_redis_the_last_table_stands_and_with_it_the_new_one(redis_server):
    with capture_logs() as logs:
        async with running(redis_server.url) as directory:
            async with client(redis_server.url) as redis:
                await announce(redis, "a", "h:1")
                await until(lambda: bool(directory.workers("tts")))
            redis_server.stop()
            await until(lambda: any(entry["event"] == "directory_away" for entry in logs))
            assert [record.worker_id for record in directory.workers("tts")] == ["a"]
            redis_server.start()
            async with client(redis_server.url) as redis:
                await announce(redis, "b", "h:2")
                await until(lambda: [record.worker_id for record in directory.workers("tts")] == ["b"])
    assert len([entry for entry in logs if entry["event"] == "directory_away"]) == 1


async def test_a_redis_that_was_never_there_is_no_error(redis_server):
    redis_server.stop()
    with capture_logs() as logs:
        async with running(redis_server.url) as directory:
            await until(lambda: any(entry["event"] == "directory_away" for entry in logs))
            assert directory.workers("stt") == ()
