"""The settings of one worker: a tree per kind, built once in `__main__` and handed down in parts."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import SettingsConfigDict

from parley.settings import Section, ServiceSettings
from parley.telemetry import LogFormat
from workers.models.settings import ModelSettings
from workers.stt.limits import SttLimits
from workers.tts.limits import TtsLimits

W = TypeVar("W", bound="WorkerSettings")


def split_address(address: str) -> tuple[str, int]:
    """HOST:PORT as its parts; the host of an IPv6 address stands in brackets.

    Raises:
        ValueError: it is none.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"expected HOST:PORT, for example 127.0.0.1:0, got {address!r}")
    return host, int(port)


def _checked(address: str) -> str:
    if address:
        split_address(address)
    return address


Address = Annotated[str, AfterValidator(_checked)]


class LogSettings(Section):
    """Logs on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe log event that is written."""
    format: LogFormat = "console"
    """`json` or `console`."""


class WorkerSettings(ServiceSettings):
    """What both kinds of worker have."""

    listen: Address = "127.0.0.1:0"
    """Where gRPC listens; port 0 picks a free one."""
    http: Address = ""
    """Where the page with /health, /ready, /status and /metrics listens; empty means nowhere."""
    advertise: Address = ""
    """HOST:PORT under which orchestrators reach this worker, as told to the directory; port 0 means the one that `listen` got. Empty
    means `listen`, with the host's own name in place of 0.0.0.0."""
    worker_id: str = Field("", max_length=128)
    """This worker's name in the directory and in logs; empty means one made of host and process."""
    redis: str = ""
    """URL of the directory's Redis, for example redis://127.0.0.1:6379/0; empty means that no directory is told."""
    models: tuple[ModelSettings, ...] = Field(min_length=1)
    """The models that this worker may load."""
    default_model: str = ""
    """The id of the model that sessions get which name none; empty means the first one."""
    drain_ms: int = Field(30_000, ge=0)
    """How long running sessions may take to end when the worker is told to."""
    status_interval_ms: int = Field(500, ge=50)
    """WatchStatus says at least so often how the worker is; changes are said at once."""
    log: LogSettings = LogSettings()
    """Logs on stderr."""
    reflection: bool = True
    """Whether gRPC reflection answers (schemas for grpcurl and the like)."""

    @model_validator(mode="before")
    @classmethod
    def _name_default(cls, values: Any) -> Any:
        models = values.get("models") or cls.model_fields["models"].get_default()
        if isinstance(models, (list, tuple)) and models and not values.get("default_model"):
            first = models[0]
            return {**values, "default_model": first.get("id", "") if isinstance(first, dict) else first.id}
        return values

    @model_validator(mode="after")
    def _check_models(self) -> WorkerSettings:
        ids = [model.id for model in self.models]
        if len(set(ids)) != len(ids):
            raise ValueError(f"models: every id may be there once, got {', '.join(ids)}")
        if self.default_model not in ids:
            raise ValueError(f"default_model: expected one of {', '.join(ids)}, got {self.default_model!r}")
        return self

    @property
    def max_sessions(self) -> int:
        """Sessions at once."""
        raise NotImplementedError


class SttWorkerSettings(WorkerSettings):
    """`python -m workers stt`."""

    model_config = SettingsConfigDict(env_prefix="PARLEY_STT_")
    models: tuple[ModelSettings, ...] = (
        ModelSettings(id="pocketsphinx", engine="pocketsphinx", pin=True),
        ModelSettings(id="tone", engine="tone"),
    )
    """The models that this worker may load."""
    limits: SttLimits = SttLimits()
    """What clients may ask for."""

    @property
    def max_sessions(self) -> int:
        return self.limits.max_sessions


class TtsWorkerSettings(WorkerSettings):
    """`python -m workers tts`."""

    model_config = SettingsConfigDict(env_prefix="PARLEY_TTS_")
    models: tuple[ModelSettings, ...] = (
        ModelSettings(id="espeak", engine="espeak", pin=True),
        ModelSettings(id="tone", engine="tone"),
    )
    """The models that this worker may load."""
    limits: TtsLimits = TtsLimits()
    """What clients may ask for."""

    @property
    def max_sessions(self) -> int:
        return self.limits.max_sessions


def with_engine(settings: W, engine: str) -> W:
    """`settings` with the model called `engine`, or run by it, as the default; one with the engine's own defaults, if there is none."""
    named = next((model for model in settings.models if model.id == engine), None)
    run_by = named or next((model for model in settings.models if model.engine == engine), None)
    if run_by is not None:
        return settings.model_copy(update={"default_model": run_by.id})
    added = ModelSettings(id=engine, engine=engine, pin=True)
    return settings.model_copy(update={"models": (added, *settings.models), "default_model": engine})
