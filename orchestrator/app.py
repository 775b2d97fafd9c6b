"""The orchestrator's process: one event loop, one port for WebSocket and HTTP, and everybody's parent TaskGroup.

Routes: `/v1/session` (the conversation), `/health` (the process answers), `/ready` (it can hold a conversation: a worker of each kind is
there, and it is not draining), `/status` (JSON for people and scripts), `/metrics` (Prometheus).
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from aiohttp import web

import parley
from orchestrator.directory.registry import build_directory
from orchestrator.engines.workers import Workers
from orchestrator.metrics import Metrics
from orchestrator.responders.registry import build_responder
from orchestrator.roster import Roster
from orchestrator.session.driver import Shared
from orchestrator.session.pacer import Pacer
from orchestrator.settings import OrchestratorSettings
from orchestrator.transports.websocket import WebSocketTransport
from orchestrator.vad.registry import make_vad
from parley.directory import WorkerKind
from parley.errors import ParleyError
from parley.telemetry import new_registry, render

_LOG = structlog.get_logger()
KINDS: Final[tuple[WorkerKind, ...]] = ("stt", "tts")


class App:
    """The process's sessions and its HTTP side."""

    def __init__(self, settings: OrchestratorSettings) -> None:
        make_vad(settings.vad)  # a detector that is not here is told at the start, not to the first caller
        self._settings = settings
        self._metrics = Metrics(new_registry())
        self._workers = Workers(build_directory(settings.directory))
        self._shared = Shared(
            settings=settings,
            workers=self._workers,
            responder=build_responder(settings.responder.name, settings.responder.options),
            pacer=Pacer(asyncio.get_running_loop()),
            metrics=self._metrics,
        )
        self._roster = Roster(settings.limits, self._metrics)
        self._started_s = time.monotonic()

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT, then drain.

        Raises:
            OSError: the port cannot be had.
        """
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            async with self._serving() as address, asyncio.TaskGroup() as group:
                workers = group.create_task(self._workers.run(), name="workers")
                await self._workers_there()
                gc.collect()
                gc.freeze()  # what lives now lives for good: full collections were loop stalls of 50-150 ms
                print(f"ready ws://{address}/v1/session", flush=True)
                _LOG.info("ready", address=address)
                await stop.wait()
                await self._drain()
                workers.cancel()
        finally:
            await self._shared.responder.close()

    @asynccontextmanager
    async def _serving(self) -> AsyncIterator[str]:
        app = web.Application(client_max_size=1024 * 1024)
        app.add_routes(
            [
                web.get("/v1/session", self._session),
                web.get("/health", self._health),
                web.get("/ready", self._ready),
                web.get("/status", self._status),
                web.get("/metrics", self._show_metrics),
            ]
        )
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await runner.setup()
        host, _, port = self._settings.listen.rpartition(":")
        site = web.TCPSite(runner, host.strip("[]") or "127.0.0.1", int(port), backlog=1024)
        try:
            await site.start()
            bound = runner.addresses[0]
            yield f"{'[' + bound[0] + ']' if ':' in bound[0] else bound[0]}:{bound[1]}"
        finally:
            await runner.cleanup()

    async def _workers_there(self) -> None:
        """A short wait, so that `ready` means that the first client is served; without workers it starts all the same and says so."""
        try:
            async with asyncio.timeout(self._settings.directory.wait_s):
                for kind in KINDS:
                    await self._workers.wait_available(kind)
        except TimeoutError:
            _LOG.warning("no_worker", missing=self._missing())

    def _missing(self) -> list[str]:
        return [kind for kind in KINDS if not self._workers.available(kind)]

    async def _drain(self) -> None:
        """Refuse new sessions, let live ones finish, then send them away."""
        self._roster.close()
        _LOG.info("draining", sessions=len(self._roster))
        try:
            async with asyncio.timeout(self._settings.limits.drain_s):
                for session in self._roster.sessions:
                    if session.state in ("WAITING_FOR_INPUT", "IDLE"):
                        session.leave("drain", ParleyError("GOING_AWAY", "the server is going away"))
                await self._roster.empty()
        except TimeoutError:
            for session in self._roster.sessions:
                session.leave("drain", ParleyError("GOING_AWAY", "the server is going away"))

    # ---------- routes ----------

    async def _session(self, request: web.Request) -> web.StreamResponse:
        if "websocket" not in request.headers.get("Upgrade", "").lower():
            return web.Response(status=426, text="this is the conversation's WebSocket: connect with a WebSocket client\n")
        transport = WebSocketTransport(request, self._settings.limits)
        try:
            ticket = self._roster.admit(request.query.get("resume"))
        except ParleyError as refusal:
            self._metrics.refused.labels(refusal.reason).inc()
            return await transport.refuse(refusal)
        try:
            return await transport.serve(self._shared, ticket, self._roster)
        finally:
            self._roster.leave(ticket)

    async def _health(self, request: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "version": parley.__version__})

    async def _ready(self, request: web.Request) -> web.Response:
        missing = self._missing()
        ready = not missing and not self._roster.closed
        return web.json_response({"ready": ready, "missing": missing, "draining": self._roster.closed}, status=200 if ready else 503)

    async def _status(self, request: web.Request) -> web.Response:
        states: dict[str, int] = {}
        for session in self._roster.sessions:
            states[session.state] = states.get(session.state, 0) + 1
        status: dict[str, Any] = {
            "service": "orchestrator",
            "version": parley.__version__,
            "pid": os.getpid(),
            "uptime_s": round(time.monotonic() - self._started_s, 1),
            "draining": self._roster.closed,
            "sessions": len(self._roster),
            "parked": self._roster.parked,
            "max_sessions": self._settings.limits.sessions,
            "states": states,
            "responder": self._settings.responder.name,
            "workers": self._workers.status(),
        }
        return web.json_response(status)

    async def _show_metrics(self, request: web.Request) -> web.Response:
        return web.Response(body=render(self._metrics.registry), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
