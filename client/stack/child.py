"""One service as a child process: started, waited for until it is ready, ended. Whether it is started again is its owner's business.

The child leads a session of its own, so Ctrl-C reaches the parent alone, and whatever it started itself can be ended with it. On Linux
the kernel kills it when the parent dies in whatever way. Its stdout is read for the `ready` line and then dropped; its stderr goes to
a file (not rotated: a stack on one machine says little) or, if there is none, to the parent's stderr.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.failure import one_line

READY: Final = "ready "
METRICS: Final = "metrics "
TAIL_LINES: Final = 4
_TAIL_BYTES: Final = 8_192
_CHATTER: Final = ("[info ", "[debug ", '"level": "info"', '"level": "debug"')

# Run between fork and the service: PR_SET_PDEATHSIG survives execve. A hook in the parent (preexec_fn) would have to fork with its threads.
_LEASH: Final = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, int(signal.SIGKILL))
    if os.getppid() != int(sys.argv[1]):
        sys.exit(0)
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True, slots=True)
class Service:
    """What to start: `role` is orchestrator, stt or tts; `name` is unique in the stack; `arguments` follow `python`."""

    role: str
    name: str
    arguments: tuple[str, ...]
    log: Path | None = None


class Died(Exception):
    """The child ended, or did not become ready. The text is one line with its exit status and its last words."""


class Child:
    """A running service. One task calls `start`, then `follow`; anybody may call `terminate`, `kill` and `ended`."""

    def __init__(self, service: Service, process: asyncio.subprocess.Process) -> None:
        self.service = service
        self.address = ""
        self.metrics_url = ""
        self._process = process

    @classmethod
    async def start(cls, service: Service, ready_within_s: float) -> Child:
        """Start and wait for `ready`.

        Raises:
            Died: it ended first, or was not ready in time (then it has been killed).
        """
        log = service.log.open("ab") if service.log is not None else None
        try:
            process = await asyncio.create_subprocess_exec(
                *_command(service.arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                start_new_session=True,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )
        finally:
            if log is not None:
                log.close()
        child = cls(service, process)
        try:
            async with asyncio.timeout(ready_within_s):
                await child._until_ready()
        except TimeoutError:
            raise Died(f"{service.name} was not ready within {ready_within_s:g} s{tail(service.log)}") from None
        finally:
            if not child.address:
                child.kill()
                await process.wait()
        return child

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    async def follow(self) -> str:
        """Drop what it prints until it ends; one line about how."""
        stdout = self._process.stdout
        assert stdout is not None
        while await stdout.read(65_536):
            pass
        await self._process.wait()
        return self._epitaph()

    async def ended(self, within_s: float) -> bool:
        """Whether it ends in that time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._process.wait()
        return not self.alive

    def terminate(self) -> None:
        """Ask it to drain and end."""
        if self.alive:
            self._process.terminate()

    def kill(self) -> None:
        """End it and whatever it started in its session, now."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    async def _until_ready(self) -> None:
        stdout = self._process.stdout
        assert stdout is not None
        while raw := await stdout.readline():
            line = raw.decode("utf-8", "replace").strip()
            if line.startswith(METRICS):
                self.metrics_url = line.removeprefix(METRICS)
            elif line.startswith(READY):
                self.address = line.removeprefix(READY)
                return
        await self._process.wait()
        raise Died(self._epitaph())

    def _epitaph(self) -> str:
        return f"{self.service.name} ended with {_status(self._process.returncode)}{tail(self.service.log)}"


def tail(log: Path | None, lines: int = TAIL_LINES) -> str:
    """The log's last lines of weight, as the end of a sentence."""
    if log is None or not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _TAIL_BYTES))
        said = file.read().decode("utf-8", "replace").splitlines()
    words = [one_line(line) for line in said if line.strip() and not any(mark in line for mark in _CHATTER)]
    return f"; it said: {' | '.join(words[-lines:])}" if words else ""


def _command(arguments: Sequence[str]) -> list[str]:
    return [sys.executable, "-I", "-S", "-c", _LEASH, str(os.getpid()), sys.executable, *arguments]


def _status(code: int | None) -> str:
    if code is not None and code < 0:
        return signal.Signals(-code).name
    return f"status {code}"
