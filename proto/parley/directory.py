"""Who is alive: what a worker says of itself, and where it says it.

A worker writes one `WorkerRecord` per heartbeat; an orchestrator reads them all. In Redis: key `parley:worker:<worker_id>` holds the
record as JSON and expires after `TTL_MS`. Redis is a hint, not the truth: the worker itself decides whom it admits.
"""

from __future__ import annotations

from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

KEY_PREFIX: Final = "parley:worker:"
TTL_MS: Final = 5_000
HEARTBEAT_MS: Final = 1_500

WorkerKind = Literal["stt", "tts"]


class WorkerRecord(BaseModel):
    """One worker, as the directory knows it. `address` is HOST:PORT, `models` are `id@revision` and ready."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    worker_id: str
    instance_id: str = ""
    kind: WorkerKind
    address: str
    sessions: int = 0
    max_sessions: int = 0
    draining: bool = False
    models: tuple[str, ...] = ()


def key_of(worker_id: str) -> str:
    """The Redis key of a worker's record."""
    return KEY_PREFIX + worker_id
