"""One conversation: a WebSocket, a mouth, an ear and a view, joined by a 20 ms clock.

The messages are plain dictionaries: a client needs to know nothing but the wire (`docs/protocol.md`). Audio goes up in real time, one
binary message per 20 ms; what comes down goes to the ear's buffer. While something plays the server is told how far (`playback`),
every 100 ms and at every `pause` and `flush`, because what was heard decides what the agent believes to have said.

A connection that breaks is made again, with the session's `resume_token`: the conversation goes on where the server has left it.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlencode

import aiohttp

from client.failure import Failure, leaf
from client.talk.ends import Ear, Mouth
from client.talk.views import View
from parley.audio import FRAME_MS

TICK_S: Final = FRAME_MS / 1000
REPORT_TICKS: Final = 5
GOODBYE_S: Final = 2.0
PLAY_OUT_TICKS: Final = 100
LARGEST_MESSAGE: Final = 64 * 1024 * 1024
COME_BACK_S: Final = 30.0
"""As long as the server holds a session by default."""
COME_BACK_FIRST_S: Final = 0.2
COME_BACK_MAX_S: Final = 4.0
CONNECT_S: Final = 5.0


class Conversation:
    """Run it once, with `run`."""

    def __init__(self, url: str, mouth: Mouth, ear: Ear, view: View, configure: Mapping[str, Any] | None = None) -> None:
        self.answers = 0
        """Utterances of which something was played."""
        self._url, self._mouth, self._ear, self._view = url, mouth, ear, view
        self._configure = dict(configure or {})
        self._fatal: Mapping[str, Any] | None = None
        self._resume_token = ""
        self._heard_id = 0
        self._reported: tuple[int, float] = (0, 0.0)
        self._began_s = 0.0

    async def run(self) -> None:
        """Talk until the mouth is done or the server ends the session.

        Raises:
            Failure: no connection, or the server ended it with an error.
        """
        async with aiohttp.ClientSession() as http:
            socket = await self._connect(http)
            self._began_s = _now_s()
            await self._hold(socket, self._configure)
            while self._broken(socket):
                socket = await self._come_back(http)
                await self._hold(socket)
        await self._play_out()
        self._judge(socket.close_code)

    async def _hold(self, socket: aiohttp.ClientWebSocketResponse, configure: Mapping[str, Any] | None = None) -> None:
        """The conversation over this connection, to the connection's end."""
        try:
            async with asyncio.TaskGroup() as group:
                clock = group.create_task(self._clock(socket, configure))
                await self._receive(socket)
                clock.cancel()
        except BaseExceptionGroup as errors:
            raise leaf(errors) from None
        finally:
            await socket.close()

    async def _connect(self, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        try:
            return await http.ws_connect(self._url, max_msg_size=LARGEST_MESSAGE, heartbeat=10.0)
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 404:
                raise Failure(f"what answers at {self._url} is no Parley", "check --url") from None
            raise Failure(f"{self._url} refused the conversation (HTTP {error.status})", "try again later") from None
        except (aiohttp.ClientConnectionError, aiohttp.InvalidURL, TimeoutError):
            raise Failure(f"nothing answers at {self._url}", "start it with `parley up`, or leave --url out") from None

    # ---------- a connection that breaks ----------

    def _broken(self, socket: aiohttp.ClientWebSocketResponse) -> bool:
        """Whether it ended by nobody's will, and there is a way back."""
        meant = self._fatal is not None or self._mouth.done or socket.close_code in (1000, None)
        return not meant and bool(self._resume_token)

    async def _come_back(self, http: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        self._view.message({"type": "client_note", "text": "the connection broke: trying to come back"}, self._t_ms())
        with self._ear.lock:
            self._ear.playback.end()
        url = f"{self._url}?{urlencode({'resume': self._resume_token})}"
        until_s, pause_s = _now_s() + COME_BACK_S, COME_BACK_FIRST_S
        while True:
            await self._tick_ear(pause_s)
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_S):
                    return await http.ws_connect(url, max_msg_size=LARGEST_MESSAGE, heartbeat=10.0)
            if _now_s() >= until_s:
                raise Failure(
                    f"the connection broke, and for {COME_BACK_S:.0f} s there was no other", "`parley status` shows what is running"
                )
            pause_s = min(2 * pause_s, COME_BACK_MAX_S)

    async def _tick_ear(self, duration_s: float) -> None:
        for _ in range(round(duration_s / TICK_S)):
            self._ear.tick()
            await asyncio.sleep(TICK_S)

    # ---------- down ----------

    async def _receive(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for received in socket:
            if received.type is aiohttp.WSMsgType.BINARY:
                with self._ear.lock:
                    self._ear.playback.push(received.data)
            elif received.type is aiohttp.WSMsgType.TEXT:
                await self._message(socket, json.loads(received.data))

    async def _message(self, socket: aiohttp.ClientWebSocketResponse, message: Mapping[str, Any]) -> None:
        playback = self._ear.playback
        with self._ear.lock:
            match message.get("type"):
                case "utterance_started":
                    playback.begin(int(message["utterance_id"]))
                case "utterance_ended":
                    playback.end()
                case "pause":
                    playback.pause()
                case "resume":
                    playback.resume()
                case "flush":
                    playback.flush()
                case _:
                    pass
        if message.get("type") in ("pause", "flush"):
            await self._report(socket)
        if message.get("type") == "error" and message.get("fatal"):
            self._fatal = message
        if message.get("type") == "connection":
            self._resume_token = str(message.get("resume_token", ""))
        self._view.message(message, self._t_ms())
        self._mouth.message(message)

    # ---------- up ----------

    async def _clock(self, socket: aiohttp.ClientWebSocketResponse, configure: Mapping[str, Any] | None) -> None:
        with contextlib.suppress(ConnectionResetError):  # the server has gone; the receiving side tells why
            if configure:
                await socket.send_str(json.dumps({"type": "configure", **configure}))
            await self._keep_time(socket)

    async def _keep_time(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """The 20 ms clock, by absolute deadlines: a late tick is made up for."""
        loop = asyncio.get_running_loop()
        due_s, ticks = loop.time(), 0
        while not self._mouth.done:
            await self._tick(socket)
            ticks += 1
            if ticks % REPORT_TICKS == 0:
                await self._report(socket, only_news=True)
            due_s += TICK_S
            await asyncio.sleep(max(0.0, due_s - loop.time()))
        await socket.send_str(json.dumps({"type": "end"}))
        await asyncio.sleep(GOODBYE_S)
        await socket.close()

    async def _tick(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._ear.tick()
        utterance_id, played_ms, playing = self._place()
        if utterance_id != self._heard_id and played_ms > 0:
            self._heard_id, self.answers = utterance_id, self.answers + 1
            self._view.message({"type": "client_audio_started", "utterance_id": utterance_id}, self._t_ms())
        if playing:
            self._view.played(utterance_id, played_ms)
        outgoing = self._mouth.tick(utterance_id, played_ms, playing)
        for note in outgoing.notes:
            self._view.message(note, self._t_ms())
        for message in outgoing.messages:
            await socket.send_str(json.dumps(message))
        for frame in outgoing.frames:
            await socket.send_bytes(frame)

    async def _report(self, socket: aiohttp.ClientWebSocketResponse, only_news: bool = False) -> None:
        utterance_id, played_ms, _ = self._place()
        if utterance_id == 0 or (only_news and (utterance_id, played_ms) == self._reported):
            return
        self._reported = (utterance_id, played_ms)
        await socket.send_str(json.dumps({"type": "playback", "utterance_id": utterance_id, "played_ms": round(played_ms, 1)}))

    def _place(self) -> tuple[int, float, bool]:
        with self._ear.lock:
            playback = self._ear.playback
            return playback.utterance_id, playback.played_ms, playback.playing

    # ---------- the end ----------

    async def _play_out(self) -> None:
        """The server has said its last word; what lies in the buffer is still to be heard."""
        with self._ear.lock:
            self._ear.playback.end()
        for _ in range(PLAY_OUT_TICKS):
            self._ear.tick()
            if not self._place()[2]:
                break
            await asyncio.sleep(TICK_S)

    def _t_ms(self) -> float:
        return (_now_s() - self._began_s) * 1000

    def _judge(self, close_code: int | None) -> None:
        if self._fatal is not None:
            raise Failure(f"the session was ended: {self._fatal.get('message')} [{self._fatal.get('code')}]")
        if close_code not in (1000, None) and not self._mouth.done:
            raise Failure(f"the connection broke (close code {close_code})", "`parley status` shows what is running")


def _now_s() -> float:
    return asyncio.get_running_loop().time()
