"""One worker: its parts put together, begun in order, and ended in order.

The front imports no engine library; engines live in processes of their own. Begin: ports, models, `ready`. End, on SIGTERM, SIGINT or
the Drain call: refuse new sessions and say so everywhere, let the present ones finish within `drain_ms`, end the rest. A second
signal ends everything at once, and so does a watchdog when the orderly end takes too long.
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import threading
from contextlib import AsyncExitStack
from typing import Any, Final, Protocol

import grpc
import structlog
from google.protobuf import json_format
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1._async import HealthServicer
from grpc_reflection.v1alpha import reflection

from parley.errors import ParleyError
from parley.telemetry import new_registry
from parley.v1 import model_pb2_grpc, stt_pb2, stt_pb2_grpc, tts_pb2, tts_pb2_grpc
from workers.announce import announce
from workers.identity import Identity
from workers.metrics import ModelMetrics
from workers.models import Models
from workers.models.model import Kind
from workers.page import page
from workers.settings import SttWorkerSettings, TtsWorkerSettings, split_address
from workers.status import StatusBoard
from workers.stt.metrics import SttMetrics
from workers.stt.servicer import SttServicer
from workers.stt.sessions import Sessions as SttSessions
from workers.tts.metrics import TtsMetrics
from workers.tts.servicer import TtsServicer
from workers.tts.sessions import Sessions as TtsSessions
from workers.worker_service import WorkerServicer

SERVER_GRACE_S: Final = 1.0
WATCHDOG_S: Final = 10.0  # from the end of the drain to a hard exit
EXIT_HARD: Final = 1
WILDCARDS: Final = ("0.0.0.0", "[::]")

log = structlog.get_logger()


class StartError(Exception):
    """The worker cannot begin; the text is one readable line."""


class Sessions(Protocol):
    """A tier's sessions, as far as the worker's end concerns them."""

    def __len__(self) -> int:
        """Sessions now."""

    def begin_drain(self, deadline_ms: int) -> None:
        """Refuse new sessions and ask the present ones to leave."""

    def end_all(self, error: ParleyError) -> None:
        """End what is left, streams with `error`."""


class App:
    """One worker's life is one `run`."""

    def __init__(self, settings: SttWorkerSettings | TtsWorkerSettings) -> None:
        self._settings = settings
        kind: Kind = "stt" if isinstance(settings, SttWorkerSettings) else "tts"
        self._identity = Identity.make(kind, settings.worker_id)
        self._registry = new_registry()
        self._models = Models(kind, settings.models, settings.default_model)
        self._board = StatusBoard(self._identity, self._models, settings.max_sessions)
        self._drain_asked = asyncio.Event()
        self._drained = asyncio.Event()
        self._drain_ms = settings.drain_ms
        self._sessions: Sessions
        self._sessions_cut = 0

    async def run(self) -> None:
        """Serve until told to end.

        Raises:
            StartError: a port is taken, or the default model cannot be loaded.
        """
        async with AsyncExitStack() as stack:
            self._listen_to_signals(stack)
            server = self._server()
            port = _bind(server, self._settings.listen)
            self._board.address = _advertised(self._settings.advertise or self._settings.listen, port)
            if self._settings.http:
                await self._open_page(stack)
            await stack.enter_async_context(self._models)
            group = await stack.enter_async_context(asyncio.TaskGroup())
            self._add_tier(server, group)
            await self._serve(server, group, _address(self._settings.listen, port))

    async def _serve(self, server: grpc.aio.Server, group: asyncio.TaskGroup, address: str) -> None:
        health = self._add_worker_services(server)
        await self._set_health(health)
        await server.start()
        keeping = group.create_task(self._keep_health(health))
        try:
            if await self._until_ready(group):
                gc.collect()
                gc.freeze()
                print(f"ready grpc://{address}", flush=True)
                if self._settings.redis:
                    group.create_task(announce(self._settings.redis, self._board))
                await self._drain_asked.wait()
            await self._drain()
        finally:
            keeping.cancel()
            await server.stop(SERVER_GRACE_S)

    async def _until_ready(self, group: asyncio.TaskGroup) -> bool:
        """Whether the default model is READY; False if the worker was told to end before.

        Raises:
            StartError: it cannot be loaded.
        """
        loading = group.create_task(self._load_default())
        asked = group.create_task(self._drain_asked.wait())
        await asyncio.wait((loading, asked), return_when=asyncio.FIRST_COMPLETED)
        asked.cancel()
        if not loading.done():
            loading.cancel()
            return False
        if error := loading.result():
            raise StartError(f"cannot load the model {error.message}")
        return True

    async def _load_default(self) -> ParleyError | None:
        try:
            await self._models.default_ready()
        except ParleyError as error:
            return error
        return None

    # The end.

    async def drain(self, deadline_ms: int) -> int:
        """The Drain call: begin or join the end; says how many sessions the deadline cut off."""
        if deadline_ms and not self._board.draining:
            self._drain_ms = deadline_ms
        self._drain_asked.set()
        await self._drained.wait()
        return self._sessions_cut

    async def _drain(self) -> None:
        self._board.draining = True
        log.info("draining", sessions=len(self._sessions), deadline_ms=self._drain_ms)
        watchdog = threading.Timer(self._drain_ms / 1000 + WATCHDOG_S, os._exit, (EXIT_HARD,))
        watchdog.daemon = True
        watchdog.start()
        self._sessions.begin_drain(self._drain_ms)
        self._board.changed()
        try:
            async with asyncio.timeout(self._drain_ms / 1000):
                while len(self._sessions) > 0:
                    await self._board.wait_change()
        except TimeoutError:
            log.warning("drain_deadline", sessions=len(self._sessions))
        self._sessions_cut = len(self._sessions)
        self._sessions.end_all(ParleyError("GOING_AWAY", "this worker has ended"))
        self._drained.set()

    def _listen_to_signals(self, stack: AsyncExitStack) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
            stack.callback(loop.remove_signal_handler, number)

    def _on_signal(self) -> None:
        if self._drain_asked.is_set():
            log.warning("ended_hard")
            os._exit(EXIT_HARD)  # engines end with us: their sockets close
        self._drain_asked.set()

    # The parts.

    def _add_tier(self, server: grpc.aio.Server, group: asyncio.TaskGroup) -> None:
        settings, changed = self._settings, self._board.changed
        if isinstance(settings, SttWorkerSettings):
            stt = SttSessions(self._models, settings.limits, SttMetrics(self._registry), group, changed)
            self._sessions = stt
            servicer = SttServicer(self._identity, self._models, stt, settings.limits)
            stt_pb2_grpc.add_SttServiceServicer_to_server(servicer, server)  # type: ignore[no-untyped-call]
        else:
            tts = TtsSessions(self._models, settings.limits, TtsMetrics(self._registry), changed)
            self._sessions, self._board.min_slack_ms = tts, tts.min_slack_ms
            tts_pb2_grpc.add_TtsServiceServicer_to_server(TtsServicer(self._identity, self._models, tts, settings.limits), server)  # type: ignore[no-untyped-call]
        self._board.sessions = self._sessions.__len__

    def _server(self) -> grpc.aio.Server:
        return grpc.aio.server(
            options=(
                ("grpc.so_reuseport", 0),  # by default two workers share a port without a word
                ("grpc.http2.min_ping_interval_without_data_ms", 500),  # orchestrators look often; by default that is punished
                ("grpc.http2.max_ping_strikes", 0),
                ("grpc.keepalive_time_ms", 5000),
                ("grpc.keepalive_timeout_ms", 3000),
                ("grpc.http2.ping_timeout_ms", 3000),  # without it a dead peer is noticed after a minute
                ("grpc.max_receive_message_length", 1 << 20),
                ("grpc.max_send_message_length", 4 << 20),
                ("grpc.max_concurrent_streams", 4 * self._settings.max_sessions + 64),
            )
        )

    def _add_worker_services(self, server: grpc.aio.Server) -> HealthServicer:
        health = HealthServicer()
        worker = WorkerServicer(self._board, self._settings.status_interval_ms, self.drain)
        model_pb2_grpc.add_WorkerServiceServicer_to_server(worker, server)  # type: ignore[no-untyped-call]
        health_pb2_grpc.add_HealthServicer_to_server(health, server)
        if self._settings.reflection:
            names = (*self._service_names(), "parley.v1.WorkerService", "grpc.health.v1.Health", reflection.SERVICE_NAME)
            reflection.enable_server_reflection(names, server)
        return health

    def _service_names(self) -> tuple[str, ...]:
        module = stt_pb2 if self._identity.kind == "stt" else tts_pb2
        return tuple(service.full_name for service in module.DESCRIPTOR.services_by_name.values())

    async def _keep_health(self, health: HealthServicer) -> None:
        while True:
            await self._set_health(health)
            await self._board.wait_change()

    async def _set_health(self, health: HealthServicer) -> None:
        states = health_pb2.HealthCheckResponse
        status = states.SERVING if self._board.serving else states.NOT_SERVING
        for name in ("", *self._service_names()):
            await health.set(name, status)

    async def _open_page(self, stack: AsyncExitStack) -> None:
        ModelMetrics(self._registry, self._models)
        host, port = split_address(self._settings.http)
        try:
            bound = await stack.enter_async_context(page(host, port, self._registry, lambda: self._board.serving, self._state))
        except OSError as error:
            raise StartError(
                f"cannot listen on {self._settings.http}: {os.strerror(error.errno or 0)}; choose another with --http HOST:PORT"
            ) from None
        print(f"metrics http://{_address(self._settings.http, bound)}/metrics", flush=True)

    def _state(self) -> dict[str, Any]:
        state = json_format.MessageToDict(self._board.status(), preserving_proto_field_name=True, always_print_fields_with_no_presence=True)
        models = [json_format.MessageToDict(info, preserving_proto_field_name=True) for info in self._models.list(False)]
        engines = {name: pid for name, _, pid in self._models.processes()}
        return {
            **state,
            "kind": self._identity.kind,
            "address": self._board.address,
            "pid": os.getpid(),
            "models": models,
            "engines": engines,
        }


def _bind(server: grpc.aio.Server, listen: str) -> int:
    try:
        port = server.add_insecure_port(listen)
    except RuntimeError:
        port = 0
    if port == 0:
        raise StartError(f"cannot listen on {listen}: the port is taken, or the host is not ours; choose another with --listen HOST:PORT")
    return port


def _advertised(address: str, port: int) -> str:
    """What orchestrators are told; a wildcard is nobody's address, but the host's name may be one."""
    host, given_port = split_address(address)
    return f"{socket.gethostname() if host in WILDCARDS else host}:{given_port or port}"


def _address(listen: str, port: int) -> str:
    """Where to reach what listens on `listen`, whose port 0 has become `port`."""
    host, _ = split_address(listen)
    return f"{'127.0.0.1' if host in WILDCARDS else host}:{port}"
