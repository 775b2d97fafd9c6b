"""`parley transcribe`: speech to text by one worker."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.loop import run
from client.places import Json, Verbose, Worker


def transcribe(
    files: Annotated[list[str], typer.Argument(metavar="FILE...|-", help="Sound files of any rate and format; - is stdin.")],
    worker: Worker = None,
    model: Annotated[str, typer.Option(help="A model of the worker. Default: its own default.")] = "",
    language: Annotated[str, typer.Option(help="BCP-47 tag, e.g. en. Default: the model's own.")] = "",
    json: Json = False,
    preset: Annotated[str, typer.Option(help="Which worker to start if none runs: embedded or tone.")] = "embedded",
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Your settings for that worker (YAML).")] = None,
    verbose: Verbose = False,
) -> None:
    """Write down what is said in sound files, with the STT tier alone.

    Uses a worker of the running stack; if none runs, one is started for the occasion. One line of text per file.

    [bold]Examples[/bold]

    A recording:
        parley transcribe memo.wav

    Several, with the times of every word, for a script:
        parley transcribe *.flac --json | jq '.segments[].words'

    From another program:
        ffmpeg -i film.mkv -f wav - | parley transcribe -
    """
    from client.tier.transcribing import TranscribePlan
    from client.tier.transcribing import transcribe as do

    run(do(TranscribePlan(tuple(files), worker, model, language, json, preset, config, verbose)))
