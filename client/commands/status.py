"""`parley status`: a look at a running stack."""

from __future__ import annotations

from client.loop import run
from client.places import Json, Url, Verbose


def status(url: Url = None, json: Json = False, verbose: Verbose = False) -> None:
    """Show a running stack: the orchestrator, its workers, their models and sessions.

    [bold]Examples[/bold]

    The one on this machine:
        parley status

    Another one:
        parley status --url voice.example.org:8765

    How many sessions are open, for a script:
        parley status --json | jq .sessions
    """
    from client.stack.board import show_status

    run(show_status(url, json))
