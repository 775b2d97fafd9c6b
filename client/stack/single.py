"""One worker alone, for as long as a command needs it."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

from client.failure import Failure
from client.stack.child import Child, Died, Service
from client.stack.presets import Preset

READY_WITHIN_S = 120.0
DRAIN_S = 2.0


@contextlib.asynccontextmanager
async def one_worker(kind: str, preset: Preset, show_logs: bool = False) -> AsyncIterator[str]:
    """Start a worker of `kind` (stt or tts), yield its HOST:PORT, end it.

    Raises:
        Failure: it did not become ready.
    """
    with tempfile.TemporaryDirectory(prefix="parley-") as folder:
        config = preset.write(Path(folder))[kind]
        log = None if show_logs else Path(folder) / f"{kind}.log"
        arguments = ("-m", "workers", kind, "--listen", "127.0.0.1:0", "--config", str(config))
        try:
            child = await Child.start(Service(kind, kind, arguments, log), READY_WITHIN_S)
        except Died as error:
            raise Failure(str(error), "" if show_logs else "--verbose shows the whole log") from None
        try:
            yield child.address.removeprefix("grpc://")
        finally:
            try:
                child.terminate()
                await child.ended(DRAIN_S)
            finally:
                child.kill()
                await child.follow()
