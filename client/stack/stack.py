"""A whole Parley on this machine: workers and one orchestrator as child processes, watched until the stack is closed.

    async with Stack(StackPlan(preset=load("tone"), port=0)) as stack:
        talk_to(stack.url)                      # everything is ready
        measure(stack.pids())                   # {"orchestrator": (41,), "stt": (42,), "tts": (43,), "engines": (44, 45)}

Rules: a worker that dies is started again at its old address, later and later if it keeps dying, and that is reported; the
orchestrator's death ends the stack (the body is cancelled and `StackFailed` raised). Closing drains from the front to the back: first
the orchestrator, then the workers, each with a deadline, then KILL; a cancelled close goes to KILL at once. No child outlives the stack.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from client.failure import Failure, leaf
from client.stack.child import Child, Died, Service
from client.stack.presets import Preset

Report = Callable[[str], None]

BACKOFF_FIRST_S: Final = 0.5
BACKOFF_MOST_S: Final = 15.0
HEALTHY_S: Final = 30.0
"""A worker that lived this long has earned a quick restart again."""
KILLED_WITHIN_S: Final = 5.0


class StackFailed(Failure):
    """The stack could not start, or its orchestrator died."""


@dataclass(frozen=True, slots=True)
class StackPlan:
    """What a stack is made of. `port` 0 picks one; `show_logs` sends the children's logs to stderr and not to files."""

    preset: Preset
    host: str = "127.0.0.1"
    port: int = 0
    stt: int = 1
    tts: int = 1
    show_logs: bool = False
    ready_within_s: float = 120.0
    drain_orchestrator_s: float = 8.0
    drain_workers_s: float = 5.0


@dataclass(slots=True)
class Slot:
    """One worker's place: the child in it changes when it dies, its address stays. `state` is a word for people."""

    kind: str
    name: str
    address: str = ""
    child: Child | None = None
    state: str = "starting"
    restarts: int = 0
    ready: asyncio.Event = field(default_factory=asyncio.Event)


