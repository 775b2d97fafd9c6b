"""Models as a table for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich import box
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from client.tier.models import Outcome

VOICES_SHOWN: Final = 6
_STYLES: Final = {"READY": "green", "FAILED": "red"}


def models_table(outcomes: Sequence[Outcome]) -> Table:
    """One row per model and worker."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("worker", "address", "model", "state", "sessions"):
        table.add_column(column, no_wrap=True)
    for column in ("voices", "note"):
        table.add_column(column, overflow="fold")
    for outcome in outcomes:
        model = outcome.model
        state = str(model["state"])
        revision = f"@{model['revision'][:8]}" if model.get("revision") else ""
        table.add_row(
            outcome.kind,
            outcome.address,
            f"{model.get('model_id', '')}{revision}",
            Text(state.lower(), style=_STYLES.get(state, "yellow")),
            str(model.get("refs", 0)),
            _some(model.get("voices", [])),
            ", ".join(filter(None, (model.get("state_reason"), outcome.note, "pinned" if model.get("pinned") else ""))),
        )
    return table


def show(table: RenderableType) -> None:
    """Print it on stdout."""
    Console(highlight=False).print(table)


def _some(names: Sequence[str]) -> str:
    more = f", and {len(names) - VOICES_SHOWN} more" if len(names) > VOICES_SHOWN else ""
    return ", ".join(names[:VOICES_SHOWN]) + more
