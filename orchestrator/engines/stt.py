"""A session's link to the recognisers: audio and control up, hypotheses down, from one worker at a time.

The link keeps the audio of the open segment. When its worker is lost, the next one hears that segment from its beginning, with any
FINALIZE that was not answered, so a dead worker costs time but no word; the session repeats nothing itself. Positions and segment numbers
stay whole over workers (`orchestrator.engines.stt_numbers`); positions count the samples given to `send`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

from orchestrator.engines.hold import GONE, Stream, begin_session, end_session, hold
from orchestrator.engines.stt_log import Speech, SpeechLog
from orchestrator.engines.stt_numbers import SttNumbers
from orchestrator.engines.stubs import stt_stub
from orchestrator.engines.workers import Chosen, Workers
from parley.audio import FRAME_SAMPLES
from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2

FRAMES_PER_MESSAGE: Final = 5
KEEP_MS: Final = 12_000


class SttSink(Protocol):
    """Whom an SttLink serves. Called in the event loop, in stream order; must not block, may call the link."""

    def on_hypothesis(self, hypothesis: stt_pb2.Hypothesis, pts_processed: int) -> None:
        """What the worker makes of a segment. Times and `pts_processed` are positions in what was given to `send`."""

    def on_ack(self, ack: audio_pb2.ControlAck) -> None:
        """A control is done. The ack of FINALIZE comes after the final for everything sent before it, if need be from a later worker."""

    def on_notice(self, notice: audio_pb2.Notice) -> None:
        """A trouble that did not end the stream."""

    def on_up(self, worker_id: str) -> None:
        """A worker serves from now on. Also after a planned move, without `on_lost` before."""

    def on_lost(self, error: ParleyError) -> None:
        """No worker now; once until the next `on_up`. Nothing needs to be sent again. Discards that were not acked never will be."""


class SttLink:
    """One session's recogniser. `run` is its life; the other methods may be called at any time from the loop and never wait.

    `config` names model, languages, hot words and options; partials (`interim`), word times and endpointing (none: the session
    decides) are set here.
    At most `keep_ms` of audio is kept, sent or waiting; beyond it the oldest goes, and the worker is told by DISCONTINUITY.
    """

    def __init__(
        self,
        workers: Workers,
        session_id: str,
        config: stt_pb2.SttConfig,
        sink: SttSink,
        frames_per_message: int = FRAMES_PER_MESSAGE,
        keep_ms: int = KEEP_MS,
        interim: bool = True,
    ) -> None:
        self.ready = False
        self.error: ParleyError | None = None
        self._workers = workers
        self._session_id = session_id
        self._config = _heard(config, interim)
        self._sink = sink
        self._log = SpeechLog(frames_per_message, keep_ms)
        self._numbers = SttNumbers()
        self._wake = asyncio.Event()
        self._stream: Stream | None = None
        self._worker_sessions = 0
        self._moving = False
        self._seq = 0

    @property
    def position(self) -> int:
        """Samples given to `send` so far."""
        return self._log.position

    def send(self, pcm: bytes) -> None:
        """Whole 20 ms frames. They leave in messages of `frames_per_message`; what is fewer waits for more, or for a control."""
        if self._log.push(pcm):
            self._wake.set()

    def finalize(self) -> int:
        """Ask for the final of everything sent so far; the id that comes back in the ack."""
        control_id = self._log.control(audio_pb2.CONTROL_VERB_FINALIZE)
        self._wake.set()
        return control_id

    def discard(self) -> int:
        """Forget the open segment. FINALIZEs that were not answered are forgotten with it."""
        control_id = self._log.discard()
        self._numbers.closed()
        self._wake.set()
        return control_id

    def drop(self, error: ParleyError) -> None:
        """Leave this worker (a stall, say) as if it were lost with `error`; without a worker nothing happens."""
        if self._stream is not None:
            self._stream.drop(error)

    async def run(self) -> None:
        """Stay linked until cancelled."""
        await hold(self._workers, "stt", self)

    # ----- called by hold -----

    def model(self) -> str:
        config = self._config
        return f"{config.model_id}@{config.revision}" if config.revision else config.model_id

    async def start(self, chosen: Chosen) -> str:
        # A worker session's id is never used twice: a worker that still knows it would go on with its old stream's state.
        self._worker_sessions += 1
        session_id = self._session_id if self._worker_sessions == 1 else f"{self._session_id}.{self._worker_sessions}"
        request = stt_pb2.SttStartSessionRequest(session_id=session_id, config=self._config)
        await begin_session(stt_stub(chosen.channel), request, stt_pb2.SttEndSessionRequest(session_id=session_id))
        return session_id

    async def serve(self, chosen: Chosen, started: str) -> ParleyError | None:
        stub = stt_stub(chosen.channel)
        stream = self._stream = Stream(stub.Transcribe())
        chosen.given_up = lambda: stream.drop(ParleyError("WORKER_LOST", "the worker does not answer"))
        ended: ParleyError | None = None
        try:
            self._numbers.begin(self._log.rewind(), self._log.whole)
            self._moving, self._seq = False, 0
            self.ready, self.error = True, None
            self._sink.on_up(chosen.worker_id)
            ended = await stream.run(lambda call: self._write(call, started), self._take)
        finally:
            self.ready, self._stream = False, None
            if ended is None or ended.reason not in GONE:
                await end_session(stub, stt_pb2.SttEndSessionRequest(session_id=started))
        return ended

    def lost(self, error: ParleyError) -> None:
        self.error = error
        self._sink.on_lost(error)

    # ----- the stream -----

    async def _write(self, call: Any, session_id: str) -> None:
        log, wake = self._log, self._wake
        await call.write(audio_pb2.AudioFrame(session_id=session_id))  # binds the stream to the session before there is audio
        while True:
            wake.clear()
            while (entry := log.next()) is not None:
                if isinstance(entry, Speech):
                    await call.write(self._frame(entry))
                else:
                    await call.write(audio_pb2.AudioFrame(control=entry))
            await wake.wait()

    def _frame(self, speech: Speech) -> audio_pb2.AudioFrame:
        first, frames = self._seq + 1, len(speech.pcm) // (FRAME_SAMPLES * 2)
        self._seq += frames
        flags = audio_pb2.FRAME_FLAG_DISCONTINUITY if speech.after_loss else 0
        pts = speech.pts - self._numbers.base_pts
        return audio_pb2.AudioFrame(seq=first, pts=pts, pcm=speech.pcm, frame_count=frames, flags=flags)

    def _take(self, event: stt_pb2.TranscriptEvent) -> bool:
        kind = event.WhichOneof("event")
        if kind == "hypothesis":
            hypothesis = event.hypothesis
            self._numbers.hypothesis(hypothesis)
            if hypothesis.final:
                self._log.heard(hypothesis.pts_end)
            self._sink.on_hypothesis(hypothesis, event.pts_processed + self._numbers.base_pts)
        elif kind == "ack":
            self._numbers.ack(event.ack)
            self._log.finalized(event.ack.control_id)
            self._sink.on_ack(event.ack)
        elif kind == "notice":
            self._sink.on_notice(event.notice)
        elif kind == "going_away":
            self._moving = True
        return not (self._moving and self._log.idle)


def _heard(given: stt_pb2.SttConfig, interim: bool) -> stt_pb2.SttConfig:
    config = stt_pb2.SttConfig()
    config.CopyFrom(given)
    config.interim, config.word_times = interim, True
    config.endpointing.disabled = True
    return config
