"""The measured streams of `bench control`: each speaks, is paused, resumed and stopped, over and over, by both ways in turn.

The time of a verb runs from just before it is handed to gRPC until its ack has been read: in-band from the stream, unary from the call.
The copy of a unary ack in the stream comes too and is checked, but not timed. A PAUSE's copy that is read after RESUME was asked for is
of the past: the probe waits for every copy before it goes on.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any, Final

from client.bench.control_rules import StreamRules
from client.bench.stubs import EOF
from parley.v1 import audio_pb2, tts_pb2

IN_BAND, UNARY = "inband", "unary"
_VERBS: Final = {
    "pause": audio_pb2.CONTROL_VERB_PAUSE,
    "resume": audio_pb2.CONTROL_VERB_RESUME,
    "stop": audio_pb2.CONTROL_VERB_STOP,
}
FRAMES_PER_MESSAGE: Final = 5
SESSIONS_PER_CHANNEL: Final = 50
TEXT: Final = " ".join(["This is a long and even stretch of words for the voice to speak without an end in sight."] * 2)
STEP_WITHIN_S: Final = 10.0
CHANNEL_OPTIONS: Final = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.http2.lookahead_bytes", 16_384),
)

Call = Any
"""grpc.aio's stream-stream call; its stubs are not generic enough to name."""


@dataclass(slots=True)
class Acks:
    """What the probes of one run measured: milliseconds by (verb, path), and what they saw broken."""

    open: bool = False
    ms: defaultdict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    broken: Counter[str] = field(default_factory=Counter)
    frames: int = 0
    tick_late_ms: list[float] = field(default_factory=list)

    def own_lateness(self, ms: float) -> None:
        """The probes' own event loop was so late."""
        if self.open:
            self.tick_late_ms.append(ms)

    def add(self, verb: str, path: str, ms: float) -> None:
        if self.open:
            self.ms[verb, path].append(ms)


class Probe:
    """One measured session. `run` goes on until it is cancelled."""

    def __init__(self, stub: Any, session_id: str, acks: Acks, seed: str) -> None:
        self._stub = stub
        self._session_id = session_id
        self._acks = acks
        self._chance = random.Random(seed)
        self._rules = StreamRules()
        self._in_stream: dict[int, asyncio.Future[float]] = {}  # when each control's ack was read from the stream
        self._frame = asyncio.Event()
        self._controls = 0
        self._epoch = 1
        self._utterances = 0

    async def run(self) -> None:
        """Open the session and repeat the cycle.

        Raises:
            grpc.aio.AioRpcError: the worker refused or was lost.
            TimeoutError: no audio or no ack came within STEP_WITHIN_S.
        """
        config = tts_pb2.TtsConfig(max_frames_per_message=FRAMES_PER_MESSAGE)
        await self._stub.StartSession(tts_pb2.StartSessionRequest(session_id=self._session_id, config=config))
        call = self._stub.Synthesize()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._read(call))
                path = self._chance.choice((IN_BAND, UNARY))
                while True:
                    await self._cycle(call, path)
                    path = UNARY if path == IN_BAND else IN_BAND
        finally:
            call.cancel()
            self._acks.broken.update(self._rules.broken)
            self._acks.frames += self._rules.frames

    async def end(self) -> None:
        """Give the session back."""
        await self._stub.EndSession(tts_pb2.EndSessionRequest(session_id=self._session_id))

    async def _cycle(self, call: Call, path: str) -> None:
        self._utterances += 1
        chunk = tts_pb2.TextChunk(utterance_id=self._utterances, epoch=self._epoch, text=TEXT, end_of_utterance=True)
        if self._utterances == 1:
            chunk.session_id = self._session_id
        await call.write(chunk)
        await self._audio()
        await self._control(call, "pause", path)
        await asyncio.sleep(self._chance.uniform(0.02, 0.08))
        self._rules.resuming()
        await self._control(call, "resume", path)
        await self._audio()
        self._rules.stopping(self._epoch)
        await self._control(call, "stop", path)
        self._epoch += 1

    async def _audio(self) -> None:
        """Wait for audio, and then a while, so that verbs meet the stream at any moment of its beat."""
        self._frame.clear()
        async with asyncio.timeout(STEP_WITHIN_S):
            await self._frame.wait()
        await asyncio.sleep(self._chance.uniform(0.05, 0.25))

    async def _control(self, call: Call, verb: str, path: str) -> None:
        self._controls += 1
        number = _VERBS[verb]
        control = audio_pb2.Control(control_id=self._controls, verb=number, through_epoch=self._epoch if verb == "stop" else 0)
        read = self._in_stream[self._controls] = asyncio.get_running_loop().create_future()
        async with asyncio.timeout(STEP_WITHIN_S):
            begun_s = time.monotonic()
            if path == IN_BAND:
                await call.write(tts_pb2.TextChunk(control=control))
                done_s = await read
            else:
                response = await self._stub.Control(tts_pb2.ControlRequest(session_id=self._session_id, control=control))
                done_s = time.monotonic()
                if not read.done():  # later, its copy in the stream would undo what happened since
                    self._rules.acked(response.ack)
                    await read
        self._acks.add(verb, path, (done_s - begun_s) * 1000)

    async def _read(self, call: Call) -> None:
        while (message := await call.read()) is not EOF:
            now_s = time.monotonic()
            if message.pcm:
                self._rules.audio(message)
                self._frame.set()
            if message.HasField("event") and message.event.HasField("ack"):
                self._rules.acked_in_stream(message.event.ack)
                self._in_stream.pop(message.event.ack.control_id).set_result(now_s)
        raise ConnectionResetError("the worker ended the stream")
