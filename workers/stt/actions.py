"""What the session core wants done, and the events it sends: values, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.errors import ParleyError, code_of
from parley.v1 import audio_pb2, stt_pb2

UINT32_MAX: Final = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Feed:
    """Give the engine more audio, at its rate."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Finalize:
    """End the engine's segment; its final comes back with `token`."""

    token: int


@dataclass(frozen=True, slots=True)
class Reset:
    """Have the engine forget the open segment."""


@dataclass(frozen=True, slots=True)
class Reopen:
    """The engine ended the recognition; begin another one."""


@dataclass(frozen=True, slots=True)
class Emit:
    """Send an event, and its ack to whoever waits for it in a unary call."""

    event: stt_pb2.TranscriptEvent


@dataclass(frozen=True, slots=True)
class Void:
    """A partial of this segment that still waits to be sent must not be."""

    segment_id: int


@dataclass(frozen=True, slots=True)
class Reload:
    """Have the model reloaded, and say `reloaded` with this id afterwards."""

    control_id: int


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Call `timer` so much later."""

    delay_us: int


@dataclass(frozen=True, slots=True)
class Finished:
    """All that was asked for has been said: the stream may end."""


Action = Feed | Finalize | Reset | Reopen | Emit | Void | Reload | StartTimer | Finished


def notice(error: ParleyError) -> audio_pb2.Notice:
    """A problem that the stream survives."""
    return audio_pb2.Notice(code=code_of(error), reason=error.reason, message=error.message, retryable=error.row.retryable)


def clamp_us(duration_us: int) -> int:
    """A duration that fits its field."""
    return max(0, min(duration_us, UINT32_MAX))
