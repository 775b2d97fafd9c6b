"""A stack's `/status` as tables for people: `parley status`, `parley workers list`, and the live picture of `parley up`."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from client.places import session_url
from client.tier.workers import status_of


async def show_status(url: str | None, as_json: bool) -> None:
    """Print it; raises Failure if nobody answers."""
    status = await status_of(url)
    if as_json:
        sys.stdout.write(json.dumps(status, ensure_ascii=False) + "\n")
    else:
        Console(highlight=False).print(board(status, session_url(url)))


async def show_workers(url: str | None, as_json: bool) -> None:
    """Print the workers alone, as JSON one per line; raises Failure if nobody answers."""
    rows = (await status_of(url)).get("workers", [])
    if as_json:
        sys.stdout.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    else:
        Console(highlight=False).print(_workers(rows))


def board(status: Mapping[str, Any], url: str) -> RenderableType:
    """The orchestrator's line and the table of its workers."""
    return Group(_headline(status, url), _workers(status.get("workers", [])))


def condition(worker: Mapping[str, Any]) -> str:
    """A worker's state in a word."""
    if not worker.get("alive", True):
        return "silent"
    if worker.get("draining"):
        return "draining"
    if worker.get("ejected"):
        return "ejected"
    return str(worker.get("unfit") or "ready")


def models_of(worker: Mapping[str, Any]) -> str:
    """Its models and their states; a revision is shown by its first characters."""
    ready = [_short(name) for name in worker.get("models", [])]
    loading = [f"{_short(name)} (loading)" for name in worker.get("loading_models", [])]
    return ", ".join([*ready, *loading]) or "none"


def _headline(status: Mapping[str, Any], url: str) -> Text:
    states = ", ".join(f"{count} {state.replace('_', ' ').lower()}" for state, count in dict(status.get("states", {})).items())
    parts = [
        f"{status.get('sessions', 0)} of {status.get('max_sessions', '?')} sessions" + (f" ({states})" if states else ""),
        f"responder {status.get('responder', '?')}",
        f"up {_duration(float(status.get('uptime_s', 0)))}",
    ]
    if status.get("draining"):
        parts.append("draining")
    return Text.assemble((url, "bold"), "  ", " · ".join(parts))


def _workers(rows: list[Mapping[str, Any]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("worker", "address", "state", "sessions", "models"):
        table.add_column(column, overflow="fold")
    for row in rows:
        word = condition(row)
        state = Text(word, style="green" if word == "ready" else "yellow" if word in ("full", "draining") else "red")
        sessions = f"{row.get('sessions', 0)}/{row.get('max_sessions', '?')}"
        table.add_row(str(row["kind"]), str(row["address"]), state, sessions, models_of(row))
    return table


def _short(name: str) -> str:
    model, _, revision = name.partition("@")
    return f"{model}@{revision[:8]}" if revision else model


def _duration(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s" if minutes else f"{rest} s"
