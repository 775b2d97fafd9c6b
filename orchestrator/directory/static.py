"""A directory that is a list in the settings: one machine, or a few whose addresses do not change."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from parley.directory import WorkerKind, WorkerRecord


class StaticDirectory:
    """`stt` and `tts` are HOST:PORT addresses. A worker's real id is learnt from the worker; until then its address stands for it."""

    def __init__(self, stt: Iterable[str] = (), tts: Iterable[str] = ()) -> None:
        self._table: dict[WorkerKind, tuple[WorkerRecord, ...]] = {"stt": _records("stt", stt), "tts": _records("tts", tts)}

    def workers(self, kind: WorkerKind) -> tuple[WorkerRecord, ...]:
        return self._table[kind]

    async def run(self) -> None:
        await asyncio.Event().wait()


def _records(kind: WorkerKind, addresses: Iterable[str]) -> tuple[WorkerRecord, ...]:
    records = []
    for address in sorted(set(addresses)):
        host, colon, port = address.rpartition(":")
        if not (colon and host and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError(f"a {kind} worker's address must be HOST:PORT, got {address!r}")
        records.append(WorkerRecord(worker_id=address, kind=kind, address=address))
    return tuple(records)
