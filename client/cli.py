"""The `parley` command: its sub-commands, and the one place where a failure becomes a line on stderr and an exit status.

Importing this must stay cheap: command modules import only typer and names; numpy, grpc and aiohttp come when a command runs.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from client.bench.command import bench
from client.commands.models import app as models
from client.commands.say import say
from client.commands.status import status
from client.commands.talk import talk
from client.commands.transcribe import transcribe
from client.commands.up import up
from client.commands.workers import app as workers
from client.failure import explain, leaf, one_line
from client.loop import Interrupted


def _version(asked: bool) -> None:
    if asked:
        from parley import __version__

        print(f"parley {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="parley",
    help="Talk with a machine, in two tiers on one.\n\nFirst try: [bold]parley talk[/bold]. A stack that stays: [bold]parley up[/bold].",
    rich_markup_mode="rich",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (up, talk, say, transcribe, status, bench):
    app.command()(command)
app.add_typer(models)
app.add_typer(workers)


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and end.", is_eager=True, callback=_version)] = False,
) -> None:
    """Options of the command itself."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit the process with its status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = app(words, prog_name="parley", standalone_mode=False)
    except Exception as error:
        code = fail(leaf(error), verbose="--verbose" in words or "-v" in words)
    except KeyboardInterrupt:
        code = 130
    sys.exit(code if isinstance(code, int) else 0)


def fail(error: BaseException, verbose: bool) -> int:
    """Print the one line that `error` deserves; its exit status."""
    if isinstance(error, Interrupted):
        return 128 + error.number
    if isinstance(error, BrokenPipeError):
        sys.stdout = None  # whoever read it has gone; nothing is left to flush
        return 1
    if hasattr(error, "format_message"):  # a wrong command line, as typer tells it
        return _fail_by_usage(error)
    line = explain(error)
    if verbose:
        traceback.print_exception(error)
    if line is None:
        line = f"unexpected {type(error).__name__}: {one_line(str(error))}" + ("" if verbose else " (--verbose shows the trace)")
    _print(line)
    return int(getattr(error, "code", 1)) if isinstance(getattr(error, "code", 1), int) else 1


def _fail_by_usage(error: Any) -> int:
    if message := one_line(error.format_message()):
        context = getattr(error, "ctx", None)
        _print(f"{message} (`{context.command_path if context is not None else 'parley'} --help` teaches by example)")
    return int(getattr(error, "exit_code", 2))


def _print(line: str) -> None:
    print(f"parley: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
