"""Bounds of one STT front: every number that keeps a greedy, slow or broken client from costing anybody else anything."""

from __future__ import annotations

from pydantic import Field

from parley.settings import Section


class SttLimits(Section):
    """What an STT worker accepts, and how long it waits."""

    max_sessions: int = Field(256, ge=1)
    """Sessions at once; one more is refused with CAPACITY."""
    max_frames_per_message: int = Field(50, ge=1, le=500)
    """20 ms frames that one message may carry."""
    max_backlog_ms: int = Field(4000, ge=200)
    """Audio of one stream that the engine has not heard yet; beyond it the stream is not read until the engine has caught up."""
    max_segment_ms: int = Field(120_000, ge=1000)
    """A segment that grows longer is ended with a final (EndOfUtterance FORCED), since engines keep a segment in memory."""
    max_events: int = Field(256, ge=8)
    """Finals, acks and notices waiting for a slow reader (of partials only the latest waits); one more ends the stream with SLOW_CLIENT."""
    max_pending_finals: int = Field(32, ge=1)
    """FINALIZEs under way in one stream; one more ends it with TOO_FAST."""
    idle_ttl_ms: int = Field(30_000, ge=1)
    """A session without a stream ends after this long, unless it asked for another time."""
    max_idle_ttl_ms: int = Field(600_000, ge=1)
    """The longest time without a stream that a session may ask for."""
    interim_min_interval_ms: int = Field(80, ge=0)
    """Least time between two partials of a stream, unless the session asks for another."""
    silence_ms: int = Field(500, ge=100)
    """Silence that ends an utterance, where the worker does the endpointing and the session names no other."""
    max_hotwords: int = Field(100, ge=0)
    """Hot words of one session."""
    max_options_bytes: int = Field(16_384, ge=0)
    """Size of a session's `options`, serialized."""
    first_message_ms: int = Field(10_000, ge=1)
    """A stream whose first message does not come within this time is ended with TIMEOUT."""
    flush_ms: int = Field(1000, ge=0)
    """How long a failed stream may still take to deliver the events that came before the failure."""
