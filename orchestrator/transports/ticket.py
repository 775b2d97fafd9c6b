"""What a connection comes in with: a new session's name, or the session that it goes on with; and the token to come back with."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.session.driver import Remembered
from orchestrator.transports.protocol import RateHz


@dataclass(frozen=True, slots=True)
class Rates:
    """Sample rates of a connection's binary messages."""

    input_hz: RateHz = 48000
    output_hz: RateHz = 48000


@dataclass(frozen=True, slots=True)
class Held:
    """A session without a connection."""

    session_id: str
    past: Remembered
    rates: Rates


@dataclass(frozen=True, slots=True, eq=False)
class Ticket:
    """For one connection, and equal to no other."""

    session_id: str
    resume_token: str
    """Comes back to the session later; "" if nobody may."""
    used_token: str = ""
    """The one that came back with `held`: still good until the client has shown, by a message, that it is there."""
    held: Held | None = None
