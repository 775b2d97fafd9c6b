"""The part of the conformance suite that runs an engine in its process, through the worker's own host (see `conformance`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from parley.errors import ParleyError
from workers.engines.api import EngineCard, SttRequest, SttStep, TtsRequest, WordMark
from workers.host.process import EngineProcess, EngineSpec

_DEADLINE_S = 60.0
_PLENTY = 1 << 40


class _Sink:
    """Keeps what one job says, and wakes who waits for its end."""

    def __init__(self) -> None:
        self.pcm = b""
        self.final: SttStep | None = None
        self.error: ParleyError | None = None
        self.ended = asyncio.Event()

    def on_audio(self, pcm: bytes, marks: Sequence[WordMark], done: bool, step_us: int) -> None:
        self.pcm += pcm
        if done:
            self.ended.set()

    def on_step(self, step: SttStep, samples_processed: int) -> None:
        assert not step.final, "a final came that nobody had asked for"

    def on_final(self, token: int, step: SttStep, samples_processed: int) -> None:
        self.final = step
        self.ended.set()

    def on_failed(self, error: ParleyError) -> None:
        self.error = error
        self.ended.set()

    async def end(self) -> None:
        async with asyncio.timeout(_DEADLINE_S):
            await self.ended.wait()


async def check(spec: EngineSpec, speech: Callable[[int], bytes] | None, text: str, load_timeout_s: float) -> EngineCard:
    """See `conformance.check_process`."""
    process = await EngineProcess.start(spec, load_timeout_s=load_timeout_s)
    try:
        if spec.kind == "tts":
            await _check_speech(process, text)
        else:
            assert speech is not None, "a recogniser's check needs speech"
            await _check_recognition(process, speech(process.card.sample_rate_hz))
        return process.card
    finally:
        await process.stop()


async def _check_speech(process: EngineProcess, text: str) -> None:
    sinks = [_Sink(), _Sink()]
    for sink in sinks:
        process.speak(TtsRequest(text), sink, _PLENTY)
    refused = _Sink()
    process.speak(TtsRequest(text, voice="no such voice"), refused, _PLENTY)
    for sink in (*sinks, refused):
        await sink.end()
    for sink in sinks:
        assert sink.error is None, f"a good job failed beside a bad one: {sink.error}"
        assert sink.pcm, "a job ended without audio"
    assert refused.error is not None, "an unknown voice was accepted"
    assert refused.error.reason == "ENGINE_FAILED", f"an unknown voice is {refused.error.reason}"


async def _check_recognition(process: EngineProcess, pcm: bytes) -> None:
    sinks = [_Sink(), _Sink()] if process.card.max_sessions > 1 else [_Sink()]
    streams = [process.recognise(SttRequest(), sink) for sink in sinks]
    chunk = process.card.sample_rate_hz // 10 * 2
    for at in range(0, len(pcm), chunk):
        for stream in streams:
            stream.feed(pcm[at : at + chunk])
    for stream, sink in zip(streams, sinks, strict=True):
        stream.finalize(1)
        await sink.end()
        assert sink.error is None, f"a stream failed: {sink.error}"
        assert sink.final is not None, "a final was asked for, and none came"
        assert sink.final.text, "speech gave no text"
