"""The engine process, with real processes: what is asked for comes, what dies is reported, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
import sysconfig
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
import uvloop

from parley.errors import ParleyError
from workers.engines.api import SttRequest, SttStep, TtsRequest, WordMark
from workers.host.process import EngineProcess, EngineSpec

TONE_TTS = EngineSpec("tts", "tone")
TONE_STT = EngineSpec("stt", "tone")
PLENTY = 1 << 40


@asynccontextmanager
async def running(spec: EngineSpec) -> AsyncIterator[EngineProcess]:
    process = await EngineProcess.start(spec, load_timeout_s=30)
    try:
        yield process
    finally:
        await process.stop()


@dataclass
class Heard:
    """A sink that keeps everything and can be waited for."""

    pcm: bytearray = field(default_factory=bytearray)
    marks: list[WordMark] = field(default_factory=list)
    steps: list[SttStep] = field(default_factory=list)
    finals: list[tuple[int, SttStep, int]] = field(default_factory=list)
    samples_processed: int = 0
    done: bool = False
    error: ParleyError | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def on_audio(self, pcm: bytes, marks: Sequence[WordMark], done: bool, step_us: int) -> None:
        assert not self.done
        assert step_us >= 0
        self.pcm += pcm
        self.marks += marks
        self.done = done
        self.changed.set()

    def on_step(self, step: SttStep, samples_processed: int) -> None:
        self.steps.append(step)
        self.samples_processed = samples_processed
        self.changed.set()

    def on_final(self, token: int, step: SttStep, samples_processed: int) -> None:
        self.finals.append((token, step, samples_processed))
        self.changed.set()

    def on_failed(self, error: ParleyError) -> None:
        assert self.error is None, "told twice"
        self.error = error
        self.changed.set()

    async def until(self, reached: object, seconds: float = 20) -> None:
        assert callable(reached)
        async with asyncio.timeout(seconds):
            while not reached():
                self.changed.clear()
                await self.changed.wait()


async def said(process: EngineProcess, text: str) -> Heard:
    heard = Heard()
    process.speak(TtsRequest(text), heard, PLENTY)
    await heard.until(lambda: heard.done)
    return heard


def at_16k(pcm: bytes) -> bytes:
    import numpy as np
    import soxr

    return soxr.resample(np.frombuffer(pcm, np.int16), 24000, 16000).tobytes()


async def test_words_come_back_through_both_processes() -> None:
    text = "Grüße aus dem Fluß, and ten thousand more."
    async with running(TONE_TTS) as tts, running(TONE_STT) as stt:
        assert tts.card.sample_rate_hz == 24000
        assert tts.load_ms >= 0
        assert psutil.pid_exists(tts.pid)
        spoken = await said(tts, text)
        assert [text[mark.char_begin : mark.char_end] for mark in spoken.marks] == text.split()
        heard = Heard()
        stream = stt.recognise(SttRequest(), heard)
        pcm = at_16k(spoken.pcm)
        for at in range(0, len(pcm), 3200):
            stream.feed(pcm[at : at + 3200])
        stream.finalize(41)
        await heard.until(lambda: heard.finals)
        token, final, samples = heard.finals[0]
        assert (token, final.text, samples) == (41, text, len(pcm) // 2)
        assert [word.text for word in final.words] == text.split()


async def test_generates_what_is_allowed_and_no_more() -> None:
    burst = 2400
    async with running(TONE_TTS) as tts:
        heard = Heard()
        speech = tts.speak(TtsRequest("one two three four five six seven eight nine ten"), heard, 10 * burst)
        await heard.until(lambda: len(heard.pcm) // 2 >= 10 * burst)
        await said(tts, "whatever was on its way has come")
        assert len(heard.pcm) // 2 == 10 * burst
        speech.allow(10 * burst + 1)
        await heard.until(lambda: len(heard.pcm) // 2 >= 11 * burst)
        await said(tts, "again")
        assert len(heard.pcm) // 2 == 11 * burst
        speech.allow(PLENTY)
        await heard.until(lambda: heard.done)


async def test_frozen_job_takes_no_step_until_thawed() -> None:
    async with running(TONE_TTS) as tts:
        heard = Heard()
        speech = tts.speak(TtsRequest("one two three four five"), heard, 0)
        speech.freeze()
        speech.allow(PLENTY)
        await said(tts, "somebody else")
        assert not heard.pcm
        speech.thaw()
        await heard.until(lambda: heard.done)


async def test_nothing_is_heard_after_close() -> None:
    async with running(TONE_TTS) as tts:
        heard = Heard()
        speech = tts.speak(TtsRequest("a long text " * 50), heard, PLENTY)
        await heard.until(lambda: heard.pcm)
        speech.close()
        size = len(heard.pcm)
        speech.allow(PLENTY)
        speech.close()
        await said(tts, "somebody else")
        assert len(heard.pcm) == size
        assert not heard.done


async def test_waiting_job_holds_up_nobody() -> None:
    async with running(EngineSpec("tts", "tone")) as tts:
        slow = Heard()
        job = tts.speak(TtsRequest("slow", options={"first_audio_ms": 60_000}), slow, PLENTY)
        await said(tts, "fast")
        assert not slow.pcm
        job.close()


async def test_wait_is_served_and_then_over() -> None:
    async with running(EngineSpec("tts", "tone", {"first_audio_ms": 50, "stall_at_ms": 200, "stall_ms": 50})) as tts:
        assert (await said(tts, "one two three four")).pcm


async def test_late_final_of_one_stream_delays_no_other_and_keeps_its_order() -> None:
    async with running(EngineSpec("stt", "tone", {"final_delay_ms": 300})) as stt:
        late, later = Heard(), Heard()
        first = stt.recognise(SttRequest(), late)
        first.finalize(1)
        first.feed(bytes(3200))
        second = stt.recognise(SttRequest(), later)
        second.feed(bytes(3200))
        await later.until(lambda: later.steps)
        assert not late.finals
        await late.until(lambda: late.steps)
        assert late.finals, "the step waited for the final before it"


async def test_reset_forgets_the_open_segment_and_keeps_finals_asked_for() -> None:
    async with running(TONE_TTS) as tts, running(TONE_STT) as stt:
        before, forgotten, after = [at_16k((await said(tts, text)).pcm) for text in ("before", "forgotten", "after")]
        heard = Heard()
        stream = stt.recognise(SttRequest(), heard)
        stream.feed(before)
        stream.finalize(1)
        stream.feed(forgotten)
        stream.reset()
        stream.feed(after)
        stream.finalize(2)
        await heard.until(lambda: len(heard.finals) == 2)
        assert [(token, step.text) for token, step, _ in heard.finals] == [(1, "before"), (2, "after")]
        assert heard.finals[-1][2] == sum(map(len, (before, forgotten, after))) // 2


async def test_engine_fault_ends_its_job_alone() -> None:
    async with running(TONE_TTS) as tts:
        heard = Heard()
        tts.speak(TtsRequest("hello", voice="tonne"), heard, PLENTY)
        await heard.until(lambda: heard.error)
        assert heard.error is not None
        assert heard.error.reason == "ENGINE_FAILED"
        assert "did you mean 'tone'" in heard.error.message
        await said(tts, "still well")


async def test_kill_is_heard_by_every_open_job() -> None:
    async with running(TONE_TTS) as tts:
        jobs = [Heard() for _ in range(5)]
        for heard in jobs:
            tts.speak(TtsRequest("never ending " * 20), heard, 100)
        await jobs[-1].until(lambda: jobs[-1].pcm)
        os.kill(tts.pid, signal.SIGKILL)
        async with asyncio.timeout(10):
            assert await tts.wait_exit() == "killed by SIGKILL"
        for heard in jobs:
            await heard.until(lambda heard=heard: heard.error)
            assert heard.error.reason == "ENGINE_CRASHED"
        assert not tts.alive
        orphan = Heard()
        tts.speak(TtsRequest("anybody there"), orphan, PLENTY).allow(5)
        await orphan.until(lambda: orphan.error)
        assert orphan.error.reason == "ENGINE_CRASHED"


async def test_crash_at_frame_crashes() -> None:
    async with running(EngineSpec("tts", "tone", {"crash_at_frame": 20})) as tts:
        heard = Heard()
        tts.speak(TtsRequest("this sentence is never finished"), heard, PLENTY)
        await heard.until(lambda: heard.error)
        assert not heard.done
        assert len(heard.pcm) <= 20 * 480 * 2


async def test_termination_signals_are_the_fronts_to_handle() -> None:
    async with running(TONE_TTS) as tts:
        os.kill(tts.pid, signal.SIGTERM)
        os.kill(tts.pid, signal.SIGINT)
        assert (await said(tts, "still here")).done


async def test_process_that_does_not_read_costs_the_stream_not_the_memory() -> None:
    async with running(TONE_STT) as stt:
        heard = Heard()
        stream = stt.recognise(SttRequest(), heard)
        os.kill(stt.pid, signal.SIGSTOP)
        second_of_audio = bytes(32_000)
        for _ in range(1000):
            stream.feed(second_of_audio)
            if heard.error:
                break
            await asyncio.sleep(0)
        assert heard.error is not None
        assert "does not read" in heard.error.message
        assert stt.unread_bytes <= 17 << 20
        os.kill(stt.pid, signal.SIGCONT)


async def test_no_engine_outlives_its_front() -> None:
    script = """
