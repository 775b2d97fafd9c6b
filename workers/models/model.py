"""One model at one revision: its engine process, its state, and who holds it.

    AVAILABLE -> LOADING -> WARMING -> READY -> (DRAINING) -> UNLOADING -> AVAILABLE
                    ^  \\-> FAILED              |
                    \\--------------------------/  the process died: again, with back-off

A load that fails for the first time leaves it FAILED until somebody asks again; a process that dies after having been READY is
started again until it comes. References are sessions', and are on the model, not on a process: `reload` puts a new process in the
old one's place, which ends when its last job has. It decides nothing about which model or when; that is `manager.py`'s.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, Final, Literal

import structlog

from parley.errors import ParleyError
from parley.v1 import model_pb2
from workers.engines.api import EngineCard
from workers.host.process import EngineProcess, EngineSpec
from workers.models import warmup
from workers.models.settings import ModelSettings

Kind = Literal["stt", "tts"]
BACKOFF_S: Final = 0.2
MAX_BACKOFF_S: Final = 30.0
STEADY_S: Final = 30.0  # a process that lived so long died of something new: its back-off begins again
RETIRED_POLL_S: Final = 0.1
UINT32_MAX: Final = 0xFFFF_FFFF

log = structlog.get_logger()


class Model:
    """See the module. `group` owns its tasks; `changed` is called whenever something that a client may see has changed."""

    def __init__(self, kind: Kind, settings: ModelSettings, group: asyncio.TaskGroup, changed: Callable[[], None]) -> None:
        self.settings = settings
        self.revision = settings.revision
        self.pinned = settings.pin
        self.ttl_ms = settings.ttl_ms
        self.state: model_pb2.ModelState = model_pb2.MODEL_STATE_AVAILABLE
        self.reason = ""
        self.refs = 0
        self.card: EngineCard | None = None
        self.restarts = 0
        self.process: EngineProcess | None = None
        self.idle_since = time.monotonic()
        self._kind = kind
        self._group = group
        self._changed = changed
        self._starting: asyncio.Task[ParleyError | None] | None = None
        self._watchers: set[asyncio.Task[None]] = set()
        self._serving: model_pb2.ModelState = model_pb2.MODEL_STATE_READY  # the state of a running process: READY or DRAINING
        self._gains_db: dict[str, float] = {}
        self._measuring: dict[str, asyncio.Task[ParleyError | None]] = {}
        self._moved: dict[object, Callable[[], None]] = {}
        self._load_ms = 0
        self._failures = 0
        self._not_before = 0.0

    @property
    def name(self) -> str:
        """`id@revision`, as in WorkerStatus."""
        return f"{self.settings.id}@{self.revision}"

    @property
    def is_ready(self) -> bool:
        """Whether new sessions may have it."""
        return self.state == model_pb2.MODEL_STATE_READY

    @property
    def is_loaded(self) -> bool:
        """Whether it has, or is about to have, a process."""
        return self.state not in (model_pb2.MODEL_STATE_AVAILABLE, model_pb2.MODEL_STATE_FAILED)

    def engine(self) -> EngineProcess:
        """The process that new jobs go to.

        Raises:
            ParleyError: MODEL_NOT_READY, it is down; with a hint when to try again.
        """
        if self.process is None or not self.process.alive:
            why = f" ({self.reason})" if self.reason else ""
            raise ParleyError("MODEL_NOT_READY", f"{self.settings.id} is not ready{why}", retry_after_ms=self.retry_after_ms())
        return self.process

    def retry_after_ms(self) -> int:
        """When asking again may help."""
        return max(200, int((self._not_before - time.monotonic()) * 1000))

    def info(self) -> model_pb2.ModelInfo:
        """What clients are told."""
        card = self.card
        idle_ms = 0 if self.refs or not self.is_loaded else int((time.monotonic() - self.idle_since) * 1000)
        info = model_pb2.ModelInfo(
            model_id=self.settings.id,
            revision=self.revision,
            state=self.state,
            state_reason=self.reason,
            refs=self.refs,
            pinned=self.pinned,
            idle_ms=min(idle_ms, UINT32_MAX),
            ttl_ms=0 if self.ttl_ms < 0 else min(self.ttl_ms, UINT32_MAX),
            load_ms=self._load_ms,
        )
        if card is not None:
            info.languages.extend(card.languages)
            info.voices.extend(card.voices)
            info.features.extend(card.features)
            info.native_sample_rate_hz = card.sample_rate_hz
            info.max_sessions = card.max_sessions
        return info

    async def load(self, *, insist: bool) -> None:
        """Until READY; a load under way is joined. `insist`: also right after a failure.

        Raises:
            ParleyError: why it is not; MODEL_NOT_READY while a failure is recent.
        """
        self.start_loading(insist=insist)
        error = await self._outcome(self._starting) if self._starting is not None else None
        if error is not None:
            raise ParleyError("MODEL_NOT_READY", f"{self.settings.id}: {error.message}", retry_after_ms=self.retry_after_ms())

    def start_loading(self, *, insist: bool) -> None:
        """Begin what `load` waits for.

        Raises:
            ParleyError: MODEL_NOT_READY, a load has just failed.
        """
        self._serving = model_pb2.MODEL_STATE_READY
        if self.state == model_pb2.MODEL_STATE_DRAINING:
            self._set(self._serving)
        if self.is_loaded or (self._starting is not None and not self._starting.done()):
            return
        if not insist and time.monotonic() < self._not_before:
            raise ParleyError("MODEL_NOT_READY", f"{self.settings.id}: {self.reason}", retry_after_ms=self.retry_after_ms())
        self._set(model_pb2.MODEL_STATE_LOADING)
        self._starting = self._group.create_task(self._start_once())

    async def reload(self) -> None:
        """Put a new process, loaded and warm, in the place of the present one. If it fails, nothing has changed.

        Raises:
            ParleyError: why the new process did not come.
        """
        self.engine()
        process = await self._start_process(announce=False)
        if self.state not in (model_pb2.MODEL_STATE_READY, model_pb2.MODEL_STATE_DRAINING):
            await process.stop()
            raise ParleyError("MODEL_NOT_READY", f"{self.settings.id} was unloaded meanwhile")
        old, self.process = self.process, process
        self._watch(process)
        if old is not None:
            self._spawn_watcher(self._retire(old))
        self._tell_moved()

    def drain(self) -> None:
        """No new sessions from now on."""
        self._serving = model_pb2.MODEL_STATE_DRAINING
        if self.state == model_pb2.MODEL_STATE_READY:
            self._set(self._serving)

    async def stop(self) -> None:
        """End every process; jobs under way hear ENGINE_CRASHED."""
        self._set(model_pb2.MODEL_STATE_UNLOADING)
        process, self.process = self.process, None
        tasks = [*self._watchers, *self._measuring.values(), *([self._starting] if self._starting is not None else [])]
        self._starting = None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if process is not None:
            await process.stop()
        self._gains_db.clear()
        self.pinned, self.ttl_ms = self.settings.pin, self.settings.ttl_ms
        self._set(model_pb2.MODEL_STATE_AVAILABLE)

    async def gain_db(self, voice: str) -> float:
        """dB towards the target loudness, measured once per voice.

        Raises:
            ParleyError: the voice could not be measured.
        """
        if voice not in self._gains_db:
            task = self._measuring.get(voice)
            if task is None:
                task = self._measuring[voice] = self._group.create_task(self._measure(self.engine(), voice))
                task.add_done_callback(lambda _: self._measuring.pop(voice, None))
            error = await self._outcome(task)
            if error is not None:
                raise error
        return self._gains_db[voice]

    def known_gain_db(self, voice: str) -> float:
        """Like `gain_db`, and 0 where nothing has been measured yet."""
        return self._gains_db.get(voice, 0.0)

    def on_moved(self, owner: object, call: Callable[[], None] | None) -> None:
        """Call `call` whenever another process has taken over; None to be forgotten."""
        if call is None:
            self._moved.pop(owner, None)
        else:
            self._moved[owner] = call

    # Starting.

    async def _start_once(self) -> ParleyError | None:
        try:
            self._install(await self._start_process(announce=True))
        except ParleyError as error:
            self._failed(error)
            return error
        return None

    async def _start_again(self, why: str) -> ParleyError | None:
        """After a death: until it is back."""
        while True:
            delay_s = min(BACKOFF_S * 2.0**self._failures, MAX_BACKOFF_S)
            self._failures += 1
            self._not_before = time.monotonic() + delay_s
            await asyncio.sleep(delay_s)
            self._set(model_pb2.MODEL_STATE_LOADING, why)
            error = await self._start_once()
            if error is None:
                return None
            why = error.message

    async def _start_process(self, *, announce: bool) -> EngineProcess:
        """A loaded and warm process. `announce`: the states on the way are the model's."""
        settings, began = self.settings, time.monotonic()
        spec = EngineSpec(self._kind, settings.engine, settings.options, settings.python)
        timeout_s = settings.load_timeout_ms / 1000
        process = await EngineProcess.start(spec, load_timeout_s=timeout_s)
        try:
            if announce:
                self._set(model_pb2.MODEL_STATE_WARMING)
            async with asyncio.timeout(timeout_s):
                await self._warm(process)
        except TimeoutError:
            await process.stop()
            raise ParleyError("TIMEOUT", f"{settings.engine} did not warm up within {timeout_s:g} s") from None
        except BaseException:
            await process.stop()
            raise
        self.card = process.card
        self._load_ms = int((time.monotonic() - began) * 1000)
        return process

    async def _warm(self, process: EngineProcess) -> None:
        if self._kind == "stt":
            await warmup.warm_stt(process)
            return
        gain_db = await warmup.warm_tts(process)
        self._gains_db.update(dict.fromkeys(("", *process.card.voices[:1]), gain_db))

    async def _measure(self, process: EngineProcess, voice: str) -> ParleyError | None:
        try:
            self._gains_db[voice] = await warmup.measure_gain_db(process, voice)
        except ParleyError as error:
            return error
        return None

    async def _outcome(self, task: asyncio.Task[ParleyError | None]) -> ParleyError | None:
        """What a task of ours came to; it goes on if we are cancelled, and if it is cancelled the model was unloaded."""
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.cancelled():
                raise
            return ParleyError("MODEL_NOT_READY", f"{self.settings.id} was unloaded meanwhile")

    def _install(self, process: EngineProcess) -> None:
        self.process = process
        self._not_before = 0.0
        self.idle_since = time.monotonic()
        self._watch(process)
        self._set(self._serving)
        log.info("model_ready", model=self.name, engine=self.settings.engine, pid=process.pid, load_ms=self._load_ms)
        self._tell_moved()

    def _failed(self, error: ParleyError) -> None:
        self._not_before = max(self._not_before, time.monotonic() + min(BACKOFF_S * 2.0**self._failures, MAX_BACKOFF_S))
        self._set(model_pb2.MODEL_STATE_FAILED, error.message)
        log.error("model_failed", model=self.name, engine=self.settings.engine, reason=error.reason, message=error.message)

    # Processes' ends.

    def _watch(self, process: EngineProcess) -> None:
        self._spawn_watcher(self._until_exit(process))

    def _spawn_watcher(self, work: Any) -> None:
        task = self._group.create_task(work)
        self._watchers.add(task)
        task.add_done_callback(self._watchers.discard)

    async def _until_exit(self, process: EngineProcess) -> None:
        began = time.monotonic()
        why = await process.wait_exit()
        await process.stop()  # what it has spawned itself, and jobs that have not heard yet
        if process is not self.process:
            return
        self.process = None
        self.restarts += 1
        self._failures = 0 if time.monotonic() - began > STEADY_S else self._failures
        log.error("engine_died", model=self.name, engine=self.settings.engine, pid=process.pid, why=why)
        self._set(model_pb2.MODEL_STATE_LOADING, f"the engine process {why}")
        self._starting = self._group.create_task(self._start_again(self.reason))

    async def _retire(self, process: EngineProcess) -> None:
        """A replaced process ends with its last job; jobs end without telling us, and there is no hurry."""
        try:
            while process.jobs and process.alive:  # noqa: ASYNC110 (see above)
                await asyncio.sleep(RETIRED_POLL_S)
        finally:
            await process.stop()

    def _set(self, state: model_pb2.ModelState, reason: str = "") -> None:
        self.state, self.reason = state, reason
        self._changed()

    def _tell_moved(self) -> None:
        for call in list(self._moved.values()):
            call()
