"""The wire: what is packed comes out, in any cut, and nothing larger than honest is believed."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.engines.api import EngineCard, SttStep, SttWord, WordMark
from workers.host import wire

MESSAGES = [(["feed", 7], b"\x01\x02" * 50), (["open", 1, {"text": "naïve ☕ \ud800"}], b""), (["audio", 2, False, 3, [1, 2, 3, 4]], b"x")]


@given(st.lists(st.integers(1, 60)))
def test_any_cut_gives_the_same_messages(cuts: list[int]) -> None:
    data = b"".join(wire.pack(header, payload) for header, payload in MESSAGES)
    unpacker = wire.Unpacker()
    got: list[wire.Message] = []
    for size in cuts:
        got += unpacker.feed(data[:size])
        data = data[size:]
    got += unpacker.feed(data)
    assert got == MESSAGES


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<II", wire.MAX_HEADER_BYTES + 1, 0),
        struct.pack("<II", 0, wire.MAX_PAYLOAD_BYTES + 1),
        struct.pack("<II", 4, 0) + b"nope",
        struct.pack("<II", 2, 0) + b"{}",
        struct.pack("<II", 2, 0) + b"[]",
    ],
)
def test_nonsense_is_an_error(data: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.Unpacker().feed(data)


def test_what_cannot_be_sent_is_refused_by_the_sender() -> None:
    with pytest.raises(wire.WireError, match="bytes"):
        wire.pack(["open", "x" * wire.MAX_HEADER_BYTES])
    with pytest.raises(wire.WireError, match="JSON"):
        wire.pack(["open", object()])


def test_values_come_back_as_they_were() -> None:
    card = EngineCard(16000, ("en", "de"), ("a",), ("alignment.word",), (0.5, 2.0), 3, 4)
    assert wire.card_from_wire(wire.Unpacker().feed(wire.pack(["card", wire.card_to_wire(card)]))[0][0][1]) == card
    marks = [WordMark(0, 3, 0, 100), WordMark(4, 6, 100, 240)]
    assert wire.marks_from_wire(wire.marks_to_wire(marks)) == marks
    step = SttStep("a b", 1, (SttWord("a", 0, 10, 0.5), SttWord("b", 10, 20)), 0.7, "en", True)
    assert wire.step_from_wire(wire.Unpacker().feed(wire.pack(["final", wire.step_to_wire(step)]))[0][0][1]) == step
