"""Which models there are, which of them are loaded, and who may have one: the policy over `model.py`.

A model that is configured is known by its id; what has been loaded of it is known by id and revision, the newest first. Sessions are
references, and an unpinned model without any is unloaded after its `ttl_ms`. Loads are single-flight per revision.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Final

from google.protobuf import json_format

from parley.errors import ParleyError
from parley.v1 import model_pb2
from workers.models.lease import ModelLease
from workers.models.model import Kind, Model
from workers.models.settings import ModelSettings

CAPACITY_RETRY_MS: Final = 1000
LOADING_RETRY_MS: Final = 500


class Models:
    """All models of one worker. An async context: on leaving it every engine process is ended."""

    def __init__(self, kind: Kind, configured: Sequence[ModelSettings], default_model: str) -> None:
        if default_model not in {settings.id for settings in configured}:
            raise ValueError(f"the default model {default_model!r} is not configured")
        self.default_model = default_model
        self._kind = kind
        self._configured = {settings.id: settings for settings in configured}
        self._models: dict[str, list[Model]] = {settings.id: [] for settings in configured}  # newest first
        self._listeners: list[Callable[[], None]] = []
        self._timers: dict[Model, asyncio.TimerHandle] = {}
        self._group = asyncio.TaskGroup()

    async def __aenter__(self) -> Models:
        await self._group.__aenter__()
        for settings in self._configured.values():
            if settings.preload or settings.id == self.default_model:
                self._model_of(settings).start_loading(insist=True)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._listeners.clear()
        for timer in self._timers.values():
            timer.cancel()
        try:
            await asyncio.gather(*(model.stop() for model in self._all() if model.is_loaded or model.restarts))
        finally:
            await self._group.__aexit__(kind, error, traceback)

    def subscribe(self, changed: Callable[[], None]) -> None:
        """Call `changed` after every change of a model's state."""
        self._listeners.append(changed)

    async def default_ready(self) -> None:
        """Until the default model is READY.

        Raises:
            ParleyError: MODEL_NOT_READY with the reason why it cannot be loaded.
        """
        await self._model_of(self._configured[self.default_model]).load(insist=False)

    @property
    def any_ready(self) -> bool:
        """Whether a session could be begun."""
        return any(model.is_ready for model in self._all())

    def names(self, *states: model_pb2.ModelState) -> list[str]:
        """`id@revision` of every loaded model in one of `states`."""
        return [model.name for model in self._all() if model.state in states]

    @property
    def restarts(self) -> int:
        """Engine processes that died and were started again."""
        return sum(model.restarts for model in self._all())

    def processes(self) -> list[tuple[str, int, int]]:
        """`id@revision`, references and engine process id of every model that has one."""
        return [(model.name, model.refs, model.process.pid) for model in self._all() if model.process is not None]

    # What sessions need.

    async def lease(self, model_id: str, revision: str, *, allow_load: bool) -> ModelLease:
        """A reference on a READY model; "" is the default, and the newest revision.

        Raises:
            ParleyError: MODEL_UNKNOWN; MODEL_NOT_READY; CAPACITY.
        """
        model = self._find(model_id, revision)
        if not model.is_ready:
            if not allow_load:
                retry_ms = max(LOADING_RETRY_MS, model.retry_after_ms())
                state = model_pb2.ModelState.Name(model.state)
                raise ParleyError("MODEL_NOT_READY", f"{model.name} is in {state}; {model.reason}".rstrip("; "), retry_after_ms=retry_ms)
            await self._load_within(model)
        assert model.card is not None
        if model.refs >= model.card.max_sessions:
            raise ParleyError("CAPACITY", f"{model.name} serves {model.refs} sessions, its most", retry_after_ms=CAPACITY_RETRY_MS)
        model.refs += 1
        self._stop_timer(model)
        return ModelLease(model, self._released)

    async def gain_for(self, lease: ModelLease, voice: str) -> float:
        """dB that bring `voice` to the target loudness; measured once per voice.

        Raises:
            ParleyError: the voice could not be measured.
        """
        return await lease.model.gain_db(voice)

    # What the model RPCs need.

    def list(self, ready_only: bool) -> list[model_pb2.ModelInfo]:
        """Every revision that has been loaded, and AVAILABLE for what has not been."""
        infos = [model.info() for model in self._all()]
        infos += [
            model_pb2.ModelInfo(
                model_id=settings.id, revision=settings.revision, state=model_pb2.MODEL_STATE_AVAILABLE, pinned=settings.pin
            )
            for settings in self._configured.values()
            if not self._models[settings.id]
        ]
        return [info for info in infos if not ready_only or info.state == model_pb2.MODEL_STATE_READY]

    async def load(self, request: model_pb2.LoadModelRequest) -> model_pb2.LoadModelResponse:
        """Load a model, or a revision of it with other options.

        Raises:
            ParleyError: MODEL_UNKNOWN; MODEL_NOT_READY with the engine's reason (only where `wait_ready`).
        """
        if request.options.fields:
            settings = self._settings_of(request.model_id)
            model = self._model_of(settings.with_options(json_format.MessageToDict(request.options)))
        else:
            model = self._find(request.model_id, request.revision)
        model.pinned = model.pinned or request.pin
        if request.HasField("ttl_ms"):
            model.ttl_ms = max(-1, request.ttl_ms)
        if request.wait_ready:
            await model.load(insist=True)
        else:
            model.start_loading(insist=True)
        self._promote(model)
        self._start_timer(model)
        return model_pb2.LoadModelResponse(model=model.info())

    async def unload(self, request: model_pb2.UnloadModelRequest) -> model_pb2.UnloadModelResponse:
        """Drain and unload. If sessions are left after `drain_ms`, it goes on draining and ends with the last of them.

        Raises:
            ParleyError: MODEL_UNKNOWN.
        """
        model = self._find(request.model_id, request.revision)
        if not model.is_loaded:
            return model_pb2.UnloadModelResponse(model=model.info())
        model.pinned = False
        model.ttl_ms = 0
        model.drain()
        if not request.force:
            await self._until_free(model, request.drain_ms / 1000)
        if request.force or model.refs == 0:
            self._stop_timer(model)
            await model.stop()
        return model_pb2.UnloadModelResponse(model=model.info(), sessions_left=model.refs)

    async def reload(self, model_id: str) -> str:
        """Blue/green: a new process beside the old one, then in its place. Says the revision.

        Raises:
            ParleyError: MODEL_UNKNOWN; MODEL_NOT_READY; why the new process did not come.
        """
        model = self._find(model_id, "")
        await model.reload()
        return model.revision

    # Helpers.

    def _all(self) -> Iterable[Model]:
        return (model for models in self._models.values() for model in models)

    def _settings_of(self, model_id: str) -> ModelSettings:
        wanted = model_id or self.default_model
        if wanted not in self._configured:
            known = ", ".join(sorted(self._configured))
            raise ParleyError("MODEL_UNKNOWN", f"no model {wanted[:128]!r} here; known: {known}")
        return self._configured[wanted]

    def _find(self, model_id: str, revision: str) -> Model:
        """The model of that name; without a revision the newest one."""
        settings = self._settings_of(model_id)
        models = self._models[settings.id]
        if not revision:
            return models[0] if models else self._model_of(settings)
        for model in models:
            if model.revision == revision:
                return model
        if revision == settings.revision:
            return self._model_of(settings)
        known = ", ".join(model.revision for model in models) or settings.revision
        raise ParleyError("MODEL_UNKNOWN", f"no revision {revision[:64]!r} of {settings.id}; known: {known}")

    def _model_of(self, settings: ModelSettings) -> Model:
        """The one object for these settings; made, unloaded and as the oldest, where there is none."""
        models = self._models[settings.id]
        for model in models:
            if model.revision == settings.revision:
                return model
        models.append(Model(self._kind, settings, self._group, self._changed))
        return models[-1]

    def _promote(self, model: Model) -> None:
        """It is what "the newest revision" means from now on."""
        models = self._models[model.settings.id]
        models.remove(model)
        models.insert(0, model)

    async def _load_within(self, model: Model) -> None:
        try:
            async with asyncio.timeout(model.settings.load_timeout_ms / 1000):
                await model.load(insist=False)
        except TimeoutError:
            raise ParleyError("MODEL_NOT_READY", f"{model.name} is still loading", retry_after_ms=LOADING_RETRY_MS) from None

    async def _until_free(self, model: Model, wait_s: float) -> None:
        """Until no session holds it, or the time is over."""
        freed = asyncio.Event()

        def look() -> None:
            if model.refs == 0:
                freed.set()

        look()
        self._listeners.append(look)
        try:
            async with asyncio.timeout(wait_s):
                await freed.wait()
        except TimeoutError:
            return
        finally:
            self._listeners.remove(look)

    def _released(self, model: Model) -> None:
        model.refs -= 1
        if model.refs == 0:
            model.idle_since = time.monotonic()
            self._start_timer(model)
        self._changed()

    def _start_timer(self, model: Model) -> None:
        self._stop_timer(model)
        if model.refs == 0 and model.ttl_ms >= 0 and not model.pinned and model.is_loaded and not self._is_kept(model):
            self._arm(model, model.ttl_ms / 1000)

    def _arm(self, model: Model, delay_s: float) -> None:
        self._timers[model] = asyncio.get_running_loop().call_later(delay_s, self._expired, model)

    def _stop_timer(self, model: Model) -> None:
        timer = self._timers.pop(model, None)
        if timer is not None:
            timer.cancel()

    def _is_kept(self, model: Model) -> bool:
        """The default model stays, unless it is being unloaded on purpose or another revision has taken its place."""
        first = self._models[model.settings.id][0]
        return model.settings.id == self.default_model and model is first and model.state != model_pb2.MODEL_STATE_DRAINING

    def _expired(self, model: Model) -> None:
        del self._timers[model]
        if model.refs or not model.is_loaded:
            return
        if model.state in (model_pb2.MODEL_STATE_LOADING, model_pb2.MODEL_STATE_WARMING):
            self._arm(model, max(model.ttl_ms / 1000, LOADING_RETRY_MS / 1000))  # idle begins when it is there
        else:
            self._group.create_task(model.stop())

    def _changed(self) -> None:
        for listener in list(self._listeners):
            listener()
