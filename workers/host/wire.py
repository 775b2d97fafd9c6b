"""The language between a worker's front and its engine process: length-prefixed messages over a socket pair.

A message is two 32-bit lengths, a JSON array (`["audio", 7, ...]`: what it is, whose it is, the rest) and a binary payload (PCM).
Both sides import this file, one of them perhaps under another interpreter: standard library only. It knows the form of messages and
how the engine's values travel in them; what they mean is `child.py`'s and `process.py`'s business.

Front to engine:   load, open, allow, freeze, thaw, feed, finalize, reset, close
Engine to front:   card, refused, audio, step, final, failed
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

from workers.engines.api import EngineCard, SttStep, SttWord, WordMark

MAX_HEADER_BYTES = 1 << 20
MAX_PAYLOAD_BYTES = 16 << 20
_LENGTHS = struct.Struct("<II")
_ENCODE = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode

Message = tuple[list[Any], bytes]


class WireError(Exception):
    """The peer does not speak this language, or a message is larger than any honest one."""


def pack(header: Sequence[Any], payload: bytes = b"") -> bytes:
    """One message as bytes.

    Raises:
        WireError: it is larger than the peer would take, or holds what JSON cannot.
    """
    try:
        head = _ENCODE(header).encode("utf-8", "surrogatepass")
    except (TypeError, ValueError) as error:
        raise WireError(f"cannot be sent as JSON: {error}") from None
    if len(head) > MAX_HEADER_BYTES or len(payload) > MAX_PAYLOAD_BYTES:
        raise WireError(f"message of {len(head)} + {len(payload)} bytes; at most {MAX_HEADER_BYTES} + {MAX_PAYLOAD_BYTES}")
    return b"".join((_LENGTHS.pack(len(head), len(payload)), head, payload))


class Unpacker:
    """Bytes in any cut to messages; holds at most one message that is not whole yet."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[Message]:
        """The messages that are whole now.

        Raises:
            WireError: lengths out of bounds, or a header that is no JSON array.
        """
        buffer = self._buffer
        buffer += data
        messages: list[Message] = []
        start, end = 0, len(buffer)
        while end - start >= _LENGTHS.size:
            head_bytes, payload_bytes = _LENGTHS.unpack_from(buffer, start)
            if head_bytes > MAX_HEADER_BYTES or payload_bytes > MAX_PAYLOAD_BYTES:
                raise WireError(f"a message of {head_bytes} + {payload_bytes} bytes was announced")
            head_at = start + _LENGTHS.size
            payload_at = head_at + head_bytes
            if payload_at + payload_bytes > end:
                break
            start = payload_at + payload_bytes
            messages.append((_header(buffer[head_at:payload_at]), bytes(buffer[payload_at:start])))
        del buffer[:start]
        return messages


def _header(raw: bytearray) -> list[Any]:
    try:
        header = json.loads(raw.decode("utf-8", "surrogatepass"))
    except ValueError as error:
        raise WireError(f"header is no JSON: {error}") from None
    if not isinstance(header, list) or not header:
        raise WireError("header is no JSON array")
    return header


def card_to_wire(card: EngineCard) -> dict[str, Any]:
    """A card as JSON values."""
    return {name: getattr(card, name) for name in EngineCard.__dataclass_fields__}


def card_from_wire(values: dict[str, Any]) -> EngineCard:
    """What `card_to_wire` made."""
    low, high = values["speed_range"]
    plural = {name: tuple(values[name]) for name in ("languages", "voices", "features")}
    return EngineCard(**{**values, **plural, "speed_range": (low, high)})


def marks_to_wire(marks: Sequence[WordMark]) -> list[int]:
    """Word marks as one flat list of numbers."""
    return [number for mark in marks for number in (mark.char_begin, mark.char_end, mark.sample_begin, mark.sample_end)]


def marks_from_wire(numbers: list[int]) -> list[WordMark]:
    """What `marks_to_wire` made."""
    return [WordMark(*numbers[at : at + 4]) for at in range(0, len(numbers), 4)]


def step_to_wire(step: SttStep) -> list[Any]:
    """A recogniser's step as JSON values; its delay stays behind, the engine process has served it."""
    words = [(word.text, word.sample_begin, word.sample_end, word.confidence) for word in step.words]
    return [step.text, step.stable_chars, words, step.confidence, step.language, step.final]


def step_from_wire(values: list[Any]) -> SttStep:
    """What `step_to_wire` made."""
    text, stable_chars, words, confidence, language, final = values
    return SttStep(text, stable_chars, tuple(SttWord(*word) for word in words), confidence, language, final)
