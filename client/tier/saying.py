"""From `parley say`'s options to sound in a file, on stdout or in the room."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from client.audio import devices
from client.audio.files import STREAM, SoundWriter
from client.audio.playback import Playback
from client.failure import Failure
from client.tier.progress import progress_bar
from client.tier.synthesis import Voice, render
from client.tier.workers import channel_to, worker_for

BUFFERED_MOST_MS: Final = 10_000.0
DEVICE_MS: Final = 200.0
"""What the device itself may still hold when our buffer is empty."""


@dataclass(frozen=True, slots=True)
class SayPlan:
    """The options of `parley say`."""

    text: str
    worker: str | None = None
    voice: str = ""
    speed: float = 1.0
    model: str = ""
    out: str | None = None
    raw: bool = False
    preset: str = "embedded"
    config: Path | None = None
    verbose: bool = False


async def say(plan: SayPlan) -> None:
    """Render and write or play.

    Raises:
        Failure: no worker, no loudspeaker, nothing came.
        ParleyError: the worker refused or failed.
    """
    if plan.out is None:
        _require_loudspeaker()
    async with worker_for("tts", plan.worker, plan.preset, plan.config, plan.verbose) as address, channel_to(address) as channel:
        with progress_bar("speaking", len(plan.text)) as progress:
            rendering = render(channel, plan.text, Voice(plan.voice, plan.speed, plan.model), progress)
            async with contextlib.aclosing(rendering) as sound:
                samples = await _play(sound) if plan.out is None else await _write(sound, plan.out, plan.raw)
    if samples == 0:
        raise Failure("the voice had nothing to say to that text", "try words instead of signs")


async def _write(sound: AsyncIterator[bytes], out: str, raw: bool) -> int:
    with SoundWriter(out, raw) as file:
        async for pcm in sound:
            file.write(pcm)
        return file.samples


async def _play(sound: AsyncIterator[bytes]) -> int:
    """Play as it comes; rendering waits while ten seconds lie ready."""
    playback, lock, count = Playback(), threading.Lock(), 0
    playback.begin(1)
    with devices.Loudspeaker(playback, lock, keep=False):
        async for pcm in sound:
            count += len(pcm) // 2
            with lock:
                playback.push(pcm)
                excess_ms = playback.buffered_ms - BUFFERED_MOST_MS
            if excess_ms > 0:
                await asyncio.sleep(excess_ms / 1000)
        with lock:
            playback.end()
            rest_ms = playback.buffered_ms
        await asyncio.sleep((rest_ms + DEVICE_MS) / 1000)
    return count


def _require_loudspeaker() -> None:
    way_out = f"write a file with --out speech.wav, or pipe it on with --out {STREAM}"
    try:
        if devices.present("output"):
            return
    except Failure as error:
        raise Failure(error.message, f"`pip install sounddevice` and the PortAudio library make it audible; or {way_out}") from None
    raise Failure("no loudspeaker was found", way_out)
