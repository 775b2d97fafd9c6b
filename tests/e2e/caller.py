"""A client of `/v1/session` for tests: speaks PCM in real time, keeps every event, every frame, and when they came."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import numpy as np
import soxr

from parley.audio import FRAME_MS, SILENT_FRAME, split_frames
from workers.engines.api import SttInput, SttRequest, TtsRequest
from workers.engines.tone import ToneStt, ToneTts

Event = dict[str, Any]


class Caller:
    """One conversation. The microphone runs all the time, as a real one does: silence where nothing was given to say."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.events: list[Event] = []
        self.audio: dict[int, bytearray] = {}
        self.close_code: int | None = None
        self.silence = SILENT_FRAME
        self._to_say: list[bytes] = []
        self._utterance = 0
        self._news = asyncio.Condition()

    async def listen(self) -> None:
        async for message in self.ws:
            async with self._news:
                if message.type is aiohttp.WSMsgType.BINARY:
                    self.audio.setdefault(self._utterance, bytearray()).extend(message.data)
                elif message.type is aiohttp.WSMsgType.TEXT:
                    event = json.loads(message.data)
                    if event["type"] == "utterance_started":
                        self._utterance = event["utterance_id"]
                    self.events.append(event)
                self._news.notify_all()
        async with self._news:
            self.close_code = self.ws.close_code
            self._news.notify_all()

    async def speak(self) -> None:
        """The microphone, for ever."""
        loop = asyncio.get_running_loop()
        next_s = loop.time()
        while not self.ws.closed:
            frame = self._to_say.pop(0) if self._to_say else self.silence
            try:
                await self.ws.send_bytes(frame)
            except (ConnectionError, aiohttp.ClientError):
                return
            next_s += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, next_s - loop.time()))

    def say(self, pcm: bytes, frame_bytes: int = 1920) -> None:
        """Put PCM into the microphone (padded to whole frames)."""
        pcm += bytes(-len(pcm) % frame_bytes)
        self._to_say += list(split_frames(pcm, frame_bytes))

    async def wait(self, kind: str, since: int = 0, within_s: float = 20.0, **fields: Any) -> Event:
        """The first event of this kind and with these fields, at or after index `since`."""

        def found() -> Event | None:
            for event in self.events[since:]:
                if event["type"] == kind and all(event[name] == value for name, value in fields.items()):
                    return event
            return None

        await self._until(lambda: found() is not None, within_s, f"{kind} {fields}")
        event = found()
        assert event is not None
        return event

    async def closed(self, within_s: float = 20.0) -> int | None:
        """The close code, once the server has closed."""
        await self._until(lambda: self.close_code is not None, within_s, "the close")
        return self.close_code

    async def _until(self, there: Callable[[], bool], within_s: float, what: str) -> None:
        async with self._news:
            try:
                async with asyncio.timeout(within_s):
                    await self._news.wait_for(there)
            except TimeoutError:
                raise AssertionError(f"waited {within_s} s for {what}; got {[brief(e) for e in self.events[-20:]]}") from None

    def break_off(self) -> None:
        """What a lost network does: the connection ends without a word."""
        self.ws.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    async def turn(self, pcm: bytes) -> tuple[str, bytes]:
        """Say something and hear the answer out: its transcript, and the answer's sound."""
        since = len(self.events)
        self.say(pcm)
        final = await self.wait("transcription", since, final=True)
        done = await self.wait("conversation_complete", since)
        assert done["reason"] == "played", done
        ended = await self.wait("utterance_ended", since)
        return final["text"], bytes(self.audio[ended["utterance_id"]])


def brief(event: Event) -> str:
    return " ".join(str(value)[:40] for value in event.values())


@asynccontextmanager
async def calling(url: str, microphone: bool = True) -> AsyncIterator[Caller]:
    """Connect, and hang up in the end."""
    async with aiohttp.ClientSession() as http, http.ws_connect(url, max_msg_size=64 * 1024 * 1024) as ws, asyncio.TaskGroup() as group:
        caller = Caller(ws)
        listener = group.create_task(caller.listen())
        speaker = group.create_task(caller.speak()) if microphone else None
        try:
            await caller.wait("connection")
            yield caller
        finally:
            if speaker is not None:
                speaker.cancel()
            await ws.close()
            listener.cancel()


async def refused(url: str) -> tuple[Event, int | None]:
    """Connect where that leads to nothing: the error, and the close code."""
    async with aiohttp.ClientSession() as http, http.ws_connect(url) as ws:
        error: Event = (await ws.receive(20)).json()
        assert (await ws.receive(20)).type is aiohttp.WSMsgType.CLOSE
        return error, ws.close_code


# ---------- tone's speech ----------


def tone_speech(text: str, rate_hz: int = 48_000) -> bytes:
    """`text` as tone speaks it."""
    engine = ToneTts()
    card = engine.load({})
    job = engine.open(TtsRequest(text))
    pcm = b""
    while True:
        (step,) = engine.step([job])
        pcm += step.pcm
        if step.done:
            break
    engine.close(job)
    samples = soxr.resample(np.frombuffer(pcm, np.int16), card.sample_rate_hz, rate_hz)
    return samples.astype(np.int16).tobytes()


def tone_text(pcm: bytes, rate_hz: int = 48_000) -> str:
    """What tone's recogniser makes of it."""
    engine = ToneStt()
    card = engine.load({})
    stream = engine.open(SttRequest())
    samples = soxr.resample(np.frombuffer(pcm, np.int16), rate_hz, card.sample_rate_hz).astype(np.int16)
    (step,) = engine.step([SttInput(stream, samples.tobytes(), finalize=True)])
    engine.close(stream)
    return step.text or ""
