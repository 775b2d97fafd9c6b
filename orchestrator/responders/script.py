"""The responder that gives prepared replies with the timing of a language model: for load tests.

Which reply comes next follows from the number of user turns in the history, so sessions do not disturb each other and a repeated
request gets the same answer. The text comes word by word, each at its own deadline, so that a late wake-up does not add up.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from orchestrator.responders.api import Act, ReplyRequest
from orchestrator.responders.options import read_options
from parley.settings import Section

_PIECE: Final = re.compile(r"\s*\S+(?:\s+\Z)?|\s+")
_DEFAULT_REPLY: Final = (
    "That is a good question, and here is an answer of middling length. "
    "It has a second sentence, which goes on a little longer than the first one did. And a third."
)


class ScriptOptions(Section):
    """What is said, and how fast it comes."""

    replies: Annotated[tuple[str, ...], Field(min_length=1)] = (_DEFAULT_REPLY,)
    """The replies, one per user turn, in order; an empty one says nothing."""
    then: Literal["cycle", "last"] = "cycle"
    """After the last reply: begin again, or keep giving the last."""
    delay_ms: Annotated[float, Field(ge=0, le=60_000)] = 0.0
    """Time from the request to the first word."""
    words_per_s: Annotated[float, Field(ge=0, le=10_000)] = 0.0
    """Words per second from the first one on; 0 gives them all at once."""


class ScriptResponder:
    """Prepared replies. `now_s` and `sleep_s` are the clock, so that a test can own it."""

    def __init__(
        self,
        options: ScriptOptions,
        now_s: Callable[[], float] = time.monotonic,
        sleep_s: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._options = options
        self._now_s = now_s
        self._sleep_s = sleep_s
        self._pieces = tuple(tuple(_PIECE.findall(reply)) for reply in options.replies)

    async def reply(self, request: ReplyRequest) -> AsyncIterator[str | Act]:
        options = self._options
        due_s = self._now_s() + options.delay_ms / 1000
        step_s = 1 / options.words_per_s if options.words_per_s else 0.0
        for piece in self._pieces[self._index(request)]:
            wait_s = due_s - self._now_s()
            if wait_s > 0:
                await self._sleep_s(wait_s)
            yield piece
            due_s += step_s

    async def close(self) -> None:
        """Nothing is held."""

    def _index(self, request: ReplyRequest) -> int:
        turn = sum(said.role == "user" for said in request.history)
        count = len(self._pieces)
        return turn % count if self._options.then == "cycle" else min(turn, count - 1)


def create(options: Mapping[str, Any]) -> ScriptResponder:
    """Raises SettingsError."""
    return ScriptResponder(read_options("script", ScriptOptions, options))
