"""A session's link to the synthesizers: text and control down, frames with marks up, from one worker at a time.

The link keeps the session's numbering whole over worker sessions: epochs and control ids only grow, whichever worker speaks. It keeps no
audio and re-speaks nothing by itself: when a worker is lost, everything that was spoken to it is void, and the session, which knows from
its ledger how far the utterance came, says the rest again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Protocol

from google.protobuf import struct_pb2

from orchestrator.engines.hold import GONE, Stream, begin_session, end_session, hold
from orchestrator.engines.stubs import tts_stub
from orchestrator.engines.tts_queue import SpeakQueue, Text
from orchestrator.engines.workers import Chosen, Workers
from parley.errors import ParleyError
from parley.v1 import audio_pb2, tts_pb2

LEAD_MS: Final = 200
FRAMES_PER_MESSAGE: Final = 5


class TtsSink(Protocol):
    """Whom a TtsLink serves. Called in the event loop, in stream order; must not block, may call the link."""

    def on_audio(self, frame: audio_pb2.AudioFrame) -> None:
        """`frame_count` frames and the marks that belong to them, of a live epoch. `utterance_id`, `pts` and the marks' characters are
        the worker's: they count from the text that was spoken to it under this id."""

    def on_event(self, event: audio_pb2.TtsEvent, frame: audio_pb2.AudioFrame) -> None:
        """An event and the message that carried it. `started` comes before its audio, everything else after it. Of dead epochs only acks
        and notices come."""

    def on_up(self, worker_id: str) -> None:
        """A worker serves from now on. Also after a planned move, without `on_lost` before."""

    def on_lost(self, error: ParleyError) -> None:
        """No worker now; once until the next `on_up`. All text spoken and every control sent before this call is void, and no ack will
        come; what is spoken from now on (also from within this call) goes to the next worker."""


