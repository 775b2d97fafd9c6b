"""Recognition streams inside the engine process: queued audio in, hypotheses out, in order per stream.

All audio that has come for a stream since its last step becomes one input. Streams take turns in the order in which their audio
came. A result with a `delay_ms` is held back, and what the same stream says later waits behind it; other streams do not. A stream
that is `MAX_QUEUED_BYTES` behind fails: it is fed faster than the engine hears, and memory is not where that is mended. Pure like
`tts_side`.
"""

from __future__ import annotations

import heapq
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from workers.engines.api import SttEngine, SttInput, SttRequest, SttStep
from workers.host.tts_side import Send, describe
from workers.host.wire import step_to_wire

MAX_QUEUED_BYTES = 8 << 20  # 4 min at 16 kHz: whole recordings may come at once


@dataclass
class _Stream:
    stream_id: int
    handle: Any
    queue: deque[bytes | int] = field(default_factory=deque)  # PCM, or the token of a finalize
    queued_bytes: int = 0
    generation: int = 0  # the front counts its resets and drops what an older segment still says
    samples_processed: int = 0
    last_due: float = 0.0

    def take(self) -> tuple[bytes, int | None, int]:
        """The next input: all audio up to a finalize, the finalize's token, and how many bytes left the queue."""
        chunks: list[bytes] = []
        token: int | None = None
        while self.queue and token is None:
            item = self.queue.popleft()
            if isinstance(item, int):
                token = item
            else:
                chunks.append(item)
        pcm = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        self.queued_bytes -= len(pcm)
        self.samples_processed += len(pcm) // 2
        return pcm, token, len(pcm)

    def forget_open_segment(self) -> None:
        """Drop the audio behind the last finalize; it counts as processed."""
        while self.queue and not isinstance(self.queue[-1], int):
            dropped = self.queue.pop()
            assert isinstance(dropped, bytes)
            self.queued_bytes -= len(dropped)
            self.samples_processed += len(dropped) // 2


class SttSide:
    """All recognition streams of one engine."""

    def __init__(self, engine: SttEngine, max_batch: int, send: Send) -> None:
        self._engine = engine
        self._max_batch = max_batch
        self._send = send
        self._streams: dict[int, _Stream] = {}
        self._ready: dict[int, _Stream] = {}  # in the order in which their audio came
        self._held: list[tuple[float, int, int, list[Any]]] = []  # (when, order, stream id, message)
        self._order = 0

    def handle(self, header: list[Any], payload: bytes) -> None:
        """One command of the front. Commands for a stream that has ended are late, not wrong."""
        verb, stream_id = header[0], header[1]
        if verb == "open":
            self._open(stream_id, header[2])
            return
        stream = self._streams.get(stream_id)
        if stream is None:
            return
        if verb == "feed":
            self._feed(stream, payload)
        elif verb == "finalize":
            stream.queue.append(header[2])
            self._ready[stream_id] = stream
        elif verb == "reset":
            self._reset(stream, header[2])
        elif verb == "close":
            self._close(stream)

    def wake(self, now: float) -> None:
        """Hand on what has been held back long enough."""
        while self._held and self._held[0][0] <= now:
            _, _, stream_id, message = heapq.heappop(self._held)
            if stream_id in self._streams:
                self._send(message, b"")

    def due(self) -> float | None:
        """When `wake` has something to do."""
        return self._held[0][0] if self._held else None

    def ready(self) -> bool:
        """Whether `run` has something to do."""
        return bool(self._ready)

    def run(self) -> None:
        """One step of the engine, for as many streams as it takes at once."""
        batch: list[tuple[_Stream, SttInput, int | None]] = []
        for stream in list(self._ready.values())[: self._max_batch]:
            pcm, token, _ = stream.take()
            batch.append((stream, SttInput(stream.handle, pcm, token is not None), token))
            del self._ready[stream.stream_id]
            if stream.queue:
                self._ready[stream.stream_id] = stream  # at the end: others first
        try:
            steps = self._engine.step([part for _, part, _ in batch])
        except Exception as error:  # the top of a step: an engine's fault ends streams, never the process
            self._failed(batch, error)
            return
        now = time.monotonic()
        for (stream, _, token), step in zip(batch, steps, strict=True):
            self._deliver(stream, token, step, now)

    def _open(self, stream_id: int, request: dict[str, Any]) -> None:
        plural = {name: tuple(request[name]) for name in ("languages", "hotwords")}
        try:
            handle = self._engine.open(SttRequest(**{**request, **plural}))
        except Exception as error:  # the top of a stream
            self._send(["failed", stream_id, describe(error)], b"")
            return
        self._streams[stream_id] = _Stream(stream_id, handle)

    def _feed(self, stream: _Stream, pcm: bytes) -> None:
        if stream.queued_bytes + len(pcm) > MAX_QUEUED_BYTES:
            self._end(stream, f"the recogniser is {stream.queued_bytes} bytes of audio behind, and more is not kept")
            return
        stream.queue.append(pcm)
        stream.queued_bytes += len(pcm)
        self._ready[stream.stream_id] = stream

    def _reset(self, stream: _Stream, generation: int) -> None:
        stream.generation = generation
        stream.forget_open_segment()
        if not stream.queue:
            self._ready.pop(stream.stream_id, None)
            self._engine.reset(stream.handle)
        # Else a finalize is still queued, and after it the engine begins a new segment by itself.

    def _deliver(self, stream: _Stream, token: int | None, step: SttStep, now: float) -> None:
        body = [stream.samples_processed, step_to_wire(step)]
        message = ["step", stream.stream_id, stream.generation, *body] if token is None else ["final", stream.stream_id, token, *body]
        due = max(now + step.delay_ms / 1000, stream.last_due)
        if due <= now:
            self._send(message, b"")
            return
        stream.last_due = due
        self._order += 1
        heapq.heappush(self._held, (due, self._order, stream.stream_id, message))

    def _failed(self, batch: Sequence[tuple[_Stream, SttInput, int | None]], error: Exception) -> None:
        """A batch that raised has advanced nobody: each stream tries alone, so that only the guilty one ends."""
        if len(batch) > 1:
            for stream, part, token in batch:
                try:
                    step = self._engine.step([part])[0]
                except Exception as own_error:  # the top of a step
                    self._failed([(stream, part, token)], own_error)
                else:
                    self._deliver(stream, token, step, time.monotonic())
            return
        self._end(batch[0][0], describe(error))

    def _end(self, stream: _Stream, why: str) -> None:
        self._send(["failed", stream.stream_id, why], b"")
        self._close(stream)

    def _close(self, stream: _Stream) -> None:
        self._streams.pop(stream.stream_id, None)
        self._ready.pop(stream.stream_id, None)
        self._engine.close(stream.handle)
