"""A server with the turn rules of the common load and nothing behind it: the floor that a load generator must be able to show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import numpy as np
import pytest
from aiohttp import WSMsgType, web

from parley.audio import SILENT_FRAME

LOUD_LSB = 300
START_FRAMES = STOP_FRAMES = 10
THINK_S = 0.1
ANSWER_FRAMES = 40


class Bare:
    """One connection: loud or quiet, and an answer of silence after every stretch of loud."""

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self._ws = ws
        self._loud = self._quiet = 0
        self._talking = False
        self._answer: asyncio.Task[None] | None = None
        self._utterances = 0

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            await self._tell("connection", session_id="bare")
            async for message in self._ws:
                if message.type is WSMsgType.BINARY:
                    await self._hear(group, message.data)
            if self._answer is not None:
                self._answer.cancel()

    async def _hear(self, group: asyncio.TaskGroup, frame: bytes) -> None:
        loud = np.abs(np.frombuffer(frame, np.int16)).max() > LOUD_LSB
        self._loud, self._quiet = (self._loud + 1, 0) if loud else (0, self._quiet + 1)
        if not self._talking and self._loud == START_FRAMES:
            self._talking = True
            if self._answer is not None and not self._answer.done():
                self._answer.cancel()
                await self._tell("flush", utterance_id=self._utterances)
                await self._tell("utterance_ended", utterance_id=self._utterances, reason="interrupted")
        elif self._talking and self._quiet == STOP_FRAMES:
            self._talking = False
            self._answer = group.create_task(self._speak())

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(THINK_S)
        self._utterances += 1
        await self._tell("utterance_started", utterance_id=self._utterances)
        begun = loop.time()
        for number in range(ANSWER_FRAMES):
            await self._ws.send_bytes(SILENT_FRAME)
            await asyncio.sleep(begun + number * 0.02 - loop.time())
        await self._tell("utterance_ended", utterance_id=self._utterances, reason="played")

    async def _tell(self, kind: str, **fields: object) -> None:
        await self._ws.send_str(json.dumps({"type": kind, **fields}))


async def _session(request: web.Request) -> web.WebSocketResponse:
    ws = web.WebSocketResponse()
    await ws.prepare(request)
    await Bare(ws).run()
    return ws


@pytest.fixture
async def bare_url() -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/v1/session", _session)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    assert site._server is not None
    port = site._server.sockets[0].getsockname()[1]
    yield f"ws://127.0.0.1:{port}/v1/session"
    await runner.cleanup()
