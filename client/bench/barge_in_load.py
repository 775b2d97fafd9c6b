"""The load of `bench barge-in`: many interrupters in one process, in real time; first one alone hears the answer in peace."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from client.bench import wire
from client.bench.generator import CONNECT_AT_ONCE, Metronome
from client.bench.interrupter import Interrupter, plan
from client.bench.loudspeaker import Reference
from client.bench.process import Parent, serve
from client.bench.scenes import load
from client.bench.speech import noise_frames
from client.bench.tally import Tally
from client.failure import Failure
from parley.audio import FRAME_BYTES

REFERENCE_WITHIN_S: Final = 60.0


class PersonLine:
    """One interrupter and its connection."""

    def __init__(self, number: int, tally: Tally) -> None:
        self.number = number
        self._tally = tally
        self._connection: wire.Connection | None = None
        self._person: Interrupter | None = None
        self._hung_up = False

    async def connect(self, url: str) -> None:
        """Open the connection.

        Raises:
            WireError: the server is not there or does not want us.
        """
        self._connection = await wire.connect(url, self._message, self._lost)

    def begin(self, person: Interrupter) -> None:
        self._person = person

    def send(self, message: dict[str, Any]) -> None:
        if self._connection is not None:
            self._connection.send(wire.client_frame(wire.TEXT, json.dumps(message).encode()))

    def tick(self, now_s: float) -> None:
        """Send the next microphone frame."""
        if self._person is None or self._connection is None:
            return
        if not self._connection.send(wire.client_frame(wire.BINARY, self._person.frame(now_s))):
            self._tally.count("unsent_frames")

    def hang_up(self) -> None:
        self._hung_up = True
        if self._connection is not None:
            self._connection.close()

    def _message(self, opcode: int, payload: bytes) -> None:
        if self._person is None:
            return
        if opcode == wire.BINARY:
            self._person.heard(time.monotonic(), payload)
        else:
            self._person.told(time.monotonic(), json.loads(payload))

    def _lost(self, why: str) -> None:
        self._connection = None
        if not self._hung_up:
            self._tally.error(f"connection: {why}")


class _Listener:
    """Hears one answer to its end."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.begins_ms: list[float] = []
        self.over = asyncio.Event()
        self.lost = ""

    def message(self, opcode: int, payload: bytes) -> None:
        if opcode == wire.BINARY:
            self.pcm += payload
            return
        message = json.loads(payload)
        if message["type"] == "mark":
            self.begins_ms.append(float(message["at_ms"]))
        elif message["type"] == "utterance_ended":
            self.over.set()

    def gone(self, why: str) -> None:
        self.lost = why
        self.over.set()


async def hear_reference(url: str) -> Reference:
    """The answer, heard without interruption, twice at a time: some voices never say a thing twice in the same samples.

    Raises:
        Failure: there is none.
    """
    one, other = await asyncio.gather(_hear(url), _hear(url))
    return replace(one, exact=one.pcm == other.pcm)


async def _hear(url: str) -> Reference:
    listener = _Listener()
    try:
        connection = await wire.connect(url, listener.message, listener.gone)
        connection.send(wire.client_frame(wire.TEXT, json.dumps({"type": "text", "text": "begin"}).encode()))
        async with asyncio.timeout(REFERENCE_WITHIN_S):
            await listener.over.wait()
    except (wire.WireError, TimeoutError) as error:
        raise Failure(f"no answer to compare with: {error or 'it did not end'}", "is Parley running there?") from None
    connection.close()
    if not listener.pcm or len(listener.pcm) % FRAME_BYTES:
        raise Failure(f"no answer to compare with {listener.lost}".strip())
    return Reference(bytes(listener.pcm), listener.begins_ms)


async def interrupt(job: dict[str, Any], parent: Parent) -> dict[str, Any]:
    """Run the sessions of `job` until the window closes; the outcomes that began to be told within it."""
    scenes = load(Path(job["scenes"]))
    reference = await hear_reference(job["url"])
    tally = Tally()
    outcomes: list[tuple[str, dict[str, Any]]] = []

    def note(kind: str, outcome: dict[str, Any]) -> None:
        if tally.open:
            outcomes.append((kind, outcome))

    lines = [PersonLine(number, tally) for number in job["sessions"]]
    room = noise_frames()
    try:
        await _connect(lines, job["url"])
        now_s = time.monotonic()
        for line in lines:
            exchanges = plan(job["seed"], line.number, scenes)
            line.begin(Interrupter(exchanges, reference, room, line.send, note, line.number, now_s))
        metronome = Metronome(lines, tally)
        window = await parent.connected()
        await parent.sleep_until(window.open_s)
        tally.open = True
        await parent.sleep_until(window.close_s)
        tally.open = False
        metronome.stop()
    finally:
        for line in lines:
            line.hang_up()
    await asyncio.sleep(0)  # the goodbyes leave before the process does
    return {**tally.as_json(), "outcomes": outcomes}


async def _connect(lines: list[PersonLine], url: str) -> None:
    for first in range(0, len(lines), CONNECT_AT_ONCE):
        try:
            async with asyncio.TaskGroup() as group:
                for line in lines[first : first + CONNECT_AT_ONCE]:
                    group.create_task(line.connect(url))
        except* wire.WireError as errors:
            raise Failure(str(errors.exceptions[0]), "is Parley running there?") from None


if __name__ == "__main__":
    serve(interrupt)
