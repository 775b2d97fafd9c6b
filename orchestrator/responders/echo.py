"""The responder that says back exactly what it heard, in one piece: for loop tests, word for word."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Any

from orchestrator.responders.api import Act, ReplyRequest
from orchestrator.responders.options import read_options
from parley.settings import Section


class EchoOptions(Section):
    """`echo` has nothing to set."""


class EchoResponder:
    """The user's words, unchanged; nothing for an empty turn."""

    async def reply(self, request: ReplyRequest) -> AsyncIterator[str | Act]:
        if request.text:
            yield request.text

    async def close(self) -> None:
        """Nothing is held."""


def create(options: Mapping[str, Any]) -> EchoResponder:
    """Raises SettingsError."""
    read_options("echo", EchoOptions, options)
    return EchoResponder()
