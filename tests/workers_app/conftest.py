"""A worker as people run it: `python -m workers`, in a process of its own."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

DEADLINE_S = 30.0


class Worker:
    """A child process, its two addresses, and a channel to it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.address = ""
        self.http = ""
        self.channel: grpc.aio.Channel

    async def until_ready(self) -> None:
        async with asyncio.timeout(DEADLINE_S):
            while line := (await self.process.stdout.readline()).decode().strip():
                if line.startswith("metrics "):
                    self.http = line.removeprefix("metrics ").removesuffix("/metrics")
                if line.startswith("ready grpc://"):
                    self.address = line.removeprefix("ready grpc://")
                    return
        raise AssertionError((await self.process.stderr.read()).decode())

    async def ended(self) -> int:
        async with asyncio.timeout(DEADLINE_S):
            return await self.process.wait()


@pytest.fixture
def worker(tmp_path: Path) -> Callable[..., Any]:
    """`async with worker("stt", drain_ms=100) as it`: ready, and killed at the end if it still lives."""

    @asynccontextmanager
    async def run(kind: str, *arguments: str, **settings: Any) -> AsyncIterator[Worker]:
        file = tmp_path / f"{kind}.yaml"
        settings = {"http": "127.0.0.1:0", "models": [{"id": "tone", "engine": "tone"}], **settings}
        file.write_text(yaml.safe_dump(json.loads(json.dumps(settings))))
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "workers", kind, "--config", str(file), *arguments),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        it = Worker(process)
        try:
            await it.until_ready()
            async with grpc.aio.insecure_channel(it.address) as channel:
                it.channel = channel
                yield it
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()

    return run
