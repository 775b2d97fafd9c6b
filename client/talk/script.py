"""What a conversation from files or typed text says, and when: turn after turn, each answered before the next one, or cut into.

Pure: it is ticked once per 20 ms, told the server's messages and how far the answer has been played; it reads no clock. Between turns
it sends silence, as a microphone would, because the server ends a turn by the silence after it.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from client.failure import Failure
from parley.audio import FRAME_MS, SILENT_FRAME

LEAD_IN_MS: Final = 300
"""Silence before the first word: the server measures the room in it."""
GAP_MS: Final = 400
"""Silence between an answer and the next turn."""
AT_REST: Final = frozenset({"WAITING_FOR_INPUT", "TERMINATED"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """A turn that is spoken: `frames` opens the recording, 20 ms by 20 ms."""

    name: str
    frames: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Typed:
    """A turn that is typed."""

    name: str


Turn = Spoken | Typed


class Phase(enum.Enum):
    """Where the script is."""

    PAUSE = "pause"
    SPEAKING = "speaking"
    WAITING = "waiting"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Tick:
    """What happens in these 20 ms. `frame` is None if only typed turns exist; `began` and `ended` name a turn (from 1)."""

    frame: bytes | None = SILENT_FRAME
    typed: str | None = None
    began: int | None = None
    ended: int | None = None


class Script:
    """See the module. `answered` are the turns (from 1) that got an answer."""

    def __init__(self, turns: Sequence[Turn], barge_in_ms: float | None = None, patience_s: float = 30.0) -> None:
        self.turns = tuple(turns)
        self.phase = Phase.PAUSE
        self.answered: set[int] = set()
        self._silence = SILENT_FRAME if any(isinstance(turn, Spoken) for turn in turns) else None
        self._barge_in_ms = barge_in_ms
        self._patience = round(patience_s * 1000 / FRAME_MS)
        self._pause = LEAD_IN_MS // FRAME_MS if self._silence is not None else 0
        self._turn = 0
        self._frames: Iterator[bytes] = iter(())
        self._state = ""
        self._completed = False
        self._heard_before = 0
        self._waited = 0

    def message(self, message: Mapping[str, Any]) -> None:
        """What the server says."""
        match message.get("type"):
            case "state":
                self._state = str(message.get("state"))
            case "conversation_complete":
                self._completed = True
                if message.get("reason") in ("played", "interrupted", "answered", "silent"):
                    self._count_answer()
            case "connection" if message.get("resumed"):
                self._again()
            case "response_text" if message.get("text"):
                self._waited = 0
            case "error" if not message.get("fatal") and self.phase is Phase.WAITING and isinstance(self.turns[self._turn - 1], Typed):
                raise Failure(f"the turn {self.turns[self._turn - 1].name!r} was refused: {message.get('message')}")
            case _:
                pass

    def tick(self, utterance_id: int, played_ms: float, playing: bool) -> Tick:
        """The next 20 ms, given what the loudspeaker has played of which utterance.

        Raises:
            Failure: no answer came within `patience_s`.
        """
        match self.phase:
            case Phase.PAUSE:
                return self._in_pause(utterance_id)
            case Phase.SPEAKING:
                return self._next_frame()
            case Phase.WAITING:
                return self._wait(utterance_id, played_ms, playing)
            case Phase.DONE:
                return Tick(self._silence)

    def _in_pause(self, utterance_id: int) -> Tick:
        self._pause -= 1
        if self._pause >= 0:
            return Tick(self._silence)
        if self._turn == len(self.turns):
            self.phase = Phase.DONE
            return Tick(self._silence)
        return self._begin(utterance_id)

    def _begin(self, utterance_id: int) -> Tick:
        turn = self.turns[self._turn]
        self._turn += 1
        self._completed, self._waited, self._heard_before = False, 0, utterance_id
        if isinstance(turn, Typed):
            self.phase = Phase.WAITING
            return Tick(self._silence, typed=turn.name, began=self._turn, ended=self._turn)
        self.phase = Phase.SPEAKING
        self._frames = turn.frames()
        return Tick(next(self._frames, SILENT_FRAME), began=self._turn)

    def _next_frame(self) -> Tick:
        frame = next(self._frames, None)
        if frame is not None:
            return Tick(frame)
        self.phase = Phase.WAITING
        return Tick(self._silence, ended=self._turn)

    def _wait(self, utterance_id: int, played_ms: float, playing: bool) -> Tick:
        new = utterance_id > self._heard_before
        self._waited = 0 if playing else self._waited + 1
        if new and played_ms > 0:
            self._count_answer()
        if self._barge_in_ms is not None and new and played_ms >= self._barge_in_ms and self._turn < len(self.turns):
            return self._begin(utterance_id)
        if self._completed and self._state in AT_REST and not playing:
            self.phase, self._pause = Phase.PAUSE, GAP_MS // FRAME_MS if self._silence is not None else 0
        elif self._waited >= self._patience:
            raise Failure(
                f"no answer came to turn {self._turn} ({self.turns[self._turn - 1].name})", "`parley status` shows what is running"
            )
        return Tick(self._silence)

    def _again(self) -> None:
        """The connection was another one for a while: a turn that got no answer is said again."""
        if self.phase in (Phase.SPEAKING, Phase.WAITING):
            if self._turn not in self.answered:
                self._turn -= 1
            self.phase, self._pause = Phase.PAUSE, GAP_MS // FRAME_MS if self._silence is not None else 0

    def _count_answer(self) -> None:
        if self.phase is Phase.WAITING:
            self.answered.add(self._turn)
