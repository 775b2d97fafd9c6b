"""What one TTS worker grants: the bounds of every queue, buffer and wait that a client can fill or stretch."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from parley.settings import Section

Positive = Annotated[int, Field(ge=1)]


class TtsLimits(Section):
    """Bounds of the TTS front. What a client asks beyond a `max_` value is clamped to it (StartSession says so) or refused."""

    max_sessions: Positive = 128
    """Sessions admitted at once; the next one is refused with CAPACITY."""
    max_text_bytes: Positive = 65_536
    """UTF-8 bytes of one utterance's text; more is TEXT_TOO_LONG."""
    max_waiting_text_bytes: Positive = 262_144
    """UTF-8 bytes of all utterances of a session that are not yet spoken; more is TOO_FAST."""
    max_waiting_utterances: Positive = 256
    """Utterances of a session that are not yet spoken; more is TOO_FAST."""
    max_lead_ms: Positive = 2_000
    """How far emission may run ahead of real time."""
    max_buffer_ms: Positive = 10_000
    """Generated audio that may wait in a session."""
    max_frames_per_message: Positive = 10
    """Frames that one message may carry."""
    default_pause_ms: Positive = 30_000
    """How long a PAUSE that names no time keeps its audio."""
    max_pause_ms: Positive = 600_000
    """The most that a PAUSE may ask for."""
    idle_ttl_ms: Positive = 30_000
    """How long a session that names no time lives without a stream."""
    max_idle_ttl_ms: Positive = 600_000
    """The most that a session may ask for."""
    first_message_ms: Positive = 10_000
    """A stream that has not said its session by then is ended."""
    slow_client_s: Annotated[float, Field(gt=0)] = 10.0
    """A client that takes nothing for so long has its stream ended with SLOW_CLIENT."""
    drain_s: Annotated[float, Field(gt=0)] = 60.0
    """How long EndSession with `drain` waits for the last word."""
    retry_after_ms: Positive = 1_000
    """The hint given with CAPACITY and DRAINING."""
