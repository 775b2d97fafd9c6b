"""How a model is configured, and what names its revision."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from pydantic import Field

import parley
from parley.settings import Section


class ModelSettings(Section):
    """One model that this worker may load."""

    id: str = Field(min_length=1, max_length=128)
    """The name clients ask for."""
    engine: str = Field(min_length=1)
    """The engine that runs it: a name from the registry, or `module:Class`."""
    options: dict[str, Any] = Field(default_factory=dict)
    """What the engine is told when it loads; each engine documents its own."""
    python: str | None = None
    """Another interpreter to run the engine under; none means this one."""
    preload: bool = False
    """Load it when the worker starts. The default model always is."""
    pin: bool = False
    """Never unload it for being idle."""
    ttl_ms: int = Field(600_000, ge=-1)
    """Unload it when no session has used it for this long; -1 never, 0 at once."""
    load_timeout_ms: int = Field(120_000, ge=1)
    """Loading and warming up take at most this long."""

    def with_options(self, overrides: Mapping[str, Any]) -> ModelSettings:
        """The same model with some options replaced: another revision."""
        return self.model_copy(update={"options": {**self.options, **overrides}})

    @property
    def revision(self) -> str:
        """Twelve hex digits that change with whatever makes the model speak or hear differently."""
        what = json.dumps([self.engine, self.options, self.python, parley.__version__], sort_keys=True, ensure_ascii=True, default=str)
        return hashlib.sha256(what.encode()).hexdigest()[:12]
