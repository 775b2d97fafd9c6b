"""Who is here, and who may come back: the process's sessions, the tokens that lead to them, and their limits in number.

A session whose connection breaks is held, without workers and without a transport, until its client comes back (`limits.resume_s`). One
connection per session: who comes while the last connection is still open, as after a change of networks, takes it over.
"""

from __future__ import annotations

import asyncio
import secrets
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from orchestrator.metrics import Metrics
from orchestrator.session.driver import Session
from orchestrator.session.parked import Parked
from orchestrator.settings import LimitSettings
from orchestrator.transports.ticket import Held, Rates, Ticket
from parley.errors import ParleyError


@dataclass(slots=True)
class _Guest:
    session: Session
    rates: Callable[[], Rates]
    tokens: set[str]


class Roster:
    """See the module. Lives in one event loop."""

    def __init__(self, limits: LimitSettings, metrics: Metrics) -> None:
        self._limits = limits
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._guests: dict[Ticket, _Guest] = {}
        self._by_token: dict[str, _Guest] = {}
        self._parked: Parked[Held] = Parked(limits.resume_s * 1000, limits.parked)
        self._empty = asyncio.Event()
        self._empty.set()
        self.closed = False

    def __len__(self) -> int:
        return len(self._guests)

    @property
    def sessions(self) -> Iterable[Session]:
        """Those with a connection."""
        return [guest.session for guest in self._guests.values()]

    @property
    def parked(self) -> int:
        """How many may come back."""
        return len(self._parked)

    def admit(self, resume: str | None) -> Ticket:
        """Let a connection in, with the token it brings, if any.

        Raises:
            ParleyError: GOING_AWAY, CAPACITY; SESSION_UNKNOWN, nothing is held under this token (any more).
        """
        here = self._by_token.get(resume) if resume else None
        if self.closed:
            raise ParleyError("GOING_AWAY", "the server is going away", retry_after_ms=1000)
        talking = [guest for guest in self._guests.values() if guest is not here and guest.session.state != "TERMINATED"]
        if len(talking) >= self._limits.sessions:
            raise ParleyError("CAPACITY", f"all {self._limits.sessions} sessions are taken", retry_after_ms=5000)
        token = secrets.token_urlsafe(24) if self._limits.resume_s else ""
        if resume is None:
            return Ticket(uuid.uuid4().hex, token)
        held = self._hand_over(here) if here is not None else self._parked.take(resume, self._now_ms())
        self._metrics.resumed.labels("nothing" if held is None else "parked" if here is None else "open").inc()
        self._show()
        if held is None:
            expected = f"the resume_token of a session whose connection broke at most {self._limits.resume_s:g} s ago"
            raise ParleyError("SESSION_UNKNOWN", f"resume: expected {expected}; connect without it for a new one")
        return Ticket(held.session_id, token, resume, held)

    def enter(self, ticket: Ticket, session: Session, rates: Callable[[], Rates]) -> None:
        """The connection stands."""
        guest = _Guest(session, rates, _tokens(ticket))
        self._guests[ticket] = guest
        self._by_token.update(dict.fromkeys(guest.tokens, guest))
        self._empty.clear()
        self._show()

    def use_up(self, ticket: Ticket) -> None:
        """The client is there for certain: the token that it came back with is good no more."""
        guest = self._guests.get(ticket)
        if guest is not None and ticket.used_token in guest.tokens:
            guest.tokens.remove(ticket.used_token)
            del self._by_token[ticket.used_token]

    def leave(self, ticket: Ticket) -> None:
        """The connection is over. Its session is, too, unless it is held for the client to come back."""
        guest = self._guests.pop(ticket, None)
        if guest is None:  # the connection broke before the session was there: back to where it was
            self._park(_tokens(ticket), ticket.held)
        elif guest.tokens:  # no other connection has taken over
            self._forget(guest.tokens)
            self._park(guest.tokens, _held(guest))
        if not self._guests:
            self._empty.set()
        self._show()

    def close(self) -> None:
        """Let nobody in any more, nor back in."""
        self.closed = True
        self._parked.clear()
        self._show()

    async def empty(self) -> None:
        """Wait until nobody is here."""
        await self._empty.wait()

    def _hand_over(self, guest: _Guest) -> Held | None:
        """Another connection comes for this session: the one before ends here and now, if it has not ended already."""
        guest.session.lose("taken_over", ParleyError("SESSION_EXISTS", "another connection goes on with this session"))
        self._forget(guest.tokens)
        guest.tokens = set()
        return _held(guest)

    def _park(self, tokens: Iterable[str], held: Held | None) -> None:
        if held is None or self.closed:
            return
        self._parked.park(tuple(tokens), held, self._now_ms())
        self._loop.call_later(self._limits.resume_s + 0.1, self._expire)

    def _expire(self) -> None:
        self._parked.expire(self._now_ms())
        self._show()

    def _forget(self, tokens: Iterable[str]) -> None:
        for token in tokens:
            del self._by_token[token]

    def _show(self) -> None:
        self._metrics.sessions.set(len(self._guests))
        self._metrics.parked.set(len(self._parked))

    def _now_ms(self) -> float:
        return self._loop.time() * 1000


def _tokens(ticket: Ticket) -> set[str]:
    return {token for token in (ticket.resume_token, ticket.used_token) if token}


def _held(guest: _Guest) -> Held | None:
    past = guest.session.remembered
    return None if past is None else Held(guest.session.session_id, past, guest.rates())
