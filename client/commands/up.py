"""`parley up`: a whole stack on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.loop import Interrupted, run
from client.places import HOST, PORT, Verbose


def up(
    preset: Annotated[str | None, typer.Option(help="embedded (default), tone, cpu or gpu.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Your settings, laid over the preset's (YAML).")] = None,
    host: Annotated[str, typer.Option(metavar="H", help="The address to listen on; 0.0.0.0 is all of them.")] = HOST,
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="P", help="The port to listen on; 0 picks a free one.")] = PORT,
    stt: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="How many STT workers.")] = 1,
    tts: Annotated[int, typer.Option(min=1, max=64, metavar="N", help="How many TTS workers.")] = 1,
    verbose: Verbose = False,
) -> None:
    """Start workers and an orchestrator, and watch them until Ctrl-C.

    When everything is ready, stdout gets one line: ready ws://HOST:PORT/v1/session. A worker that dies is started again.

    [bold]Examples[/bold]

    A stack that works on any machine, then talk with it from another terminal:
        parley up
        parley talk

    On a port of its own choosing, with two recognisers:
        parley up --port 0 --stt 2

    For tests: engines without a model, answers that repeat what was said:
        parley up --preset tone

    Your own settings; the file's sections are laid over the preset's:
        printf 'orchestrator: {turn: {silence_ms: 400}}' > mine.yaml
        parley up --config mine.yaml
    """
    from client.stack.running import UpPlan
    from client.stack.running import up as serve

    try:
        run(serve(UpPlan(preset, config, host, port, stt, tts, verbose)))
    except Interrupted:
        return  # the way it is meant to end
