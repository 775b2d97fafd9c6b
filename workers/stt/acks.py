"""Control ids: which verbs a session has been asked for, and what it answered, so that a repeat changes nothing."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from parley.errors import ParleyError
from parley.v1 import audio_pb2

KEPT_ACKS: Final = 256


@dataclass(slots=True)
class Entry:
    """One control: `ack` is None until it has been answered."""

    verb: audio_pb2.ControlVerb
    ack: audio_pb2.ControlAck | None = None


class AckLog:
    """The last 256 answered controls, and all unanswered ones (of which the session bounds the number)."""

    def __init__(self) -> None:
        self._entries: OrderedDict[int, Entry] = OrderedDict()

    def admit(self, control: audio_pb2.Control) -> Entry | None:
        """None for a new control, which is now known; its entry for a repeat.

        Raises:
            ParleyError: BAD_SEQUENCE, no id, or an id that was used for another verb.
        """
        if control.control_id == 0:
            raise ParleyError("BAD_SEQUENCE", "control_id: expected a number that is not 0")
        known = self._entries.get(control.control_id)
        if known is None:
            self._entries[control.control_id] = Entry(control.verb)
            return None
        if known.verb != control.verb:
            names = [audio_pb2.ControlVerb.Name(verb) for verb in (known.verb, control.verb)]
            raise ParleyError("BAD_SEQUENCE", f"control_id {control.control_id} was {names[0]}, and now it is {names[1]}")
        return known

    def answer(self, ack: audio_pb2.ControlAck) -> None:
        """Remember the answer; the oldest answered one beyond 256 is forgotten."""
        entry = self._entries[ack.control_id]
        entry.ack = ack
        if len(self._entries) > KEPT_ACKS:
            oldest = next((number for number, known in self._entries.items() if known.ack is not None), None)
            if oldest is not None:
                del self._entries[oldest]
