"""Speech jobs inside the engine process: who may take the engine's next step, and what becomes of what it gave.

A job takes steps while it has given fewer samples than it is allowed, is not frozen and is not waiting out a `wait_ms`. Among those
the job that is least ahead of its listener goes first, one without any audio yet before all others. Pure: time and bytes are handed
in, messages leave through `send`.
"""

from __future__ import annotations

import heapq
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from workers.engines.api import EngineInputError, TtsEngine, TtsRequest, TtsStep
from workers.host.wire import marks_to_wire

Send = Callable[[Sequence[Any], bytes], None]


@dataclass
class _Job:
    job_id: int
    handle: Any
    allowed_samples: int
    generated_samples: int = 0
    frozen: bool = False
    waiting: bool = field(default=False)

    def eligible(self) -> bool:
        return self.generated_samples < self.allowed_samples and not self.frozen and not self.waiting

    def urgency(self) -> tuple[bool, int]:
        return (self.generated_samples > 0, self.generated_samples - self.allowed_samples)


class TtsSide:
    """All speech jobs of one engine."""

    def __init__(self, engine: TtsEngine, max_batch: int, send: Send) -> None:
        self._engine = engine
        self._max_batch = max_batch
        self._send = send
        self._jobs: dict[int, _Job] = {}
        self._ready: dict[int, _Job] = {}
        self._timers: list[tuple[float, int]] = []  # (when, job id); an entry of a job that is gone does nothing

    def handle(self, header: list[Any], _payload: bytes) -> None:
        """One command of the front. Commands for a job that has ended are late, not wrong."""
        verb, job_id = header[0], header[1]
        if verb == "open":
            self._open(job_id, header[2], header[3])
            return
        job = self._jobs.get(job_id)
        if job is None:
            return
        if verb == "allow":
            job.allowed_samples = header[2]
        elif verb == "freeze":
            job.frozen = True
        elif verb == "thaw":
            job.frozen = False
        elif verb == "close":
            self._close(job)
            return
        self._sort(job)

    def wake(self, now: float) -> None:
        """Let the jobs go on whose wait is over."""
        while self._timers and self._timers[0][0] <= now:
            job = self._jobs.get(heapq.heappop(self._timers)[1])
            if job is not None:
                job.waiting = False
                self._sort(job)

    def due(self) -> float | None:
        """When `wake` has something to do."""
        return self._timers[0][0] if self._timers else None

    def ready(self) -> bool:
        """Whether `run` has something to do."""
        return bool(self._ready)

    def run(self) -> None:
        """One step of the engine, for as many jobs as it takes at once."""
        jobs = list(self._ready.values())
        if len(jobs) > self._max_batch:
            jobs = heapq.nsmallest(self._max_batch, jobs, key=_Job.urgency)
        began = time.perf_counter()
        try:
            steps = self._engine.step([job.handle for job in jobs])
        except Exception as error:  # the top of a step: an engine's fault ends jobs, never the process
            self._failed(jobs, error)
            return
        step_us = int((time.perf_counter() - began) * 1e6 / len(jobs))
        now = time.monotonic()
        for job, step in zip(jobs, steps, strict=True):
            self._deliver(job, step, step_us, now)

    def _open(self, job_id: int, request: dict[str, Any], allowed_samples: int) -> None:
        try:
            handle = self._engine.open(TtsRequest(**request))
        except Exception as error:  # the top of a job
            self._send(["failed", job_id, describe(error)], b"")
            return
        job = self._jobs[job_id] = _Job(job_id, handle, allowed_samples)
        self._sort(job)

    def _deliver(self, job: _Job, step: TtsStep, step_us: int, now: float) -> None:
        job.generated_samples += len(step.pcm) // 2
        if step.pcm or step.marks or step.done:
            self._send(["audio", job.job_id, step.done, step_us, marks_to_wire(step.marks)], step.pcm)
        if step.done:
            self._close(job)
            return
        if step.wait_ms > 0:
            job.waiting = True
            heapq.heappush(self._timers, (now + step.wait_ms / 1000, job.job_id))
        self._sort(job)

    def _failed(self, jobs: list[_Job], error: Exception) -> None:
        """A batch that raised has advanced nobody: each job tries alone, so that only the guilty one ends."""
        if len(jobs) > 1:
            for job in jobs:
                try:
                    step = self._engine.step([job.handle])[0]
                except Exception as own_error:  # the top of a step
                    self._failed([job], own_error)
                else:
                    self._deliver(job, step, 0, time.monotonic())
            return
        self._send(["failed", jobs[0].job_id, describe(error)], b"")
        self._close(jobs[0])

    def _sort(self, job: _Job) -> None:
        if job.eligible():
            self._ready[job.job_id] = job
        else:
            self._ready.pop(job.job_id, None)

    def _close(self, job: _Job) -> None:
        self._jobs.pop(job.job_id, None)
        self._ready.pop(job.job_id, None)
        self._engine.close(job.handle)


def describe(error: Exception) -> str:
    """What the front is told: an input's fault in the engine's words, anything else with its type, its traceback on stderr."""
    if isinstance(error, EngineInputError):
        return str(error)
    traceback.print_exception(error)
    return f"{type(error).__name__}: {error}"
