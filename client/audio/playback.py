"""What lies between the wire and the loudspeaker: a small buffer that evens out the network and knows exactly what has been played.

Pure: it is pushed frames, pulled by whoever owns the sound device's clock, and never asks for the time. It is not thread-safe; a
device's callback thread pulls under the owner's lock. Sound of one utterance starts when `PREFILL_MS` lie ready or all of it has
come; when it runs dry in mid-utterance, silence is played (an underrun) and the buffer fills up again before it goes on. `pause` plays
silence and keeps all, `resume` goes on with the very next sample; `flush` drops all of it. How much lies here is the server's choice,
up to `MOST_S`: beyond that the oldest sound is dropped.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from parley.audio import SAMPLE_BYTES, SAMPLE_RATE_HZ, samples_of

PREFILL_MS: Final = 40.0
MOST_S: Final = 60.0
_COMPACT_BYTES: Final = 65_536


@dataclass(slots=True)
class _Utterance:
    utterance_id: int
    pcm: bytearray = field(default_factory=bytearray)
    read_bytes: int = 0
    played_samples: int = 0
    skipped_samples: int = 0
    running: bool = False
    complete: bool = False

    @property
    def ready_bytes(self) -> int:
        return len(self.pcm) - self.read_bytes


class Playback:
    """See the module. `underruns` counts holes in the middle of an utterance."""

    def __init__(self, rate_hz: int = SAMPLE_RATE_HZ, prefill_ms: float = PREFILL_MS) -> None:
        self.underruns = 0
        self._rate_hz = rate_hz
        self._prefill_bytes = samples_of(prefill_ms, rate_hz) * SAMPLE_BYTES
        self._most_bytes = int(MOST_S * rate_hz) * SAMPLE_BYTES
        self._queue: deque[_Utterance] = deque()
        self._last: _Utterance | None = None
        self._paused = False

    def begin(self, utterance_id: int) -> None:
        """What is pushed from now on belongs to this utterance; the ones before it are complete. The same id again goes on with it."""
        newest = self._newest
        if newest is not None and newest.utterance_id == utterance_id and not newest.complete:
            return
        self.end()
        self._queue.append(_Utterance(utterance_id))

    def push(self, pcm: bytes) -> None:
        """Sound of the utterance begun last; before any `begin` it is utterance 0."""
        newest = self._newest
        if newest is None or newest.complete:
            newest = _Utterance(0)
            self._queue.append(newest)
        newest.pcm += pcm
        excess = newest.ready_bytes - self._most_bytes
        if excess > 0:
            newest.read_bytes += excess
            newest.skipped_samples += excess // SAMPLE_BYTES

    def end(self) -> None:
        """No more sound of the newest utterance comes."""
        if self._newest is not None:
            self._newest.complete = True

    def pause(self) -> None:
        """Silence, at once; nothing is forgotten."""
        self._paused = True

    def resume(self) -> None:
        """Go on after a pause."""
        self._paused = False

    def flush(self) -> None:
        """Forget everything that has not been played, at once. The newest utterance may still go on where it was cut."""
        self._paused = False
        for utterance in self._queue:
            utterance.pcm.clear()
            utterance.read_bytes = 0
            utterance.running = False
        while len(self._queue) > 1:
            self._queue.popleft()
        if self._queue:
            self._last = self._queue[0]

    def pull(self, samples: int) -> bytes:
        """The next `samples` for the loudspeaker, filled up with silence. They count as played."""
        wanted, out = samples * SAMPLE_BYTES, bytearray()
        while self._queue and len(out) < wanted and not self._paused:
            head = self._queue[0]
            if not head.running and not head.complete and head.ready_bytes < self._prefill_bytes:
                break
            out += self._take(head, wanted - len(out))
            if head.ready_bytes == 0 and not self._leave(head, hungry=len(out) < wanted):
                break
        return bytes(out) + bytes(wanted - len(out))

    @property
    def utterance_id(self) -> int:
        """The utterance that is playing or was played last; 0 before any."""
        return self._last.utterance_id if self._last is not None else 0

    @property
    def played_ms(self) -> float:
        """How much of that utterance has been played."""
        return (self._last.played_samples + self._last.skipped_samples) * 1000 / self._rate_hz if self._last is not None else 0.0

    @property
    def buffered_ms(self) -> float:
        """Sound that waits to be played."""
        return sum(utterance.ready_bytes for utterance in self._queue) / SAMPLE_BYTES * 1000 / self._rate_hz

    @property
    def playing(self) -> bool:
        """Whether sound is to be heard or about to be."""
        return any(utterance.ready_bytes or not utterance.complete for utterance in self._queue)

    @property
    def _newest(self) -> _Utterance | None:
        return self._queue[-1] if self._queue else None

    def _take(self, head: _Utterance, most: int) -> bytes:
        piece = bytes(head.pcm[head.read_bytes : head.read_bytes + most])
        head.running = True
        self._last = head
        head.read_bytes += len(piece)
        head.played_samples += len(piece) // SAMPLE_BYTES
        if head.read_bytes > _COMPACT_BYTES:
            del head.pcm[: head.read_bytes]
            head.read_bytes = 0
        return piece

    def _leave(self, head: _Utterance, hungry: bool) -> bool:
        """The head is dry: the next utterance may play if this one is over; else it waits for more. True if the pull goes on."""
        if head.complete:
            self._queue.popleft()
            return True
        if hungry:
            self.underruns += 1
            head.running = False
        return False
