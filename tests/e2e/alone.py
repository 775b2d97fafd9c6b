"""One orchestrator as a process, without workers."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

ALONE = "directory: {wait_s: 0}\n"


@asynccontextmanager
async def orchestrator(tmp_path: Path, config: str) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """A running orchestrator and its URL; it must end cleanly."""
    file = tmp_path / "orchestrator.yaml"
    file.write_text(ALONE + config)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestrator", "--listen", "127.0.0.1:0", "--config", str(file), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async with asyncio.timeout(20):
            yield process, (await process.stdout.readline()).decode().split()[1]
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
