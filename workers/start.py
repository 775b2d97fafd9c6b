"""From the command line's values to a running worker, and back to an exit status."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

from parley.settings import SettingsError, load
from parley.telemetry import configure_logs
from workers.app import App, StartError
from workers.models import ModelSettings
from workers.settings import SttWorkerSettings, TtsWorkerSettings, with_engine

MAX_PATH_CHARS: Final = 1000


def start(given: argparse.Namespace) -> int:
    """Run one worker to its end; the process's exit status."""
    try:
        settings = _settings(given)
    except SettingsError as error:
        return _complain(str(error))
    configure_logs(f"{given.kind}-worker", settings.log.level, settings.log.format)

    async def run() -> None:
        await App(settings).run()

    complaints: list[str] = []
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(run())
    except* StartError as group:  # alone, or wrapped by the task groups that it passed
        complaints += [str(error) for error in _leaves(group)]
    return _complain(complaints[0]) if complaints else 0


def _leaves(group: BaseExceptionGroup[StartError]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error


def _settings(given: argparse.Namespace) -> SttWorkerSettings | TtsWorkerSettings:
    settings: SttWorkerSettings | TtsWorkerSettings
    if given.kind == "stt":
        settings = load(SttWorkerSettings, given.config, _values(given))
    else:
        settings = load(TtsWorkerSettings, given.config, _values(given))
    if given.config is not None:
        settings = settings.model_copy(update={"models": tuple(_beside(model, given.config.parent) for model in settings.models)})
    return settings if given.engine is None else with_engine(settings, given.engine)


def _beside(model: ModelSettings, folder: Path) -> ModelSettings:
    """Options that name a file beside the configuration mean that file, wherever the worker was started."""
    files = {
        name: str((folder / value).resolve())
        for name, value in model.options.items()
        if isinstance(value, str) and 0 < len(value) < MAX_PATH_CHARS and (folder / value).is_file()
    }
    return model.with_options(files)


def _values(given: argparse.Namespace) -> dict[str, Any]:
    """What the command line sets, as settings."""
    values = {name: value for name in ("listen", "http", "redis") if (value := getattr(given, name)) is not None}
    if given.log_format is not None:
        values["log"] = {"format": given.log_format}
    return values


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed: 15-25 % less CPU."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _complain(text: str) -> int:
    print(text, file=sys.stderr)
    return 1
