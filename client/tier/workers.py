"""Finding workers and opening connections to them: the running stack's, a named one, or one started for the occasion."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import aiohttp
import grpc

from client.failure import Failure
from client.places import PROBE_TIMEOUT_S, page_url
from client.stack.presets import load
from client.stack.single import one_worker
from parley.errors import from_rpc

CONNECT_S: Final = 5.0
Row = dict[str, Any]


async def status_of(url: str | None) -> Row:
    """The `/status` of the orchestrator at `url` (None: the default port).

    Raises:
        Failure: none answers, or something else does.
    """
    page = page_url(url, "status")
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PROBE_TIMEOUT_S * 5, sock_connect=PROBE_TIMEOUT_S)) as http,
            http.get(page) as answer,
        ):
            status = await answer.json(content_type=None) if answer.status == 200 else None
    except (aiohttp.ClientError, TimeoutError):
        raise Failure(f"no Parley answers at {page}", "start one with `parley up`, or name another with --url") from None
    except ValueError:
        status = None
    if not isinstance(status, dict) or "workers" not in status:
        raise Failure(f"what answers at {page} is no Parley", "name another with --url")
    return status


async def running_workers(kind: str | None = None, url: str | None = None) -> list[Row]:
    """The living workers (of one kind) that the running orchestrator knows; raises like `status_of`."""
    rows = (await status_of(url))["workers"]
    return [row for row in rows if row.get("alive", True) and (kind is None or row["kind"] == kind)]


@contextlib.asynccontextmanager
async def worker_for(kind: str, address: str | None, preset: str, config: Path | None, verbose: bool) -> AsyncIterator[str]:
    """The address of a worker of `kind`: the named one, one of the running stack's, or a new one that ends with the block."""
    if address is None:
        try:
            rows = await running_workers(kind)
        except Failure:
            rows = []
        address = str(rows[0]["address"]) if rows else None
    if address is not None:
        yield address
    else:
        async with one_worker(kind, load(preset, config), verbose) as own:
            yield own


@contextlib.asynccontextmanager
async def channel_to(address: str) -> AsyncIterator[grpc.aio.Channel]:
    """An open connection to the worker at `address`.

    Raises:
        Failure: nothing answers there.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise Failure(f"{address!r} is no address of a worker", "expected HOST:PORT, e.g. 127.0.0.1:50051", code=2)
    async with grpc.aio.insecure_channel(address, options=(("grpc.enable_http_proxy", 0),)) as channel:
        try:
            async with asyncio.timeout(CONNECT_S):
                _, writer = await asyncio.open_connection(host.strip("[]"), int(port))  # gRPC would try again and again
                writer.close()
                await channel.channel_ready()
        except (OSError, TimeoutError):
            raise Failure(f"no worker answers at {address}", "`parley status` lists those of the running stack") from None
        with typed_errors():
            yield channel


@contextlib.contextmanager
def typed_errors() -> Iterator[None]:
    """Failed calls become the contract's errors."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc(error) from None
