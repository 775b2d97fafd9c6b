"""`python -m orchestrator`: one orchestrator."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from orchestrator.app import App
from orchestrator.settings import OrchestratorSettings
from parley.settings import SettingsError, load
from parley.telemetry import configure_logs


def run(
    listen: Annotated[str | None, typer.Option(help="HOST:PORT of WebSocket and HTTP; port 0 picks one.")] = None,
    stt: Annotated[str | None, typer.Option(help="STT workers, HOST:PORT,…")] = None,
    tts: Annotated[str | None, typer.Option(help="TTS workers, HOST:PORT,…")] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file.")] = None,
    log_format: Annotated[str | None, typer.Option(help="json or console.")] = None,
) -> None:
    """Run one orchestrator. It prints `ready ws://HOST:PORT/v1/session` when it serves, and drains on SIGTERM.

    Example: python -m orchestrator --listen 127.0.0.1:8765 --stt 127.0.0.1:50051 --tts 127.0.0.1:50052
    """
    try:
        settings = load(OrchestratorSettings, config, _given(listen, stt, tts, log_format))
    except SettingsError as error:
        _fail(str(error))
    configure_logs("orchestrator", settings.log.level, settings.log.format)
    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_main(settings))
    except OSError as error:
        _fail(f"cannot listen on {settings.listen}: {error.strerror or error}; choose another port with --listen HOST:PORT")
    except SettingsError as error:  # a responder's options are checked when it is built
        _fail(str(error))


def _given(listen: str | None, stt: str | None, tts: str | None, log_format: str | None) -> dict[str, Any]:
    given: dict[str, Any] = {}
    if listen is not None:
        given["listen"] = listen
    lists = {kind: [part.strip() for part in text.split(",") if part.strip()] for kind, text in (("stt", stt), ("tts", tts)) if text}
    if lists:
        given["directory"] = {"provider": "static", **lists}
    if log_format is not None:
        given["log"] = {"format": log_format}
    return given


async def _main(settings: OrchestratorSettings) -> None:
    await App(settings).run()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """uvloop where it is installed (not on Windows): 15-25 % less CPU."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


def _fail(text: str) -> NoReturn:
    print(text, file=sys.stderr)
    raise typer.Exit(1)


if __name__ == "__main__":
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(run)
    app()
