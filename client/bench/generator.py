"""The load of `bench talk`: many callers in one process, in real time, driven by one timer.

One process holds a few hundred sessions: a frame out and a frame in cost some 10 us together. How late its own timer fires is measured
and reported (`tick_late_ms`), because a starved generator would be read as a slow server.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from client.bench import wire
from client.bench.caller import Caller, Clip
from client.bench.process import Parent, Window, serve
from client.bench.scenario import Habits, turns
from client.bench.speech import load_clips, noise_frames
from client.bench.tally import Tally
from client.failure import Failure
from parley.audio import FRAME_BYTES, FRAME_MS

SLOTS = 10
"""The sessions' frames are spread over this many moments of each 20 ms, as those of real clients are."""
CONNECT_AT_ONCE = 10
_SLOT_S = FRAME_MS / 1000 / SLOTS
_EARLY_S = 0.0005  # the loop's timers count whole milliseconds: what is due within half of one is done now


class Line:
    """One caller and its connection."""

    def __init__(self, number: int, tally: Tally) -> None:
        self.number = number
        self._tally = tally
        self._connection: wire.Connection | None = None
        self._caller: Caller | None = None
        self._hung_up = False

    async def connect(self, url: str) -> None:
        """Open the connection.

        Raises:
            WireError: the server is not there or does not want us.
        """
        self._connection = await wire.connect(url, self._message, self._lost)

    def begin(self, caller: Caller) -> None:
        """From now on the caller speaks and listens."""
        self._caller = caller

    def tick(self, now_s: float) -> None:
        """Send the next microphone frame."""
        if self._caller is None or self._connection is None:
            return
        if not self._connection.send(self._caller.frame(now_s)):
            self._tally.count("unsent_frames")

    def hang_up(self) -> None:
        self._hung_up = True
        if self._connection is not None:
            self._connection.close()

    def _message(self, opcode: int, payload: bytes) -> None:
        if self._caller is None:
            return
        if opcode == wire.BINARY:
            frames, rest = divmod(len(payload), FRAME_BYTES)
            if rest or not frames:
                self._tally.error("BAD_FRAME")
            self._caller.heard(time.monotonic(), frames)
        else:
            self._caller.told(time.monotonic(), json.loads(payload))

    def _lost(self, why: str) -> None:
        self._connection = None
        if not self._hung_up:
            self._tally.error(f"connection: {why}")


class Ticking(Protocol):
    """Something that sends a frame every 20 ms."""

    def tick(self, now_s: float) -> None:
        """Send the next one."""


class Metronome:
    """Ticks every line once per 20 ms, on absolute deadlines; late ticks are made up for, none is left out."""

    def __init__(self, lines: Sequence[Ticking], tally: Tally) -> None:
        self._loop = asyncio.get_running_loop()
        self._slots = [(offset * _SLOT_S, list(lines[offset::SLOTS])) for offset in range(SLOTS) if lines[offset::SLOTS]]
        self._tally = tally
        self._start_s = time.monotonic()
        self._next = 0  # counts slots from the start, used ones only
        self._timer = self._loop.call_soon(self._tick)

    def stop(self) -> None:
        self._timer.cancel()

    def _due_s(self) -> float:
        period, slot = divmod(self._next, len(self._slots))
        return self._start_s + period * FRAME_MS / 1000 + self._slots[slot][0]

    def _tick(self) -> None:
        now_s = time.monotonic()
        while (late_s := now_s - self._due_s()) > -_EARLY_S:
            self._tally.sample("tick_late_ms", max(0.0, late_s * 1000))
            for line in self._slots[self._next % len(self._slots)][1]:
                line.tick(now_s)
            self._next += 1
            now_s = time.monotonic()
        self._timer = self._loop.call_later(-late_s, self._tick)


async def talk(job: dict[str, Any], parent: Parent) -> dict[str, Any]:
    """Run the sessions of `job` until the window closes."""
    clips, noise = _sounds(Path(job["clips"]))
    tally = Tally()
    lines = [Line(number, tally) for number in job["sessions"]]
    try:
        await _connect(lines, job["url"])
        now_s = time.monotonic()
        habits = Habits(**job["habits"])
        for line in lines:
            line.begin(Caller(turns(job["seed"], line.number, len(clips), habits), clips, noise, tally, now_s))
        metronome = Metronome(lines, tally)
        await _measure(await parent.connected(), tally, parent)
        metronome.stop()
    finally:
        for line in lines:
            line.hang_up()
    await asyncio.sleep(0)  # the goodbyes leave before the process does
    return tally.as_json()


def _sounds(file: Path) -> tuple[list[Clip], list[bytes]]:
    """Recordings and background as messages ready to send."""
    clips = [
        Clip([wire.client_frame(wire.BINARY, frame) for frame in clip.frames], clip.first_speech, clip.last_speech)
        for clip in load_clips(file)
    ]
    return clips, [wire.client_frame(wire.BINARY, frame) for frame in noise_frames()]


async def _connect(lines: Sequence[Line], url: str) -> None:
    for first in range(0, len(lines), CONNECT_AT_ONCE):
        try:
            async with asyncio.TaskGroup() as group:
                for line in lines[first : first + CONNECT_AT_ONCE]:
                    group.create_task(line.connect(url))
        except* wire.WireError as errors:
            raise Failure(str(errors.exceptions[0]), "is Parley running there?") from None


async def _measure(window: Window, tally: Tally, parent: Parent) -> None:
    await parent.sleep_until(window.open_s)
    tally.open = True
    await parent.sleep_until(window.close_s)
    tally.open = False


if __name__ == "__main__":
    serve(talk)
