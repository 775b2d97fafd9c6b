"""Which engine a name in the configuration means: `module:Class`, imported by the engine process and never by the front.

Three ways to name one, in this order:

- `module:Class` itself, for an engine that only a foreign interpreter has;
- a built-in engine (the tables below: a new one is one row);
- an engine from another package, by its entry point. Group `parley.engines`, entry name `tts.NAME` or `stt.NAME`:

      [project.entry-points."parley.engines"]
      "tts.chirp" = "chirp.engine:ChirpTts"
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from importlib import metadata
from typing import Final, Literal

from parley.errors import ParleyError

EngineKind = Literal["tts", "stt"]
GROUP: Final = "parley.engines"

BUILT_IN: Final[Mapping[EngineKind, Mapping[str, str]]] = {
    "tts": {
        "espeak": "workers.engines.espeak:EspeakTts",
        "flite": "workers.engines.flite:FliteTts",
        "tone": "workers.engines.tone:ToneTts",
    },
    "stt": {
        "pocketsphinx": "workers.engines.pocketsphinx:PocketsphinxStt",
        "tone": "workers.engines.tone:ToneStt",
    },
}


def names(kind: EngineKind) -> list[str]:
    """Every engine of `kind` that can be named, built in or from an entry point."""
    return sorted({*BUILT_IN[kind], *_plugins(kind)})


def resolve(kind: EngineKind, name: str) -> str:
    """The `module:Class` that `name` means.

    Raises:
        ParleyError: MODEL_UNKNOWN, naming the nearest engine and all that there are.
    """
    if ":" in name:
        return name
    if address := BUILT_IN[kind].get(name) or _plugins(kind).get(name):
        return address
    known = names(kind)
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise ParleyError("MODEL_UNKNOWN", f"no {kind} engine is called {name!r}; {hint}known: {', '.join(known)}")


def _plugins(kind: EngineKind) -> dict[str, str]:
    prefix = f"{kind}."
    return {point.name.removeprefix(prefix): point.value for point in metadata.entry_points(group=GROUP) if point.name.startswith(prefix)}
