"""A small far end for `parley talk`: it speaks the conversation's messages and answers every turn with a steady tone of known length."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

LEVEL = (1000).to_bytes(2, "little")
FRAME = LEVEL * 960
SILENT_FRAMES = 15
LEAD_S = 0.06


@dataclass
class Room:
    """What the far end saw, and how it behaves. `answer_frames` 0 means that it never answers."""

    answer_frames: int = 25
    refuse: dict[str, Any] | None = None
    most_turns: int | None = None
    breaks: int = 0
    """So many connections are lost in the middle of an answer."""
    unknown: bool = False
    """Nobody may come back."""
    resumes: list[str] = field(default_factory=list)
    url: str = ""
    received: list[dict[str, Any]] = field(default_factory=list)
    frames: int = 0
    loud: int = 0
    turns: int = 0
    _silent: int = 0
    _speaking: asyncio.Task[None] | None = None
    _cut: asyncio.Transport | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Room]:
        app = web.Application()
        app.add_routes([web.get("/v1/session", self._session)])
        runner = web.AppRunner(app, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/v1/session"
            yield self
        finally:
            await runner.cleanup()

    async def _session(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        resume = request.query.get("resume")
        if resume is not None:
            self.resumes.append(resume)
            if self.unknown:
                await self._tell(socket, "error", code="SESSION_UNKNOWN", message="no such session", retryable=True, fatal=True)
                await socket.close(code=1008)
                return socket
        token = f"token{len(self.resumes)}"
        await self._tell(socket, "connection", session_id="s1", resume_token=token, resumed=resume is not None)
        self._cut = request.transport
        if self.refuse is not None:
            await self._tell(socket, "error", **self.refuse)
            await socket.close(code=1013)
            return socket
        await self._tell(socket, "state", state="LISTENING")
        async with asyncio.TaskGroup() as group:
            async for message in socket:
                if message.type is WSMsgType.BINARY:
                    await self._hear(group, socket, message.data)
                else:
                    told = json.loads(message.data)
                    self.received.append(told)
                    if told["type"] == "text":
                        self._answer(group, socket)
                    if told["type"] == "end":
                        break
            if self._speaking is not None:
                self._speaking.cancel()
        await socket.close()
        return socket

    async def _hear(self, group: asyncio.TaskGroup, socket: web.WebSocketResponse, pcm: bytes) -> None:
        assert len(pcm) == 1920
        self.frames += 1
        if any(pcm):
            if self._speaking is not None and not self._speaking.done():
                self._speaking.cancel()
                await self._tell(socket, "flush", utterance_id=self.turns)
                await self._tell(socket, "utterance_ended", utterance_id=self.turns, reason="interrupted", heard_text="to", played_ms=1.0)
                await self._tell(socket, "conversation_complete", turn_id=self.turns, reason="interrupted")
            if not self.loud:
                await self._tell(socket, "state", state="LISTENING")
            self.loud, self._silent = self.loud + 1, 0
        elif self.loud:
            self._silent += 1
            if self._silent == SILENT_FRAMES:
                self.loud = 0
                self._answer(group, socket)

    def _answer(self, group: asyncio.TaskGroup, socket: web.WebSocketResponse) -> None:
        if self.answer_frames:
            self.turns += 1
            self._speaking = group.create_task(self._speak(socket, self.turns))

    async def _speak(self, socket: web.WebSocketResponse, turn: int) -> None:
        await self._tell(socket, "transcription", turn_id=turn, text=f"turn {turn}", final=True)
        await self._tell(socket, "response_text", turn_id=turn, utterance_id=turn, text="tone", final=True)
        await self._tell(socket, "utterance_started", turn_id=turn, utterance_id=turn)
        await self._tell(socket, "state", state="SPEAKING")
        latency = {"turn_end_ms": 300.0, "transcript_ms": 310.0, "first_text_ms": 311.0, "first_audio_ms": 320.0}
        await self._tell(socket, "latency", turn_id=turn, **latency)
        await self._tell(socket, "mark", utterance_id=turn, char_begin=0, char_end=4, at_ms=0.0)
        loop = asyncio.get_running_loop()
        began_s = loop.time() - LEAD_S
        for number in range(self.answer_frames):
            await asyncio.sleep(max(0.0, began_s + number * 0.02 - loop.time()))
            await socket.send_bytes(FRAME)
            if self.breaks and number == self.answer_frames // 2:
                self.breaks -= 1
                assert self._cut is not None
                self._cut.abort()
                return
        await asyncio.sleep(LEAD_S)
        ended = {"reason": "played", "heard_text": "tone", "played_ms": self.answer_frames * 20.0}
        await self._tell(socket, "utterance_ended", utterance_id=turn, **ended)
        await self._tell(socket, "conversation_complete", turn_id=turn, reason="played")
        await self._tell(socket, "state", state="WAITING_FOR_INPUT", reason="played")
        if turn == self.most_turns:
            await socket.close()

    async def _tell(self, socket: web.WebSocketResponse, kind: str, **fields: Any) -> None:
        await socket.send_str(json.dumps({"type": kind, **fields}))
