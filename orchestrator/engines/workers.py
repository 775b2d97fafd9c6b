"""The workers as the orchestrator sees them: directory, watches, choice and channels in one object that is handed to the links.

It decides nothing itself: `orchestrator.routing` ranks, the worker admits. It holds no session.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final, Self

import grpc

from orchestrator.directory.api import Directory
from orchestrator.engines.channels import ChannelPool, Lease
from orchestrator.engines.watch import SILENCE_S, Watch
from orchestrator.routing import Candidate, Ejections, rank, unfit
from parley.directory import WorkerKind, WorkerRecord
from parley.errors import ParleyError

REFRESH_S: Final = 0.25
RETRY_AFTER_MS: Final = 1_000
BLAMELESS: Final = frozenset(
    {"CAPACITY", "DRAINING", "GOING_AWAY", "SESSION_UNKNOWN", "SESSION_EXISTS", "BAD_SEQUENCE", "BAD_REQUEST", "BAD_FRAME", "TEXT_TOO_LONG"}
    | {"UNSUPPORTED_FORMAT", "MODEL_UNKNOWN", "TOO_FAST", "SLOW_CLIENT", "TEXT_STARVED", "PAUSE_EXPIRED"}
)
"""Reasons that say nothing against the worker's health."""


@dataclass(slots=True, eq=False)
class _Worker:
    """One address and all that is known of it."""

    record: WorkerRecord
    watch: Watch
    pool: ChannelPool
    task: asyncio.Task[None] | None = None
    started: int = 0  # sessions given to it since its last word
    refused: bool = False  # it said that it is full, after its last word
    held: set[Chosen] = field(default_factory=set)

    @property
    def worker_id(self) -> str:
        return self.watch.status.worker_id or self.record.worker_id

    def candidate(self) -> Candidate:
        status = self.watch.status
        sessions = status.sessions + self.started
        return Candidate(
            address=self.record.address,
            alive=self.watch.alive,
            draining=status.draining,
            sessions=max(sessions, status.max_sessions) if self.refused else sessions,
            max_sessions=status.max_sessions,
            models=tuple(status.ready_models),
        )


class Chosen:
    """A worker for one session. Inside `with` it counts as the worker's load, and `channel` may be used.

    `given_up`, where set, is called when the worker no longer answers although its connections are up; it must not block.
    """

    __slots__ = ("_lease", "_worker", "given_up")

    def __init__(self, worker: _Worker) -> None:
        self._worker = worker
        self._lease: Lease | None = None
        self.given_up: Any = None

    @property
    def address(self) -> str:
        return self._worker.record.address

    @property
    def worker_id(self) -> str:
        return self._worker.worker_id

    @property
    def channel(self) -> grpc.aio.Channel:
        if self._lease is None:
            raise RuntimeError("a chosen worker is used inside `with`")
        return self._lease.channel

    def __enter__(self) -> Self:
        self._lease = self._worker.pool.acquire()
        self._worker.started += 1
        self._worker.held.add(self)
        return self

    def __exit__(self, *_: object) -> None:
        lease, self._lease = self._lease, None
        if lease is not None:
            self._worker.pool.release(lease)
        self._worker.held.discard(self)


