"""The links against real worker processes with the tone engines, whose speech its recogniser decodes back to the text."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest

from orchestrator.directory.static import StaticDirectory
from orchestrator.engines.oneshot import synthesize, transcribe
from orchestrator.engines.stt import SttLink
from orchestrator.engines.tts import TtsLink
from orchestrator.engines.workers import Workers
from parley.audio import FRAME_BYTES, split_frames
from parley.v1 import stt_pb2, tts_pb2

START_S = 30.0


class Process:
    """`python -m workers KIND --engine tone`, ready; killed, it starts again at the same address."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.address = "127.0.0.1:0"
        self._process: subprocess.Popen[str] | None = None

    def spawn(self) -> None:
        command = [sys.executable, "-m", "workers", self.kind, "--engine", "tone", "--listen", self.address]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)

    def wait_ready(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()  # the test's own timeout is the deadline
        assert ready.startswith("ready grpc://"), ready
        self.address = ready.removeprefix("ready grpc://").strip()

    def kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()


@pytest.fixture(scope="module")
def processes() -> Iterator[tuple[Process, Process]]:
    """An STT and a TTS worker."""
    stt, tts = Process("stt"), Process("tts")
    try:
        stt.spawn()
        tts.spawn()
        stt.wait_ready()
        tts.wait_ready()
        yield stt, tts
    finally:
        stt.kill()
        tts.kill()


@asynccontextmanager
async def watched(processes: tuple[Process, Process]) -> AsyncIterator[tuple[Workers, asyncio.TaskGroup]]:
    stt, tts = processes
    workers = Workers(StaticDirectory([stt.address], [tts.address]))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(workers.run())
        async with asyncio.timeout(START_S):
            await workers.wait_available("stt")
            await workers.wait_available("tts")
        yield workers, group
        task.cancel()


async def test_a_conversation_with_both_tiers_and_a_killed_worker(processes, recorder, tools):
    async with watched(processes) as (workers, group):
        text = "the quick brown fox"
        pcm = await synthesize(workers, "whole", text)
        assert len(pcm) % FRAME_BYTES == 0
        assert await transcribe(workers, "whole", pcm) == text

        link = SttLink(workers, "live", stt_pb2.SttConfig(), recorder)
        listening = group.create_task(link.run())
        for frame in split_frames(pcm):
            link.send(frame)
        control_id = link.finalize()
        assert (await recorder.wait("ack")).control_id == control_id
        assert recorder.all("final")[-1].text == text

        speaking = TtsLink(workers, "live", tts_pb2.TtsConfig(), recorder)
        talking = group.create_task(speaking.run())
        speaking.speak(1, "a long story that is not going to be heard to its end by anybody")
        await recorder.wait("audio", 2)
        control_id = speaking.stop()
        heard = len(recorder.all("audio"))
        speaking.speak(2, "new", end=True)
        assert (await recorder.wait("ack", 2)).control_id == control_id
        await recorder.wait("done")
        assert {frame.epoch for frame in recorder.all("audio")[heard:]} == {2}
        assert max(frame.frame_count for frame in recorder.all("audio")) == 5
        assert any(frame.marks for frame in recorder.all("audio"))

        speaking.speak(3, "cut off by a dying worker")
        await recorder.wait("audio", len(recorder.all("audio")) + 1)
        tts_worker = processes[1]
        await asyncio.to_thread(tts_worker.kill)
        await recorder.wait("lost")
        tts_worker.spawn()
        await asyncio.to_thread(tts_worker.wait_ready)
        await recorder.wait("up", 3)
        speaking.speak(3, "from the next one", end=True)
        await recorder.wait("done", 2)
        assert {frame.epoch for frame in recorder.all("audio")[heard:]} == {2}

        for task in (listening, talking):
            task.cancel()
        await tools.until(lambda: [row["sessions"] for row in workers.status()] == [0, 0])


async def test_a_hundred_abandoned_sessions_are_gone_at_the_workers(processes, recorder, tools):
    async with watched(processes) as (workers, group):
        tasks = []
        for number in range(50):
            tts = TtsLink(workers, f"s{number}", tts_pb2.TtsConfig(), recorder)
            tts.speak(1, "words and words and words")
            stt = SttLink(workers, f"s{number}", stt_pb2.SttConfig(), recorder)
            stt.send(bytes(FRAME_BYTES) * 7)
            tasks += [group.create_task(tts.run()), group.create_task(stt.run())]
        await recorder.wait("up", 100)
        await tools.until(lambda: [row["sessions"] for row in workers.status()] == [50, 50])
        for task in tasks:
            task.cancel()
        await tools.until(lambda: [row["sessions"] for row in workers.status()] == [0, 0])
