"""From the command line's values to a running worker, and back to an exit status."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator
from typing import Any

from parley.settings import SettingsError, load
from parley.telemetry import configure_logs
from workers.app import App, StartError
from workers.settings import SttWorkerSettings, TtsWorkerSettings, with_engine


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
    return settings if given.engine is None else with_engine(settings, given.engine)


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
