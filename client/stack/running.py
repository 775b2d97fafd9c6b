"""`parley up` in motion: start the stack, say `ready`, show it until it is ended.

On a terminal one live picture on stderr, redrawn every second; elsewhere a line per event. stdout gets the `ready` line and nothing else.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from client.failure import Failure
from client.places import session_url
from client.stack.board import board, condition, models_of
from client.stack.presets import load
from client.stack.stack import Stack, StackPlan
from client.tier.workers import status_of

LOOK_S: Final = 1.0
READY_S: Final = 30.0
BETTER_VOICES: Final = {
    "embedded": "small voice, small ears: they run anywhere. Natural voices: `--preset cpu` or `gpu`, where their engines are installed",
    "tone": "this preset beeps, for tests: `embedded` speaks; natural voices: `--preset cpu` or `gpu`, where their engines are installed",
}


@dataclass(frozen=True, slots=True)
class UpPlan:
    """The options of `parley up`."""

    preset: str | None
    config: Path | None
    host: str
    port: int
    stt: int
    tts: int
    verbose: bool = False


class Show(Protocol):
    """What a person sees of the stack. `event` gets lines; `picture` a fresh look, or None if nobody answered."""

    def event(self, line: str) -> None: ...

    def picture(self, stack: Stack, status: dict[str, Any] | None) -> None: ...

    def close(self) -> None: ...


async def up(plan: UpPlan) -> None:
    """Run until cancelled.

    Raises:
        Failure: it cannot start, or its orchestrator died.
    """
    preset = load(plan.preset, plan.config)
    require_free(plan.host, plan.port)
    show: Show = LiveShow() if sys.stderr.isatty() and not plan.verbose else PlainShow()
    stack = Stack(StackPlan(preset, plan.host, plan.port, plan.stt, plan.tts, show_logs=plan.verbose), show.event)
    try:
        show.event(f"starting {plan.stt} STT and {plan.tts} TTS workers and an orchestrator (preset {preset.name}) ...")
        async with _announcing_the_end(stack, show):
            await until_ready(stack)
            show.event(BETTER_VOICES[preset.name])
            show.event(f"talk with it: `{_talk_command(stack.url)}` in another terminal; Ctrl-C ends it")
            print(f"ready {stack.url}", flush=True)
            while True:
                show.picture(stack, await _look(stack))
                await asyncio.sleep(LOOK_S)
    finally:
        show.close()


def require_free(host: str, port: int) -> None:
    """Fail now, in words, if the port is taken: the orchestrator would find out after the workers have started."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            way_out = "choose another with --port, let Parley pick one with --port 0, or look who is there: `parley status`"
            raise Failure(f"cannot listen on {host}:{port} ({error.strerror or error})", way_out) from None


@contextlib.asynccontextmanager
async def _announcing_the_end(stack: Stack, show: Show) -> AsyncIterator[None]:
    async with stack:
        try:
            yield
        except asyncio.CancelledError:
            show.event("draining: open conversations may finish; Ctrl-C again ends everything now")
            raise


async def until_ready(stack: Stack) -> None:
    """Until the orchestrator knows a ready worker of each kind."""
    try:
        async with asyncio.timeout(READY_S):
            while True:
                status = await _look(stack)
                if status is not None and {row["kind"] for row in status["workers"] if condition(row) == "ready"} >= {"stt", "tts"}:
                    return
                await asyncio.sleep(0.1)
    except TimeoutError:
        raise Failure(f"the workers were not ready within {READY_S:g} s", "--verbose shows what they say") from None


def _talk_command(url: str) -> str:
    return "parley talk" if url == session_url(None) else f"parley talk --url {url}"


async def _look(stack: Stack) -> dict[str, Any] | None:
    try:
        return await status_of(stack.url)
    except Failure:
        return None


class PlainShow:
    """A line per event and per change."""

    def __init__(self) -> None:
        self._last: dict[str, str] = {}

    def event(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    def picture(self, stack: Stack, status: dict[str, Any] | None) -> None:
        now = {
            f"{row['kind']} {row['address']}": f"{condition(row)}, models: {models_of(row)}" for row in (status or {}).get("workers", [])
        }
        now["orchestrator"] = stack.url if status is not None else f"{stack.url} does not answer"
        for name, words in now.items():
            if self._last.get(name) != words:
                self.event(f"{name}: {words}")
        self._last = now

    def close(self) -> None:
        pass


class LiveShow:
    """One picture that is redrawn in place, from the first look on; events scroll away above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._console = Console(stderr=True, highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)

    def event(self, line: str) -> None:
        self._console.print(line, style="dim")

    def picture(self, stack: Stack, status: dict[str, Any] | None) -> None:
        self._live.start()
        self._live.update(board(status, stack.url) if status is not None else f"{stack.url} does not answer", refresh=True)

    def close(self) -> None:
        self._live.stop()
