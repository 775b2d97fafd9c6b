"""A whole recording to its transcript, and a whole text to its speech: not paced, not interruptible, on worker sessions of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final

from orchestrator.engines.stt import SttLink
from orchestrator.engines.tts import TtsLink
from orchestrator.engines.workers import Workers
from parley.audio import FRAME_BYTES, FRAME_MS, SAMPLE_RATE_HZ
from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2, tts_pb2

DEADLINE_S: Final = 120.0
MAX_SPEECH_S: Final = 600
MAX_LOSSES: Final = 2
STT_FRAMES_PER_MESSAGE: Final = 25
TTS_FRAMES_PER_MESSAGE: Final = 25


async def transcribe(workers: Workers, session_id: str, pcm: bytes, *, model: str = "", deadline_s: float = DEADLINE_S) -> str:
    """The text in `pcm` (whole 48 kHz frames); a lost worker is replaced, and hears it all again.

    Raises:
        ParleyError: no worker, the worker refuses or fails, or TIMEOUT.
    """
    sink = _Transcript()
    config = stt_pb2.SttConfig(model_id=model)
    keep_ms = len(pcm) // FRAME_BYTES * FRAME_MS
    link = SttLink(workers, session_id, config, sink, STT_FRAMES_PER_MESSAGE, keep_ms, interim=False)
    link.send(pcm)
    sink.awaited = link.finalize()
    await _outcome(sink.done, link.run, deadline_s)
    return " ".join(text for _, text in sorted(sink.finals.items()) if text)


async def synthesize(
    workers: Workers,
    session_id: str,
    text: str,
    *,
    model: str = "",
    style: Mapping[str, Any] | None = None,
    max_s: float = MAX_SPEECH_S,
    deadline_s: float = DEADLINE_S,
) -> bytes:
    """`text` as speech, whole 48 kHz frames; when a worker is lost, another begins again.

    Raises:
        ParleyError: no worker, the worker refuses or fails, MESSAGE_TOO_LARGE beyond `max_s` seconds of speech, or TIMEOUT.
    """
    sink = _Speech(text, style, int(max_s * SAMPLE_RATE_HZ * 2))
    config = tts_pb2.TtsConfig(model_id=model, pacing=tts_pb2.PACING_UNPACED, max_frames_per_message=TTS_FRAMES_PER_MESSAGE)
    sink.link = TtsLink(workers, session_id, config, sink)
    sink.begin()
    await _outcome(sink.done, sink.link.run, deadline_s)
    return bytes(sink.pcm)


async def _outcome(done: asyncio.Future[None], run: Callable[[], Coroutine[Any, Any, None]], deadline_s: float) -> None:
    """Run a link until `done`, or the deadline."""
    async with asyncio.TaskGroup() as group:
        link = group.create_task(run())
        await asyncio.wait([done], timeout=deadline_s)
        link.cancel()
    if not done.done():
        raise ParleyError("TIMEOUT", f"expected an answer within {deadline_s:g} s")
    done.result()


class _Outcome:
    """How it ends, and how often a worker may be lost before that is the end."""

    def __init__(self) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._losses = 0

    def fail(self, error: ParleyError) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def finish(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def on_up(self, worker_id: str) -> None:
        return

    def on_lost(self, error: ParleyError) -> None:
        self._losses += 1
        if self._losses > MAX_LOSSES or not error.row.retryable or error.reason in {"NO_WORKER", "CAPACITY"}:
            self.fail(error)


class _Transcript(_Outcome):
    """Collects the finals; the answer to FINALIZE ends it."""

    def __init__(self) -> None:
        super().__init__()
        self.finals: dict[int, str] = {}
        self.awaited = 0

    def on_hypothesis(self, hypothesis: stt_pb2.Hypothesis, pts_processed: int) -> None:
        if hypothesis.final:
            self.finals[hypothesis.segment_id] = hypothesis.text.strip()

    def on_ack(self, ack: audio_pb2.ControlAck) -> None:
        if ack.control_id == self.awaited:
            self.finish()

    def on_notice(self, notice: audio_pb2.Notice) -> None:
        if not notice.retryable:
            self.fail(ParleyError(notice.reason, notice.message))


class _Speech(_Outcome):
    """Collects the audio; says the whole text again when a worker was lost."""

    link: TtsLink

    def __init__(self, text: str, style: Mapping[str, Any] | None, max_bytes: int) -> None:
        super().__init__()
        self.pcm = bytearray()
        self._text = text
        self._style = style
        self._max_bytes = max_bytes

    def begin(self) -> None:
        self.link.speak(1, self._text, end=True, style=self._style)

    def on_audio(self, frame: audio_pb2.AudioFrame) -> None:
        self.pcm += frame.pcm
        if len(self.pcm) > self._max_bytes:
            limit_s = self._max_bytes // (SAMPLE_RATE_HZ * 2)
            self.fail(ParleyError("MESSAGE_TOO_LARGE", f"expected at most {limit_s} s of speech"))

    def on_event(self, event: audio_pb2.TtsEvent, frame: audio_pb2.AudioFrame) -> None:
        if event.HasField("done"):
            self.finish()
        elif event.HasField("notice") and not event.notice.retryable:
            self.fail(ParleyError(event.notice.reason, event.notice.message))

    def on_lost(self, error: ParleyError) -> None:
        super().on_lost(error)
        if not self.done.done():
            self.pcm.clear()
            self.begin()
