"""The load runs in processes of its own, so that its CPU is counted apart and its pauses are not the measured ones'. Both ends are here.

    parent                                    child (`python -m client.bench.<module>`)
      job, one JSON line on stdin        ->     connects
                                         <-     {"event": "connected"}
      {"open_s": ..., "close_s": ...}    ->     keeps what happens between the two, by the clock both share (CLOCK_MONOTONIC)
                                         <-     {"event": "result", ...} and its end

A child that cannot go on says {"event": "failed", "message": ...}. A parent that is gone is the end of stdin, and the child ends too.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import uvloop

from client.failure import Failure

_LINE_BYTES = 256 << 20  # a result carries every sample of its process

_GOODBYE_S = 2.0


@dataclass(frozen=True, slots=True)
class Window:
    """When to measure, in seconds of `time.monotonic()`."""

    open_s: float
    close_s: float


# ---------- the parent's end ----------


class LoadProcess:
    """A child that makes load; ended when the context is left."""

    def __init__(self, module: str, job: Mapping[str, Any]) -> None:
        self._module = module
        self._job = job
        self._process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", self._module, stdin=pipe, stdout=pipe, limit=_LINE_BYTES, start_new_session=True
        )
        self._write(self._job)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        process = self._process
        assert process is not None
        assert process.stdin is not None
        process.stdin.close()  # that is its end, and it goes by itself: `kill` on one that just went would steal its status from asyncio
        try:
            async with asyncio.timeout(_GOODBYE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def event(self, name: str, within_s: float) -> dict[str, Any]:
        """The child's next line, which must be `name`.

        Raises:
            Failure: it failed, ended, or took longer than `within_s`.
        """
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            async with asyncio.timeout(within_s):
                line = await self._process.stdout.readline()
        except TimeoutError:
            raise Failure(f"the load generator sent no {name!r} within {within_s:g} s", "is the server overloaded?") from None
        told = json.loads(line) if line else {"event": "failed", "message": "the load generator ended"}
        if told["event"] != name:
            raise Failure(str(told.get("message", f"the load generator said {told['event']!r}, expected {name!r}")))
        return dict(told)

    def measure(self, window: Window) -> None:
        """Tell the child when to measure."""
        self._write({"open_s": window.open_s, "close_s": window.close_s})

    def _write(self, value: Mapping[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value).encode() + b"\n")


# ---------- the child's end ----------


class Parent:
    """What a child hears from and says to its parent."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def connected(self) -> Window:
        """Say that all sessions stand, and wait for the window."""
        _say({"event": "connected"})
        told = await self.line()
        return Window(told["open_s"], told["close_s"])

    async def line(self) -> dict[str, Any]:
        """The parent's next line.

        Raises:
            EOFError: the parent is gone.
        """
        line = await self._reader.readline()
        if not line:
            raise EOFError
        return dict(json.loads(line))

    async def sleep_until(self, at_s: float) -> None:
        """Sleep until `at_s` of `time.monotonic()`.

        Raises:
            EOFError: the parent went away meanwhile.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(at_s - time.monotonic()):
                while await self._reader.read(1024):
                    pass
                raise EOFError


Load = Callable[[dict[str, Any], Parent], Awaitable[dict[str, Any]]]


def serve(load: Load) -> None:
    """Be a child: run `load(job, parent)` and say what it returns."""
    gc.freeze()
    gc.disable()  # the load makes no cycles per frame, and a collection would delay hundreds of sessions at once
    uvloop.run(_serve(load))


async def _serve(load: Load) -> None:
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    parent = Parent(reader)
    try:
        result = await load(await parent.line(), parent)
    except EOFError:
        return
    except Failure as failure:
        _say({"event": "failed", "message": str(failure)})
    else:
        _say({"event": "result", **result})


def _say(value: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
