"""`parley say`: text to speech by one worker."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from client.failure import Failure
from client.loop import run
from client.places import Verbose, Worker


def say(
    text: Annotated[str, typer.Argument(metavar="TEXT|-", help="What to say; - reads it from stdin.")],
    worker: Worker = None,
    voice: Annotated[str, typer.Option(help="A voice of the model; `parley models list` shows them.")] = "",
    speed: Annotated[float, typer.Option(min=0.25, max=4.0, help="Speaking rate; 1.0 is the voice's own.")] = 1.0,
    model: Annotated[str, typer.Option(help="A model of the worker. Default: its own default.")] = "",
    out: Annotated[
        str | None, typer.Option("--out", "-o", metavar="FILE|-", help="Write a sound file (.wav, .flac, .ogg); - is stdout.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="Write bare 48 kHz mono s16le PCM, without a header.")] = False,
    preset: Annotated[str, typer.Option(help="Which worker to start if none runs: embedded or tone.")] = "embedded",
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Your settings for that worker (YAML).")] = None,
    verbose: Verbose = False,
) -> None:
    """Say something, with the TTS tier alone.

    Uses a worker of the running stack; if none runs, one is started for the occasion. Without --out it is played.

    [bold]Examples[/bold]

    Hear it:
        parley say "Good morning."

    Into a file:
        parley say "Good morning." --out morning.wav

    A whole book, slower:
        parley say - --speed 0.9 --out book.flac < book.txt

    To a player, or straight into the other tier:
        parley say "Good morning." --out - | aplay
        parley say "Good morning." --out - | parley transcribe -
    """
    from client.tier.saying import SayPlan
    from client.tier.saying import say as do

    words = sys.stdin.read() if text == "-" else text
    if not words.strip():
        raise Failure("there is nothing to say", "give some text, or - and text on stdin", code=2)
    run(do(SayPlan(words, worker, voice, speed, model, out, raw, preset, config, verbose)))