class Stack:
    """See the module. `report` gets one line per event, from the event loop."""

    def __init__(self, plan: StackPlan, report: Report = lambda line: None) -> None:
        self.plan = plan
        self.url = ""
        self.slots = [Slot("stt", f"stt-{n}") for n in range(plan.stt)] + [Slot("tts", f"tts-{n}") for n in range(plan.tts)]
        self.orchestrator: Child | None = None
        self._report = report
        self._group = asyncio.TaskGroup()
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._folder = Path()
        self._files: dict[str, Path] = {}

    @property
    def http_url(self) -> str:
        """The orchestrator's HTTP address, without a path."""
        return "http" + self.url.removeprefix("ws").split("/v1/")[0]

    def pids(self) -> dict[str, tuple[int, ...]]:
        """Live processes by role; `engines` are those that the workers started."""
        import psutil

        fronts = {kind: tuple(c.pid for c in self._workers(kind)) for kind in ("stt", "tts")}
        engines = []
        for pid in (*fronts["stt"], *fronts["tts"]):
            try:
                engines += [child.pid for child in psutil.Process(pid).children(recursive=True)]
            except psutil.NoSuchProcess:
                continue
        orchestrator = (self.orchestrator.pid,) if self.orchestrator is not None and self.orchestrator.alive else ()
        return {"orchestrator": orchestrator, **fronts, "engines": tuple(engines)}

    async def __aenter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="parley-"))
        self._files = self.plan.preset.write(self._folder)
        await self._group.__aenter__()
        try:
            await self._start()
        except BaseException as error:
            if await self.__aexit__(type(error), error, error.__traceback__):
                raise AssertionError("a failed start is never swallowed") from error
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        self._closing = True
        try:
            await self._drain()
        finally:
            await self._kill()
            try:
                await self._group.__aexit__(kind, error, trace)
            except BaseExceptionGroup as group:
                raise leaf(group) from None
            finally:
                shutil.rmtree(self._folder, ignore_errors=True)
        return False

    # ---------- starting ----------

    async def _start(self) -> None:
        for slot in self.slots:
            self._tasks.append(self._group.create_task(self._keep(slot), name=slot.name))
        for slot in self.slots:
            await slot.ready.wait()
        self.orchestrator = await self._first(self._orchestrator())
        self.url = self.orchestrator.address
        self._tasks.append(self._group.create_task(self._watch(self.orchestrator), name="orchestrator"))

    async def _first(self, service: Service) -> Child:
        """A first start: if that fails, so does the stack."""
        try:
            return await Child.start(service, self.plan.ready_within_s)
        except Died as error:
            hint = "" if self.plan.show_logs else "--verbose shows the whole log"
            raise StackFailed(str(error), hint) from None

    def _orchestrator(self) -> Service:
        by_kind = {kind: ",".join(slot.address for slot in self.slots if slot.kind == kind) for kind in ("stt", "tts")}
        listen = f"[{self.plan.host}]:{self.plan.port}" if ":" in self.plan.host else f"{self.plan.host}:{self.plan.port}"
        workers = [word for kind, addresses in by_kind.items() if addresses for word in (f"--{kind}", addresses)]
        arguments = ("-m", "orchestrator", "--listen", listen, *workers, "--config", str(self._files["orchestrator"]))
        return Service("orchestrator", "orchestrator", arguments, self._log("orchestrator"))

    def _worker(self, slot: Slot) -> Service:
        listen = slot.address or "127.0.0.1:0"
        arguments = ("-m", "workers", slot.kind, "--listen", listen, "--config", str(self._files[slot.kind]))
        return Service(slot.kind, slot.name, arguments, self._log(slot.name))

    def _log(self, name: str) -> Path | None:
        return None if self.plan.show_logs else self._folder / f"{name}.log"

    # ---------- watching ----------

    async def _watch(self, orchestrator: Child) -> None:
        epitaph = await orchestrator.follow()
        if not self._closing:
            raise StackFailed(epitaph, "the stack is ended with it")

    async def _keep(self, slot: Slot) -> None:
        """Keep a worker in its slot until the stack closes."""
        slot.child = await self._first(self._worker(slot))
        slot.address = slot.child.address.removeprefix("grpc://")
        loop = asyncio.get_running_loop()
        backoff_s = BACKOFF_FIRST_S
        while True:
            slot.state = "ready"
            slot.ready.set()
            born = loop.time()
            epitaph = await slot.child.follow()
            if self._closing:
                return
            backoff_s = BACKOFF_FIRST_S if loop.time() - born > HEALTHY_S else backoff_s
            slot.child, backoff_s = await self._again(slot, epitaph, backoff_s)

    async def _again(self, slot: Slot, epitaph: str, backoff_s: float) -> tuple[Child, float]:
        """Start a dead worker until one lives; with the next back-off."""
        while True:
            slot.state = "restarting"
            slot.restarts += 1
            self._report(f"{epitaph}; starting it again in {backoff_s:g} s")
            await asyncio.sleep(backoff_s)
            backoff_s = min(backoff_s * 2, BACKOFF_MOST_S)
            try:
                child = await Child.start(self._worker(slot), self.plan.ready_within_s)
            except Died as error:
                epitaph = str(error)
            else:
                self._report(f"{slot.name} is back at {slot.address}")
                return child, backoff_s

    # ---------- ending ----------

    async def _drain(self) -> None:
        await _end([self.orchestrator] if self.orchestrator is not None else [], self.plan.drain_orchestrator_s)
        await _end([*self._workers("stt"), *self._workers("tts")], self.plan.drain_workers_s)

    async def _kill(self) -> None:
        """Whatever is left, and a worker that is just being started again (its task ends it)."""
        left = self._children()
        for child in left:
            child.kill()
        for task in self._tasks:
            if not task.cancelling():  # a second cancel would interrupt the clean-up of the first
                task.cancel()
        for child in left:
            await child.ended(KILLED_WITHIN_S)

    def _workers(self, kind: str) -> list[Child]:
        return [slot.child for slot in self.slots if slot.kind == kind and slot.child is not None and slot.child.alive]

    def _children(self) -> list[Child]:
        orchestrator = [self.orchestrator] if self.orchestrator is not None and self.orchestrator.alive else []
        return [*orchestrator, *self._workers("stt"), *self._workers("tts")]


async def _end(children: Sequence[Child], within_s: float) -> None:
    for child in children:
        child.terminate()
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    for child in children:
        await child.ended(max(0.0, deadline - loop.time()))
