"""`parley talk`: a conversation on the terminal."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from client.loop import Interrupted, run
from client.places import Json, Url, Verbose


def talk(
    url: Url = None,
    wav: Annotated[list[str] | None, typer.Option("--wav", metavar="IN", help="Speak this sound file in real time; once per turn.")] = None,
    text: Annotated[list[str] | None, typer.Option("--text", metavar="T", help="Type these words; once per turn, after the files.")] = None,
    out: Annotated[str | None, typer.Option("--out", metavar="OUT", help="Write what was heard, in time, to this sound file.")] = None,
    json: Json = False,
    barge_in_ms: Annotated[float | None, typer.Option(min=0, metavar="MS", help="Begin the next turn this far into the answer.")] = None,
    preset: Annotated[str, typer.Option(help="The stack to start if none runs: embedded or tone.")] = "embedded",
    config: Annotated[Path | None, typer.Option(metavar="FILE", help="Your settings for that stack (YAML).")] = None,
    voice: Annotated[str | None, typer.Option(help="A voice of the running TTS model.")] = None,
    speed: Annotated[float | None, typer.Option(min=0.5, max=2.0, help="Speaking rate; 1.0 is the voice's own.")] = None,
    patience: Annotated[float, typer.Option(min=1, metavar="S", help="How long to wait for an answer, in seconds.")] = 30.0,
    verbose: Verbose = False,
) -> None:
    """Hold a conversation: by microphone, from sound files, or typed.

    Without --url it uses the Parley on this machine's default port; if there is none, it starts one, and ends it afterwards.

    [bold]Examples[/bold]

    Speak with it, headphones on (say "help" to hear what it knows):
        parley talk

    Ask with a recording, keep the answer:
        parley talk --wav question.wav --out answer.wav

    A conversation of two turns, typed:
        parley talk --text "count to thirty" --text "how far did you get?"

    Interrupt it one second into its answer:
        parley talk --wav count.wav --wav stop.wav --barge-in-ms 1000

    Every event, for a script:
        parley talk --text hello --json | jq -r 'select(.type == "response_text").text'
    """
    from client.talk.plan import TalkPlan
    from client.talk.plan import talk as hold

    wished = {"voice": voice, "speed": speed}
    plan = TalkPlan(
        url=url,
        wavs=tuple(wav or ()),
        texts=tuple(text or ()),
        out=out,
        json=json,
        barge_in_ms=barge_in_ms,
        patience_s=patience,
        preset=preset,
        config=config,
        configure={key: value for key, value in wished.items() if value is not None},
        verbose=verbose,
    )
    try:
        run(hold(plan))
    except Interrupted:
        if not plan.live:
            raise
