"""Who has the floor: two small machines and how they look from outside.

A conversation is two speakers, each of whom does one thing at a time, so a session's state is a pair:

    user floor      SILENT    nobody speaks
                    TALKING   the VAD hears speech
                    PAUSING   speech has stopped; the turn ends when the silence is long enough

    agent floor     RESTING     nothing to do
                    FINALIZING  the turn has ended; its transcript is on the way
                    REPLYING    the responder and the synthesizer work; nothing has been heard yet
                    SPEAKING    the first frame is out
                    YIELDING    paused, with nothing lost, because the user makes a sound; the verdict is open

Every move of either floor is a row below; a move that is not listed is a bug and raises. Three rules join the floors, all in the
machine's `_on_speech_started`: both talking -> the agent yields (barge-in); user talks while the agent is FINALIZING or REPLYING ->
the turn goes on and the unheard answer is taken back; user talks and the agent rests -> a new turn.

The public states are read off the pair (`public_state`). BARGED_IN is YIELDING: from the user's onset over a SPEAKING agent to the verdict
(`verdict.py`), which makes it LISTENING (an interruption) or SPEAKING again (it was none).
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Final

from orchestrator.transports.protocol import PublicState


class User(Enum):
    """The user's floor."""

    SILENT = auto()
    TALKING = auto()
    PAUSING = auto()


class Agent(Enum):
    """The agent's floor."""

    RESTING = auto()
    FINALIZING = auto()
    REPLYING = auto()
    SPEAKING = auto()
    YIELDING = auto()


USER_MOVES: Final = frozenset({
    (User.SILENT, User.TALKING),    # speech starts
    (User.TALKING, User.PAUSING),   # speech stops
    (User.PAUSING, User.TALKING),   # it was a pause for breath
    (User.PAUSING, User.SILENT),    # the turn has ended
    (User.TALKING, User.SILENT),    # the turn was cut: too long, or the client typed instead; or it was noise without end
})  # fmt: skip

AGENT_MOVES: Final = frozenset({
    (Agent.RESTING, Agent.FINALIZING),    # the turn has ended
    (Agent.RESTING, Agent.REPLYING),      # a typed turn needs no transcript
    (Agent.FINALIZING, Agent.REPLYING),   # the transcript has words
    (Agent.FINALIZING, Agent.RESTING),    # it has none, or the user goes on
    (Agent.REPLYING, Agent.SPEAKING),     # the first frame is out
    (Agent.REPLYING, Agent.RESTING),      # nothing to say, failed, or the user goes on
    (Agent.SPEAKING, Agent.RESTING),      # played, failed, or stopped by the client
    (Agent.SPEAKING, Agent.YIELDING),     # the user makes a sound
    (Agent.YIELDING, Agent.SPEAKING),     # it was no interruption
    (Agent.YIELDING, Agent.RESTING),      # it was one, or the utterance failed meanwhile
})  # fmt: skip


class IllegalMove(Exception):
    """A floor was asked for a move its table does not have."""


def public_state(user: User, agent: Agent, *, conversed: bool) -> tuple[PublicState, bool]:
    """The state's public name and its `thinking` flag. `conversed`: there has been an exchange, so silence is a wait for the next."""
    if agent is Agent.SPEAKING:
        return "SPEAKING", False
    if agent is Agent.YIELDING:
        return "BARGED_IN", False
    if agent in (Agent.FINALIZING, Agent.REPLYING):
        return "LISTENING", True
    if user is User.SILENT and conversed:
        return "WAITING_FOR_INPUT", False
    return "LISTENING", False