import asyncio, signal, os
from workers.host.process import EngineProcess, EngineSpec
async def main():
    process = await EngineProcess.start(EngineSpec("tts", "tone"), load_timeout_s=30)
    print(process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    front = await asyncio.create_subprocess_exec(sys.executable, "-c", script, stdout=asyncio.subprocess.PIPE)
    output, _ = await front.communicate()
    try:
        engine = psutil.Process(int(output))
    except psutil.NoSuchProcess:
        return
    await asyncio.to_thread(engine.wait, 10)


@pytest.mark.parametrize(
    ("spec", "reason", "words"),
    [
        (EngineSpec("tts", "espeek"), "MODEL_UNKNOWN", "did you mean 'espeak'"),
        (EngineSpec("tts", "tone", {"burst": 1}), "ENGINE_FAILED", "did you mean 'burst_ms'"),
        (EngineSpec("tts", "no.such.module:Engine"), "ENGINE_FAILED", "no"),
        (EngineSpec("tts", "tone", {}, "/no/such/python"), "ENGINE_FAILED", "/no/such/python"),
        (EngineSpec("tts", "tone", {}, "/bin/false"), "ENGINE_CRASHED", "tone"),
    ],
)
async def test_start_says_why_not(spec: EngineSpec, reason: str, words: str) -> None:
    with pytest.raises(ParleyError) as caught:
        await EngineProcess.start(spec, load_timeout_s=30)
    assert caught.value.reason == reason
    assert words in caught.value.message


async def test_start_gives_up_in_time() -> None:
    with pytest.raises(ParleyError) as caught:
        await EngineProcess.start(EngineSpec("tts", "tone", {}, "/bin/sleep"), load_timeout_s=0)
    assert caught.value.reason == "TIMEOUT"


async def test_foreign_interpreter_needs_nothing_but_numpy(tmp_path: Path) -> None:
    """An interpreter without site-packages, which is given numpy alone: Parley and its other libraries cannot be imported there."""
    site_packages = Path(sysconfig.get_path("purelib"))
    for name in ("numpy", "numpy.libs"):
        if (site_packages / name).exists():
            (tmp_path / name).symlink_to(site_packages / name)
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nPYTHONPATH={tmp_path} exec {sys.executable} -S "$@"\n')
    python.chmod(0o755)
    async with running(EngineSpec("tts", "tone", {}, str(python))) as tts:
        assert (await said(tts, "from afar")).pcm
    (tmp_path / "proof.py").write_text("import grpc\nclass Engine: pass\n")
    with pytest.raises(ParleyError, match="No module named 'grpc'"):
        await EngineProcess.start(EngineSpec("tts", "proof:Engine", {}, str(python)), load_timeout_s=30)


def test_runs_in_uvloop_too() -> None:
    async def conversation() -> None:
        async with running(TONE_TTS) as tts:
            assert (await said(tts, "as well in here")).done
            heard = Heard()
            tts.speak(TtsRequest("never ending " * 20), heard, 100)
            os.kill(tts.pid, signal.SIGKILL)
            assert await tts.wait_exit() == "killed by SIGKILL"
            await heard.until(lambda: heard.error)

    uvloop.run(conversation())


async def test_starts_and_stops_leave_nothing_open() -> None:
    await (await EngineProcess.start(TONE_TTS, load_timeout_s=30)).stop()
    gc.collect()
    me = psutil.Process()
    before, children = me.num_fds(), set(me.children())
    for _ in range(20):
        process = await EngineProcess.start(TONE_TTS, load_timeout_s=30)
        await process.stop()
        await process.stop()
    gc.collect()
    assert me.num_fds() <= before
    assert set(me.children()) <= children


class Stumbling(Heard):
    """A listener with a bug."""

    def on_audio(self, pcm: bytes, marks: Sequence[WordMark], done: bool, step_us: int) -> None:
        raise RuntimeError("a bug of the listener")


async def test_a_listener_that_stumbles_costs_the_others_nothing() -> None:
    async with running(TONE_TTS) as tts:
        stumbling = Stumbling()
        tts.speak(TtsRequest("to deaf ears"), stumbling, allow_samples=10**9)
        heard = await said(tts, "to good ones")
        await stumbling.until(lambda: stumbling.error is not None)
        assert stumbling.error is not None
        assert stumbling.error.reason == "INTERNAL"
        assert heard.error is None
        assert tts.alive
