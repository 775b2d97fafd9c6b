"""What a session may use up: time in which nothing happens, time in all, exchanges. The machine asks; here is what it then does. Pure.

Every end is announced by a `limit` message. A limit in time is two timers, one after the other: the notice, then the end; which of them
runs is all the state there is. Exchanges are counted, and from `announce_messages` on each one tells how many are left.
"""

from __future__ import annotations

from typing import Final, Literal

from orchestrator.session.actions import Action, CancelTimer, Send, StartTimer
from orchestrator.session.events import Timer
from orchestrator.session.rules import Rules
from orchestrator.transports.protocol import Limit
from parley.errors import ParleyError

_What = Literal["idle", "duration"]
_NOTICES: Final[dict[_What, Timer]] = {"idle": Timer.IDLE_NOTICE, "duration": Timer.DURATION_NOTICE}
_ENDS: Final[dict[_What, Timer]] = {"idle": Timer.IDLE, "duration": Timer.DURATION}


class Limits:
    """One session's limits. `exchanges` of them have been used."""

    def __init__(self, rules: Rules, exchanges: int = 0) -> None:
        self.exchanges = exchanges
        self._rules = rules

    def begin(self, used_ms: float) -> list[Action]:
        """The client is there, `used_ms` after the session's first beginning."""
        duration = self._count_down("duration", self._rules.duration_ms - used_ms)
        return [*self.rest(), *duration, *self._tell_messages()]

    def rest(self) -> list[Action]:
        """From now on nothing happens."""
        return [CancelTimer(Timer.IDLE), *self._count_down("idle", self._rules.idle_ms)]

    def stir(self) -> list[Action]:
        """Something happens."""
        return [CancelTimer(Timer.IDLE_NOTICE), CancelTimer(Timer.IDLE)]

    def count(self) -> list[Action]:
        """One exchange more."""
        self.exchanges += 1
        return self._tell_messages()

    def announce(self, notice: Timer) -> list[Action]:
        """A notice's timer has fired: tell, and start the last stretch."""
        what: _What = "idle" if notice is Timer.IDLE_NOTICE else "duration"
        return self._announce(what, self._stretch_ms(what))

    def end(self, timer: Timer) -> tuple[str, ParleyError]:
        """The last stretch is over too: the reason, and what to say."""
        if timer is Timer.IDLE:
            return "idle_timeout", ParleyError("SESSION_LIMIT", f"nothing happened for {self._rules.idle_ms / 1000:g} s")
        return "duration_limit", ParleyError("SESSION_LIMIT", f"a session lasts at most {self._rules.duration_ms / 1000:g} s")

    @property
    def used_up(self) -> bool:
        """No exchange is left."""
        return 0 < self._rules.messages <= self.exchanges

    def end_of_messages(self) -> tuple[str, ParleyError]:
        """The reason and the words for that."""
        return "message_limit", ParleyError("SESSION_LIMIT", f"a session has at most {self._rules.messages} exchanges")

    def _count_down(self, what: _What, left_ms: float) -> list[Action]:
        quiet_ms = left_ms - self._stretch_ms(what)
        return [StartTimer(_NOTICES[what], quiet_ms)] if quiet_ms > 0 else self._announce(what, left_ms)

    def _announce(self, what: _What, left_ms: float) -> list[Action]:
        left_ms = max(1.0, left_ms)
        return [Send(Limit(what=what, left_ms=round(left_ms))), StartTimer(_ENDS[what], left_ms)]

    def _stretch_ms(self, what: _What) -> float:
        """How long before the end it is announced: half of a short limit."""
        return min(self._rules.announce_ms, (self._rules.idle_ms if what == "idle" else self._rules.duration_ms) / 2)

    def _tell_messages(self) -> list[Action]:
        left = self._rules.messages - self.exchanges
        return [Send(Limit(what="messages", left=left))] if 0 < left <= self._rules.announce_messages else []
