"""How engines read their options: known names only, values of the default's type, and the nearest name in the complaint."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from workers.engines.api import EngineInputError


def read(options: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """`defaults` with what `options` sets. A float accepts whole numbers, a default of None anything.

    Raises:
        EngineInputError: an unknown name, or a value of another type.
    """
    values = dict(defaults)
    for name, value in options.items():
        if name not in defaults:
            near = difflib.get_close_matches(name, defaults, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(sorted(defaults)) or 'none'}"
            raise EngineInputError(f"unknown option {name!r}; {hint}")
        values[name] = _fitting(name, value, defaults[name])
    return values


def pick(kind: str, name: str, known: tuple[str, ...]) -> str:
    """`name`, or the first of `known` if it is empty.

    Raises:
        EngineInputError: it is none of them.
    """
    if not name:
        return known[0]
    if name in known:
        return name
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}? " if near else ""
    shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
    raise EngineInputError(f"no {kind} is called {name!r}; {hint}known: {shown}")


def _fitting(name: str, value: Any, default: Any) -> Any:
    if default is None or (isinstance(value, type(default)) and not (isinstance(value, bool) and not isinstance(default, bool))):
        return value
    if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if isinstance(default, int) and not isinstance(default, bool) and isinstance(value, float) and value.is_integer():
        return int(value)  # numbers that came through a protobuf Struct are all floats
    if isinstance(default, tuple) and isinstance(value, list):
        return tuple(value)
    raise EngineInputError(f"option {name!r} must be {type(default).__name__}, and is {value!r}")
