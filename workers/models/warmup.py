"""First use of a fresh engine process, before any session: caches filled, lazy imports done, loudness known.

It talks to the process like any session does, and knows no engine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Final

from parley.errors import ParleyError
from workers.audio.loudness import gain_db_for, integrated_lufs
from workers.engines.api import SttRequest, SttStep, TtsRequest, WordMark
from workers.host.process import EngineProcess

SENTENCE: Final = "The first sentence of the day is spoken to nobody."
MAX_SPEECH_S: Final = 30
SILENCE_S: Final = 1


async def warm_tts(process: EngineProcess) -> float:
    """Speak a sentence with the default voice; says the gain in dB that brings it to the target loudness.

    Raises:
        ParleyError: ENGINE_FAILED, ENGINE_CRASHED.
    """
    return await measure_gain_db(process, "")


async def warm_stt(process: EngineProcess) -> None:
    """Hear a second of silence to its final.

    Raises:
        ParleyError: ENGINE_FAILED, ENGINE_CRASHED.
    """
    sink = _FinalSink()
    recognition = process.recognise(SttRequest(), sink)
    try:
        recognition.feed(bytes(2 * process.card.sample_rate_hz * SILENCE_S))
        recognition.finalize(1)
        await sink.heard
    finally:
        recognition.close()


async def measure_gain_db(process: EngineProcess, voice: str) -> float:
    """The gain in dB that brings `voice` to the target loudness.

    Raises:
        ParleyError: ENGINE_FAILED, ENGINE_CRASHED.
    """
    rate_hz = process.card.sample_rate_hz
    sink = _CollectingSink()
    speech = process.speak(TtsRequest(SENTENCE, voice), sink, MAX_SPEECH_S * rate_hz)
    try:
        pcm = await sink.spoken
    finally:
        speech.close()
    return gain_db_for(integrated_lufs(pcm, rate_hz))


class _CollectingSink:
    """All audio of a job, as the result of `spoken`."""

    def __init__(self) -> None:
        self.spoken: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._pcm: list[bytes] = []

    def on_audio(self, pcm: bytes, marks: Sequence[WordMark], done: bool, step_us: int) -> None:
        self._pcm.append(pcm)
        if done and not self.spoken.done():
            self.spoken.set_result(b"".join(self._pcm))

    def on_failed(self, error: ParleyError) -> None:
        if not self.spoken.done():
            self.spoken.set_exception(error)


class _FinalSink:
    """A stream's first final, as the result of `heard`."""

    def __init__(self) -> None:
        self.heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_step(self, step: SttStep, samples_processed: int) -> None:
        pass  # silence has no partials worth reading

    def on_final(self, token: int, step: SttStep, samples_processed: int) -> None:
        if not self.heard.done():
            self.heard.set_result(step.text or "")

    def on_failed(self, error: ParleyError) -> None:
        if not self.heard.done():
            self.heard.set_exception(error)
