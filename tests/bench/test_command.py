"""The command line: names, sizes, and one readable line for what is wrong."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from client.bench.command import NAMES, bench
from client.failure import Failure

APP = typer.Typer()
APP.command()(bench)


def failure(*arguments: str) -> str:
    error = CliRunner().invoke(APP, arguments).exception
    assert isinstance(error, Failure)
    assert error.code == 2
    return str(error)


def test_an_unknown_name_lists_the_known_ones() -> None:
    line = failure("tlak")
    assert "did you mean 'talk'?" in line
    assert all(name in line for name in NAMES)
    assert "\n" not in line
    assert "known: talk, barge-in" in failure("zzz")


@pytest.mark.parametrize("sizes", ["0", "x", "1,,2"])
def test_sizes_are_whole_numbers(sizes: str) -> None:
    assert "--sessions wants" in failure("talk", "--sessions", sizes)


def test_no_background_at_all_is_a_size_for_control_only() -> None:
    assert "--sessions wants" in failure("talk", "--sessions", "0")
    assert "--sessions wants" in failure("control", "--sessions", "-1")


def test_help_teaches_by_example() -> None:
    shown = CliRunner().invoke(APP, ["--help"])
    assert shown.exit_code == 0
    assert "parley bench talk --sessions 100" in " ".join(shown.output.split())
