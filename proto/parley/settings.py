"""Configuration as a value: one frozen pydantic tree per service, from YAML and the environment.

Precedence: command line (keyword arguments), environment, YAML, defaults. Unknown keys are refused, and the message names the
nearest right one. Nothing outside a `__main__` calls this; the tree is handed down as sub-trees.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict


class SettingsError(Exception):
    """The configuration cannot be used; the text is one readable line per problem."""


class Section(BaseModel):
    """A part of a service's settings."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


class ServiceSettings(BaseSettings):
    """The root of a service's settings. Sub-classes set `env_prefix`, e.g. `PARLEY_TTS_`; `__` separates levels."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", env_nested_delimiter="__", use_attribute_docstrings=True)
    prefixes: ClassVar[tuple[str, ...]] = ("PARLEY_ORCHESTRATOR_", "PARLEY_STT_", "PARLEY_TTS_")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (_Given(settings_cls, init_settings().get("given", {})), env_settings, _Given(settings_cls, init_settings().get("file", {})))


class _Given(PydanticBaseSettingsSource):
    """Values already in hand, as one source."""

    def __init__(self, settings_cls: type[BaseSettings], values: Mapping[str, Any]) -> None:
        super().__init__(settings_cls)
        self._values = dict(values)

    def get_field_value(self, field: Any, field_name: str) -> tuple[Any, str, bool]:
        return self._values.get(field_name), field_name, False

    def __call__(self) -> dict[str, Any]:
        return self._values


S = TypeVar("S", bound=ServiceSettings)


def load(kind: type[S], file: Path | None = None, given: Mapping[str, Any] | None = None) -> S:
    """Build `kind` from `file` (YAML, may be None), the environment and `given` (nested dict, wins).

    Raises:
        SettingsError: unreadable file, unknown key, or a value that does not fit.
    """
    values = read_yaml(file) if file is not None else {}
    _refuse_unknown_environment(kind)
    try:
        return kind(given=dict(given or {}), file=values)  # type: ignore[call-arg]
    except ValidationError as error:
        where = f"{file}: " if file is not None else ""
        raise SettingsError("\n".join(where + line for line in explain(error, kind))) from None


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping in `file`.

    Raises:
        SettingsError: it cannot be read, or is no mapping.
    """
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise SettingsError(f"{file}: cannot be read as YAML ({error})") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise SettingsError(f"{file}: expected a mapping of settings, found {type(values).__name__}")
    return values


def explain(error: ValidationError, kind: type[BaseModel]) -> Iterator[str]:
    """One readable line per problem, with the nearest right name for an unknown key."""
    for problem in error.errors():
        path = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            yield f"unknown key {path!r}{_nearest(str(problem['loc'][-1]), _keys_at(kind, problem['loc'][:-1]))}"
        else:
            yield f"{path}: {problem['msg']} (got {problem.get('input')!r})"


def _nearest(name: str, known: list[str]) -> str:
    match = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f"; did you mean {match[0]!r}?" if match else f"; known here: {', '.join(sorted(known))}"


def _keys_at(kind: type[BaseModel], path: tuple[int | str, ...]) -> list[str]:
    model: Any = kind
    for part in path:
        if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            model = _section_of(model.model_fields[str(part)].annotation) or model
    return list(model.model_fields)


def _section_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        if found := _section_of(inner):
            return found
    return None


def _refuse_unknown_environment(kind: type[ServiceSettings]) -> None:
    prefix = str(kind.model_config.get("env_prefix", ""))
    known = list(kind.model_fields)
    for name in os.environ:
        if not name.upper().startswith(prefix) or not prefix:
            continue
        head = name[len(prefix) :].split("__")[0].lower()
        if head not in known:
            raise SettingsError(f"environment {name}: unknown key {head!r}{_nearest(head, known)}")
