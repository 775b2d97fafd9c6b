"""What waits to be written to one client: of partials the latest, of everything else all, up to a bound.

It numbers events when they leave, so `event_seq` has no gaps, whatever was replaced while it waited.
"""

from __future__ import annotations

from collections import deque

from parley.errors import ParleyError
from parley.v1 import stt_pb2


class Outbox:
    """A bounded queue of events. When full: a waiting partial is replaced by its successor; anything else is SLOW_CLIENT."""

    def __init__(self, max_events: int) -> None:
        self._events: deque[stt_pb2.TranscriptEvent] = deque()
        self._max_events = max_events
        self._partial: stt_pb2.TranscriptEvent | None = None
        self._last_seq = 0

    def push(self, event: stt_pb2.TranscriptEvent) -> None:
        """Queue `event`; a hypothesis replaces the partial before it that nobody has read.

        Raises:
            ParleyError: SLOW_CLIENT, the peer reads slower than finals and acks come.
        """
        is_hypothesis = event.HasField("hypothesis")
        if is_hypothesis and self._partial is not None and self._partial.hypothesis.segment_id == event.hypothesis.segment_id:
            self._drop_partial()
        if len(self._events) >= self._max_events:
            raise ParleyError("SLOW_CLIENT", f"{self._max_events} events wait to be read")
        self._events.append(event)
        if is_hypothesis and not event.hypothesis.final:
            self._partial = event

    def discard_partial(self, segment_id: int) -> None:
        """The segment is void: what is left of it must not be read."""
        if self._partial is not None and self._partial.hypothesis.segment_id == segment_id:
            self._drop_partial()

    def pop(self) -> stt_pb2.TranscriptEvent | None:
        """The next event to write, or None."""
        if not self._events:
            return None
        event = self._events.popleft()
        if event is self._partial:
            self._partial = None
        self._last_seq += 1
        event.event_seq = self._last_seq
        return event

    def __len__(self) -> int:
        return len(self._events)

    def _drop_partial(self) -> None:
        for index, event in enumerate(self._events):
            if event is self._partial:
                del self._events[index]
                break
        self._partial = None
