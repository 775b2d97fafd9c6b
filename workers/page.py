"""The worker's HTTP page: /health, /ready, /status and /metrics, on a port of its own.

/health says that the process answers, /ready whether a session could be begun; both are for probes. No audio ever passes here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web
from prometheus_client import CollectorRegistry

from parley.telemetry import render


@asynccontextmanager
async def page(
    host: str, port: int, registry: CollectorRegistry, serving: Callable[[], bool], status: Callable[[], dict[str, Any]]
) -> AsyncIterator[int]:
    """Serve while the context is open; gives the port.

    Raises:
        OSError: the port cannot be had.
    """

    async def health(_: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def ready(_: web.Request) -> web.Response:
        return web.Response(text="ready\n") if serving() else web.Response(text="not ready\n", status=503)

    async def state(_: web.Request) -> web.Response:
        return web.json_response(status())

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=render(registry), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})

    app = web.Application()
    app.add_routes([web.get("/health", health), web.get("/ready", ready), web.get("/status", state), web.get("/metrics", metrics)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host.strip("[]"), port)
        await site.start()
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()