class Workers:
    """All workers of both kinds. Belongs to the event loop that runs `run`."""

    def __init__(self, directory: Directory, random: Random | None = None, silence_s: float = SILENCE_S) -> None:
        self._directory = directory
        self._random = random or Random()
        self._silence_s = silence_s
        self._ejections = Ejections()
        self._known: dict[WorkerKind, dict[str, _Worker]] = {"stt": {}, "tts": {}}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Keep the table until cancelled, then close every channel."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._directory.run())
                while True:
                    await self._refresh(group)
                    await asyncio.sleep(REFRESH_S)
        finally:
            for known in self._known.values():
                for worker in known.values():
                    await worker.pool.close()
                known.clear()

    def candidates(self, kind: WorkerKind, model: str = "") -> list[Chosen]:
        """The workers to try for a session that wants `model` (`id`, `id@revision` or "" for any), best first.

        Raises:
            ParleyError: CAPACITY if all that fit are full, NO_WORKER if none fits; both with a hint when to try again.
        """
        known = self._known[kind]
        now_s = asyncio.get_running_loop().time()
        table = [worker.candidate() for worker in known.values()]
        ranked = rank(table, model, self._ejections.at(now_s), self._random)
        if not ranked:
            raise _refusal(kind, model, table)
        return [Chosen(known[candidate.address]) for candidate in ranked]

    def choose(self, kind: WorkerKind, model: str = "") -> Chosen:
        """The best worker for a session; raises like `candidates`."""
        return self.candidates(kind, model)[0]

    def report_failure(self, chosen: Chosen, error: ParleyError) -> None:
        """A session did not begin at this worker, or ended there, with `error`."""
        worker = chosen._worker
        if error.reason in {"CAPACITY", "DRAINING", "GOING_AWAY"}:
            worker.refused = True
        elif error.reason not in BLAMELESS:
            self._ejections.failed(chosen.address, asyncio.get_running_loop().time())

    def report_success(self, chosen: Chosen) -> None:
        """A session did begin at this worker."""
        self._ejections.succeeded(chosen.address)

    def available(self, kind: WorkerKind, model: str = "") -> bool:
        """Whether a session could begin now."""
        return any(not unfit(worker.candidate(), model) for worker in self._known[kind].values())

    async def wait_available(self, kind: WorkerKind, model: str = "") -> None:
        """Until a session could begin; put a deadline around it."""
        while not self.available(kind, model):
            self._changed.clear()
            await self._changed.wait()

    def status(self) -> list[dict[str, Any]]:
        """One row per worker, for people and scripts. `unfit` says why it gets no sessions, "" if it does."""
        ejected = self._ejections.at(asyncio.get_running_loop().time())
        return [_row(kind, worker, ejected) for kind, known in self._known.items() for _, worker in sorted(known.items())]

    async def _refresh(self, group: asyncio.TaskGroup) -> None:
        for kind, known in self._known.items():
            listed = {record.address: record for record in self._directory.workers(kind)}
            for address, record in listed.items():
                if address in known:
                    known[address].record = record
                else:
                    known[address] = self._introduce(record, group)
            for address in [address for address in known if address not in listed]:
                # A directory introduces workers. That it has forgotten one which still answers is the directory's trouble.
                if not known[address].watch.alive:
                    await self._dismiss(known.pop(address))
            for worker in known.values():
                await worker.pool.sweep()
        self._ejections.forget([address for known in self._known.values() for address in known])

    def _introduce(self, record: WorkerRecord, group: asyncio.TaskGroup) -> _Worker:
        def changed() -> None:
            worker.started, worker.refused = 0, False
            if not worker.watch.alive:
                worker.pool.retire()
            self._changed.set()

        def given_up() -> None:
            for chosen in list(worker.held):
                if chosen.given_up is not None:
                    chosen.given_up()

        watch = Watch(record.address, changed, given_up, self._silence_s)
        worker = _Worker(record, watch, ChannelPool(record.address))
        worker.task = group.create_task(watch.run())
        return worker

    async def _dismiss(self, worker: _Worker) -> None:
        if worker.task is not None:
            worker.task.cancel()
            await asyncio.wait([worker.task])
        await worker.pool.close()


def _refusal(kind: WorkerKind, model: str, table: list[Candidate]) -> ParleyError:
    reasons = [unfit(candidate, model) for candidate in table]
    counts = ", ".join(f"{reasons.count(reason)} {_SAYS[reason]}" for reason in sorted(set(reasons)))
    wanted = f"a {kind} worker" + (f" with model {model!r}" if model else "")
    if "full" in reasons:
        return ParleyError("CAPACITY", f"expected room at {wanted}, found none: {counts}", RETRY_AFTER_MS)
    return ParleyError("NO_WORKER", f"expected {wanted}, found {counts or 'none known'}", RETRY_AFTER_MS)


_SAYS: Final = {"": "ready", "silent": "not answering", "draining": "draining", "model": "without that model", "full": "full"}


def _row(kind: WorkerKind, worker: _Worker, ejected: set[str]) -> dict[str, Any]:
    status, candidate = worker.watch.status, worker.candidate()
    return {
        "kind": kind,
        "worker_id": worker.worker_id,
        "instance_id": status.instance_id,
        "address": worker.record.address,
        "alive": candidate.alive,
        "unfit": unfit(candidate, ""),
        "ejected": worker.record.address in ejected,
        "draining": status.draining,
        "sessions": status.sessions,
        "our_sessions": len(worker.held),
        "max_sessions": status.max_sessions,
        "models": list(status.ready_models),
        "loading_models": list(status.loading_models),
        "channels": len(worker.pool),
    }
