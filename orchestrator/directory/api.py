"""What a directory is: the table of workers that are said to be alive.

A directory introduces workers; whether one is really there, and how loaded, its WatchStatus stream says (`orchestrator.engines.watch`).
"""

from __future__ import annotations

from typing import Protocol

from parley.directory import WorkerKind, WorkerRecord


class Directory(Protocol):
    """Who is said to be alive."""

    def workers(self, kind: WorkerKind) -> tuple[WorkerRecord, ...]:
        """The present table, ordered by address. Never waits; a table that cannot be refreshed stays as it was."""

    async def run(self) -> None:
        """Keep the table fresh until cancelled. Troubles of the directory are logged, not raised."""
