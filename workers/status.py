"""How this worker is: one snapshot for WatchStatus, the directory and the page, and a way to wait for the next change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from parley.directory import WorkerRecord
from parley.v1 import model_pb2
from workers.identity import Identity
from workers.models import Models


class StatusBoard:
    """Knows whom to ask. `address` is filled in when the port is known, `sessions` when the tier is there."""

    def __init__(self, identity: Identity, models: Models, max_sessions: int) -> None:
        self.identity = identity
        self.address = ""
        self.draining = False
        self.sessions: Callable[[], int] = lambda: 0
        self.min_slack_ms: Callable[[], int] = lambda: 0
        self._models = models
        self._max_sessions = max_sessions
        self._seq = 0
        self._change: asyncio.Future[None] | None = None
        models.subscribe(self.changed)

    @property
    def serving(self) -> bool:
        """Whether a session could be begun here."""
        return not self.draining and self._models.any_ready

    def changed(self) -> None:
        """Wake whoever waits for a change; cheap, and may be called for anything that could be one."""
        change, self._change = self._change, None
        if change is not None and not change.done():
            change.set_result(None)

    async def wait_change(self, timeout_s: float | None = None) -> None:
        """Until something has changed, or the time is over."""
        if self._change is None:
            self._change = asyncio.get_running_loop().create_future()
        await asyncio.wait([self._change], timeout=timeout_s)

    def status(self) -> model_pb2.WorkerStatus:
        """The wire's form."""
        self._seq += 1
        return model_pb2.WorkerStatus(
            worker_id=self.identity.worker_id,
            instance_id=self.identity.instance_id,
            status_seq=self._seq,
            draining=self.draining,
            sessions=self.sessions(),
            max_sessions=self._max_sessions,
            min_slack_ms=max(0, self.min_slack_ms()),
            ready_models=self._models.names(model_pb2.MODEL_STATE_READY),
            loading_models=self._models.names(model_pb2.MODEL_STATE_LOADING, model_pb2.MODEL_STATE_WARMING),
        )

    def record(self) -> WorkerRecord:
        """The directory's form."""
        return WorkerRecord(
            worker_id=self.identity.worker_id,
            instance_id=self.identity.instance_id,
            kind=self.identity.kind,
            address=self.address,
            sessions=self.sessions(),
            max_sessions=self._max_sessions,
            draining=self.draining,
            models=tuple(self._models.names(model_pb2.MODEL_STATE_READY)),
        )