class TtsLink:
    """One session's synthesizer. `run` is its life; the other methods may be called at any time from the loop and never wait.

    `speak` while there is no worker waits for one. What `config` leaves open of pacing (LEAD), lead (200 ms), frames per message (5) and
    marks (WORD) is set here.
    """

    def __init__(self, workers: Workers, session_id: str, config: tts_pb2.TtsConfig, sink: TtsSink) -> None:
        self.ready = False
        self.error: ParleyError | None = None
        self._workers = workers
        self._session_id = session_id
        self._config = self._started_config = _complete(config)
        self._sink = sink
        self._queue = SpeakQueue()
        self._wake = asyncio.Event()
        self._stream: Stream | None = None
        self._worker_sessions = 0

    @property
    def epoch(self) -> int:
        """The epoch of what is spoken now."""
        return self._queue.epoch

    def speak(self, utterance_id: int, text: str, *, end: bool = False, flush: bool = True, style: Mapping[str, Any] | None = None) -> None:
        """The next piece of an utterance; `end`: its last. Utterance ids grow, and one ends (or is stopped) before the next begins.

        Raises:
            ParleyError: TEXT_TOO_LONG if too much text waits for the worker already.
        """
        self._queue.speak(utterance_id, text, end, flush, style)
        self._wake.set()

    def stop(self) -> int:
        """The present epoch is dead at once: no frame of it reaches the sink any more. The control's id comes back in the ack; there is
        none if no worker serves."""
        control_id = self._queue.stop()
        self._wake.set()
        self._move_if_due()
        return control_id

    def pause(self) -> int:
        """Hold emission; the worker goes on from the very next sample after `resume`."""
        return self._control(audio_pb2.CONTROL_VERB_PAUSE)

    def resume(self) -> int:
        return self._control(audio_pb2.CONTROL_VERB_RESUME)

    def reconfigure(self, **changes: Any) -> None:
        """Change fields of the config (`voice`, `language`, `speed`, `model_id`, `options`): utterances that have not begun get a worker
        session with the new one."""
        config = tts_pb2.TtsConfig()
        config.CopyFrom(self._config)
        for name, value in changes.items():
            config.ClearField(name)
            if isinstance(value, Mapping):
                getattr(config, name).update(value)
            else:
                setattr(config, name, value)
        if config == self._config:
            return
        self._config = config
        self._queue.moving = self.ready  # one that is just being started is seen to in `serve`
        self._move_if_due()

    def drop(self, error: ParleyError) -> None:
        """Leave this worker (a stall, say) as if it were lost with `error`; without a worker nothing happens."""
        if self._stream is not None:
            self._stream.drop(error)

    async def run(self) -> None:
        """Stay linked until cancelled."""
        await hold(self._workers, "tts", self)

    # ----- called by hold -----

    def model(self) -> str:
        config = self._config
        return f"{config.model_id}@{config.revision}" if config.revision else config.model_id

    async def start(self, chosen: Chosen) -> str:
        # A worker session's id is never used twice: at a worker that still knows it, seq and epoch would go on where they were.
        self._worker_sessions += 1
        self._started_config = self._config
        session_id = self._session_id if self._worker_sessions == 1 else f"{self._session_id}.{self._worker_sessions}"
        request = tts_pb2.StartSessionRequest(session_id=session_id, config=self._config)
        await begin_session(tts_stub(chosen.channel), request, tts_pb2.EndSessionRequest(session_id=session_id))
        return session_id

    async def serve(self, chosen: Chosen, started: str) -> ParleyError | None:
        stub = tts_stub(chosen.channel)
        stream = self._stream = Stream(stub.Synthesize())
        chosen.given_up = lambda: stream.drop(ParleyError("WORKER_LOST", "the worker does not answer"))
        ended: ParleyError | None = None
        try:
            self._queue.begin()
            self._queue.moving = self._started_config is not self._config
            self.ready, self.error = True, None
            self._sink.on_up(chosen.worker_id)
            self._wake.set()
            self._move_if_due()
            ended = await stream.run(lambda call: self._write(call, started), self._take)
        finally:
            self.ready, self._stream = False, None
            if ended is None or ended.reason not in GONE:
                await end_session(stub, tts_pb2.EndSessionRequest(session_id=started))
        return None if ended is MOVE else ended

    def lost(self, error: ParleyError) -> None:
        self.error = error
        self._queue.void()
        self._sink.on_lost(error)

    # ----- the stream -----

    async def _write(self, call: Any, session_id: str) -> None:
        first, queue, wake = session_id, self._queue, self._wake
        while True:
            wake.clear()
            while True:
                if control := queue.next_control():
                    message = tts_pb2.TextChunk(session_id=first, control=control)
                elif text := queue.next_text():
                    message = self._chunk(text, first)
                else:
                    break
                first = ""
                await call.write(message)
            if first:
                first = ""
                await call.write(tts_pb2.TextChunk(session_id=session_id))  # binds the stream to the session before there is text
            await wake.wait()

    def _chunk(self, text: Text, session_id: str) -> tts_pb2.TextChunk:
        chunk = tts_pb2.TextChunk(
            session_id=session_id,
            utterance_id=text.utterance_id,
            epoch=self._queue.worker_epoch(text.epoch),
            text=text.text,
            flush=text.flush,
            end_of_utterance=text.end,
        )
        if text.style:
            chunk.style.CopyFrom(_struct(text.style))
        return chunk

    def _take(self, frame: audio_pb2.AudioFrame) -> bool:
        queue = self._queue
        if queue.shift:
            frame.epoch += queue.shift
        if not frame.HasField("event"):
            if frame.epoch > queue.dead_epoch:
                self._sink.on_audio(frame)
            return True
        return self._take_event(frame)

    def _take_event(self, frame: audio_pb2.AudioFrame) -> bool:
        event, live = frame.event, frame.epoch > self._queue.dead_epoch
        kind = event.WhichOneof("event")
        if kind == "started" and live:
            self._sink.on_event(event, frame)
        if frame.pcm and live:
            self._sink.on_audio(frame)
        if kind == "ack":
            event.ack.epoch += self._queue.shift
            self._sink.on_event(event, frame)
        elif kind == "going_away":
            self._queue.moving = True
        elif kind == "done" and live:
            self._queue.done(event.done.utterance_id)
            self._sink.on_event(event, frame)
        elif kind == "notice" or (kind == "underrun" and live):
            self._sink.on_event(event, frame)
        self._move_if_due()
        return True

    def _move_if_due(self) -> None:
        if self._queue.moving and self._queue.at_boundary and self._stream is not None:
            self._stream.drop(MOVE)

    def _control(self, verb: audio_pb2.ControlVerb) -> int:
        control_id = self._queue.control(verb)
        self._wake.set()
        return control_id


MOVE: Final = ParleyError("GOING_AWAY", "the link moves to another worker session")
"""Ends a stream that is to be replaced; never seen outside."""


def _complete(given: tts_pb2.TtsConfig) -> tts_pb2.TtsConfig:
    config = tts_pb2.TtsConfig()
    config.CopyFrom(given)
    config.pacing = given.pacing or tts_pb2.PACING_LEAD
    config.lead_ms = given.lead_ms or LEAD_MS
    config.max_frames_per_message = given.max_frames_per_message or FRAMES_PER_MESSAGE
    config.marks = given.marks or audio_pb2.MARK_KIND_WORD
    return config


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    struct = struct_pb2.Struct()
    struct.update(dict(values))
    return struct
