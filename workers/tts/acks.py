"""The last 256 acks of a session, so that a control that comes twice is applied once. Pure."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from parley.errors import ParleyError
from parley.v1 import audio_pb2

KEPT: Final = 256


class AckLog:
    """Control ids to their acks; the oldest go first."""

    def __init__(self) -> None:
        self._acks: OrderedDict[int, audio_pb2.ControlAck] = OrderedDict()

    def find(self, control: audio_pb2.Control) -> audio_pb2.ControlAck | None:
        """The ack that this control got before.

        Raises:
            ParleyError: BAD_SEQUENCE, its id belongs to another verb.
        """
        ack = self._acks.get(control.control_id)
        if ack is not None and ack.verb != control.verb:
            was, came = verb_name(ack.verb), verb_name(control.verb)
            raise ParleyError("BAD_SEQUENCE", f"control_id {control.control_id} was {was} and came again as {came}; ids are not used twice")
        return ack

    def keep(self, ack: audio_pb2.ControlAck) -> None:
        """Remember it."""
        self._acks.setdefault(ack.control_id, ack)
        if len(self._acks) > KEPT:
            self._acks.popitem(last=False)


def verb_name(verb: int) -> str:
    """PAUSE, RESUME, ...; a number that this version does not know stays a number."""
    known = audio_pb2.ControlVerb.DESCRIPTOR.values_by_number.get(verb)
    return known.name.removeprefix("CONTROL_VERB_") if known else str(verb)
