"""`parley bench`: measurements, as a table for people and JSON for scripts."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Annotated

import typer

from client.failure import Failure
from client.loop import run
from client.places import Verbose

NAMES = {
    "talk": "conversations in real time: latency, lateness, CPU and memory per session",
    "barge-in": "interruptions, backchannels, noises, echo and pauses for thought: what ends the answer, and how fast",
    "vad": "false and missed barge-ins and onset delay of each gate before the microphone, on scenes with a known truth; needs no server",
    "control": "STOP, PAUSE and RESUME to ack at a TTS worker, under background streams",
}
SESSIONS = {"talk": "1,20,60", "barge-in": "1,20,100", "vad": "30", "control": "200"}
ENGINES = ("tone", "espeak")


def bench(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What to measure: " + "; ".join(f"{k}: {v}" for k, v in NAMES.items()) + ".")],
    url: Annotated[str | None, typer.Option("--url", metavar="WS", help="talk: this orchestrator. Default: a stack of its own.")] = None,
    worker: Annotated[str | None, typer.Option("--worker", metavar="HOST:PORT", help="control: this TTS worker. Default: its own.")] = None,
    sessions: Annotated[str | None, typer.Option(metavar="N,N", help="Sizes of load, one row each (vad: scenes of each kind).")] = None,
    seconds: Annotated[float, typer.Option(min=1, metavar="S", help="Measured time per row.")] = 30.0,
    warm_up: Annotated[float, typer.Option(min=0, metavar="S", help="Load before the measurement of each row.")] = 8.0,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed makes the same callers.")] = 1,
    barge_in_share: Annotated[float, typer.Option(min=0, max=1, metavar="P", help="talk: part of the answers that are interrupted.")] = 0.4,
    speech: Annotated[Path | None, typer.Option(metavar="FOLDER", help="talk, vad: recordings of people who speak.")] = None,
    engine: Annotated[str, typer.Option(metavar="NAME", help=f"barge-in: the agent's voice, {' or '.join(ENGINES)}.")] = "tone",
    json: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write the rows to this file.")] = None,
    verbose: Verbose = False,
) -> None:
    """Measure a Parley under load, with a load generator in processes of its own.

    Without --url (talk) or --worker (control) it starts its own stack of model-free `tone` engines with fixed delays, so the figures are
    those of Parley and not of a model; the server's CPU and memory are measured only then.

    [bold]Examples[/bold]

    One, twenty and sixty conversations, half a minute each:
        parley bench talk

    A hundred, kept as JSON:
        parley bench talk --sessions 100 --seconds 60 --json bench/results/talk.json

    A server that runs elsewhere:
        parley bench talk --url ws://voice.example:8765/v1/session --sessions 10

    Who keeps the floor, on a voice that people understand:
        parley bench barge-in --engine espeak --sessions 20 --seconds 120

    What may pause the agent, and what each gate contributes to that:
        parley bench vad

    How fast a TTS worker stops, beside 200 streams:
        parley bench control
    """
    if name not in NAMES:
        near = difflib.get_close_matches(name, NAMES, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "known: " + ", ".join(NAMES)
        raise Failure(f"there is no benchmark {name!r}", f"{hint} ({', '.join(NAMES)})" if near else hint, code=2)
    if engine not in ENGINES:
        raise Failure(f"there is no engine {engine!r} for this", f"choose one of {', '.join(ENGINES)}", code=2)
    from client.bench.run import BenchPlan, measure

    plan = BenchPlan(
        name=name,
        url=url,
        worker=worker,
        sessions=_sizes(sessions or SESSIONS[name], at_least=0 if name == "control" else 1),
        seconds=seconds,
        warm_up_s=warm_up,
        seed=seed,
        barge_in_share=barge_in_share,
        speech=speech,
        json=json,
        verbose=verbose,
        engine=engine,
    )
    run(measure(plan))


def _sizes(words: str, at_least: int) -> tuple[int, ...]:
    """The numbers in `1,20,60`."""
    try:
        sizes = tuple(int(word) for word in words.split(","))
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < at_least:
        raise Failure(f"--sessions wants whole numbers from {at_least} on, like 1,20,60, and is {words!r}", code=2)
    return sizes
