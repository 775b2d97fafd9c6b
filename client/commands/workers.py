"""`parley workers ...`: the workers that a running orchestrator knows."""

from __future__ import annotations

import typer

from client.loop import run
from client.places import Json, Url, Verbose

app = typer.Typer(name="workers", no_args_is_help=True, rich_markup_mode="rich", help="Look at the workers of a running stack.")


@app.callback()
def root() -> None:
    """Look at the workers of a running stack."""


@app.command("list")
def list_(url: Url = None, json: Json = False, verbose: Verbose = False) -> None:
    """List the workers: kind, address, state, sessions and models.

    [bold]Examples[/bold]

        parley workers list

    The addresses of the ones that speak, for a script:
        parley workers list --json | jq -r 'select(.kind == "tts") | .address'
    """
    from client.stack.board import show_workers

    run(show_workers(url, json))
