"""The directory of a fleet: workers announce themselves in Redis, this reads them all once a second.

Redis is a hint, not the truth. When it is away the last table stands: nothing expires here, since the workers' own WatchStatus streams say
sooner and better who is gone. Nothing on the way of the sound ever waits for Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

import structlog
from pydantic import ValidationError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from parley.directory import KEY_PREFIX, WorkerKind, WorkerRecord

PERIOD_S: Final = 1.0
ANSWER_S: Final = 0.5
READ_S: Final = 3.0
MAX_WORKERS: Final = 1_000
"""Records that are read; whoever writes more into this Redis than a fleet can have is not given memory for it."""

log = structlog.get_logger()


class RedisDirectory:
    """Reads `KEY_PREFIX*` at `url` every `period_s`. Records that cannot be read are named once in the log and skipped."""

    def __init__(self, url: str, period_s: float = PERIOD_S) -> None:
        self._redis: Redis = Redis.from_url(url, decode_responses=True, socket_timeout=ANSWER_S, socket_connect_timeout=ANSWER_S)
        self._period_s = period_s
        self._table: dict[WorkerKind, tuple[WorkerRecord, ...]] = {"stt": (), "tts": ()}
        self._malformed: dict[str, str] = {}
        self._reachable = True

    def workers(self, kind: WorkerKind) -> tuple[WorkerRecord, ...]:
        return self._table[kind]

    async def run(self) -> None:
        try:
            while True:
                await self._refresh()
                await asyncio.sleep(self._period_s)
        finally:
            await self._redis.aclose()

    async def _refresh(self) -> None:
        try:
            async with asyncio.timeout(READ_S):
                raw = await self._read()
        except (RedisError, OSError, TimeoutError) as error:
            if self._reachable:
                log.warning("directory_away", error=str(error) or type(error).__name__, kept=sum(map(len, self._table.values())))
            self._reachable = False
            return
        if not self._reachable:
            log.info("directory_back", records=len(raw))
        self._reachable = True
        records = self._parse(raw)
        self._table = {kind: _of_kind(kind, records) for kind in self._table}

    async def _read(self) -> dict[str, str]:
        keys: set[str] = set()
        async for key in self._redis.scan_iter(match=KEY_PREFIX + "*", count=500):
            keys.add(key)
            if len(keys) == MAX_WORKERS:
                break
        ordered = sorted(keys)
        values = await self._redis.mget(ordered) if ordered else []
        return {key: str(value) for key, value in zip(ordered, values, strict=True) if value is not None}

    def _parse(self, raw: dict[str, str]) -> list[WorkerRecord]:
        records, malformed = [], {}
        for key, value in raw.items():
            try:
                records.append(WorkerRecord.model_validate_json(value))
            except ValidationError as error:
                malformed[key] = value
                if self._malformed.get(key) != value:
                    log.warning("worker_record_malformed", key=key, problem=error.errors()[0]["msg"])
        self._malformed = malformed
        return records


def _of_kind(kind: WorkerKind, records: Iterable[WorkerRecord]) -> tuple[WorkerRecord, ...]:
    """One record per address: of a worker that was started anew there, the old record may not have expired yet."""
    by_address = {record.address: record for record in records if record.kind == kind}
    return tuple(by_address[address] for address in sorted(by_address))
