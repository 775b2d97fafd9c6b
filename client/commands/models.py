"""`parley models ...`: the models of running workers."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from client.loop import run
from client.places import Json, Url, Verbose, Worker

app = typer.Typer(name="models", no_args_is_help=True, rich_markup_mode="rich", help="Look at and steer the models of a running stack.")
Model = Annotated[str, typer.Argument(metavar="MODEL", help="A model's id, or id@revision; `parley models list` shows them.")]


@app.command("list")
def list_(worker: Worker = None, url: Url = None, json: Json = False, verbose: Verbose = False) -> None:
    """List the models of every worker, with their states, voices and sessions.

    [bold]Examples[/bold]

        parley models list
        parley models list --worker 127.0.0.1:50052 --json | jq -r .model.voices[]
    """
    from client.tier.models import list_models

    _show(run(list_models(worker, url)), json)


@app.command()
def load(
    model: Model,
    worker: Worker = None,
    url: Url = None,
    pin: Annotated[bool, typer.Option("--pin", help="Keep it loaded, whatever else wants the room.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait until it is ready.")] = True,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Load a model at every worker that knows it.

    [bold]Examples[/bold]

        parley models load espeak
        parley models load kokoro@3f2a9c --pin --worker 127.0.0.1:50052
    """
    from client.tier.models import load_model

    _show(run(load_model(model, worker, url, pin, wait)), json)


@app.command()
def unload(
    model: Model,
    worker: Worker = None,
    url: Url = None,
    force: Annotated[bool, typer.Option("--force", help="Cut off the sessions that use it.")] = False,
    drain_ms: Annotated[int, typer.Option(min=0, metavar="MS", help="How long its sessions may go on.")] = 10_000,
    json: Json = False,
    verbose: Verbose = False,
) -> None:
    """Unload a model; the sessions that use it may finish first.

    [bold]Examples[/bold]

        parley models unload espeak
        parley models unload espeak --force
    """
    from client.tier.models import unload_model

    _show(run(unload_model(model, worker, url, force, drain_ms)), json)


@app.command()
def reload(model: Model, worker: Worker = None, url: Url = None, json: Json = False, verbose: Verbose = False) -> None:
    """Replace a model by its newest revision, without a pause: running utterances finish with the old one.

    [bold]Example[/bold]

        parley models reload espeak
    """
    from client.tier.models import reload_model

    _show(run(reload_model(model, worker, url)), json)


def _show(outcomes: list[Any], as_json: bool) -> None:
    import sys

    if as_json:
        import dataclasses
        import json

        for outcome in outcomes:
            sys.stdout.write(json.dumps(dataclasses.asdict(outcome), ensure_ascii=False) + "\n")
    else:
        from client.tier.tables import models_table, show

        show(models_table(outcomes))
