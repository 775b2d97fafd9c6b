"""One worker's WatchStatus stream, kept open: whether the worker answers, how loaded it is, what models it has.

Keepalive pings are answered by gRPC's own threads even when the worker's event loop hangs, so this stream is what tells a live worker
from a stuck one. A worker that says nothing for `SILENCE_S` is not chosen; one that stays silent through a second such time, on a fresh
connection, is given up, and its sessions are told. (One silence alone may be a stall of our own process.)
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import grpc
import structlog

from orchestrator.engines.channels import open_channel
from orchestrator.engines.stubs import EOF, worker_stub
from parley.v1 import model_pb2

INTERVAL_MS: Final = 250
SILENCE_S: Final = 3.0
RETRY_FIRST_S: Final = 0.05
RETRY_MAX_S: Final = 1.0

log = structlog.get_logger()


class Watch:
    """What `address` says of itself. `status` is its last word; it counts only while `alive`."""

    def __init__(self, address: str, changed: Callable[[], None], given_up: Callable[[], None], silence_s: float = SILENCE_S) -> None:
        self.address = address
        self.status = model_pb2.WorkerStatus()
        self.alive = False
        self._changed = changed
        self._given_up = given_up
        self._silence_s = silence_s
        self._silences = 0

    async def run(self) -> None:
        """Watch until cancelled."""
        delay_s = RETRY_FIRST_S
        while True:
            ended = await self._stream()
            if self.alive:
                self.alive = False
                delay_s = RETRY_FIRST_S
                log.warning("worker_lost", address=self.address, worker_id=self.status.worker_id, reason=ended)
                self._changed()
            if self._silences >= 2:
                self._silences = 0
                self._given_up()
            await asyncio.sleep(delay_s)
            delay_s = min(RETRY_MAX_S, delay_s * 2)

    async def _stream(self) -> str:
        """One stream from its opening to its end; why it ended."""
        channel = open_channel(self.address)
        call = worker_stub(channel).WatchStatus(model_pb2.WatchStatusRequest(min_interval_ms=INTERVAL_MS))
        try:
            while True:
                async with asyncio.timeout(self._silence_s):  # ends the RPC too, which is wanted here
                    status = await call.read()
                if status is EOF:
                    return "the worker ended the stream"
                self._silences = 0
                self._take(status)
        except TimeoutError:
            self._silences += 1
            return f"silent for {self._silence_s} s"
        except grpc.aio.AioRpcError as error:
            return f"{error.code().name}: {error.details()}"
        finally:
            call.cancel()
            await channel.close(None)

    def _take(self, status: model_pb2.WorkerStatus) -> None:
        self.status = status
        if not self.alive:
            self.alive = True
            log.info("worker_found", address=self.address, worker_id=status.worker_id, models=list(status.ready_models))
        self._changed()
