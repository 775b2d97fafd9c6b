"""Speech for machines without recordings: a TTS worker of our own is started, speaks a few sentences as fast as it can, and is ended."""

from __future__ import annotations

import asyncio
from typing import Final

import grpc
import numpy as np

from client.bench.speech import Recording, stretches
from client.failure import Failure
from client.stack.child import Child, Died, Service
from client.tier.synthesis import Voice, render

ENGINES: Final = ("espeak", "tone")
SENTENCES: Final = (
    "Could you tell me what the weather will be like tomorrow morning?",
    "I would like to know more about that if you do not mind.",
    "Please read me the second part of the story again.",
    "How many people are waiting in front of me right now?",
    "That is not quite what I meant when I asked you about it.",
    "Remind me to call my brother on the way home tonight.",
)
_READY_WITHIN_S: Final = 60.0
_SPEAK_WITHIN_S: Final = 30.0


async def synthesize() -> tuple[list[Recording], str]:
    """Recordings of the first engine that can be had and whose voice the detector takes for one, and the engine's name.

    Raises:
        Failure: no engine works here.
    """
    why = ""
    for engine in ENGINES:
        service = Service("tts", f"tts ({engine})", ("-m", "workers", "tts", "--engine", engine, "--listen", "127.0.0.1:0"))
        try:
            child = await Child.start(service, _READY_WITHIN_S)
        except Died as error:
            why = str(error)
            continue
        try:
            recordings = await _speak(child.address.removeprefix("grpc://"))
        finally:
            child.kill()
            await child.follow()
        if recordings:
            return recordings, engine
        why = f"the detector takes the voice of {engine} for none"
    raise Failure("there is nothing that the callers could say", f"name a folder of recordings with --speech ({why})")


async def _speak(worker: str) -> list[Recording]:
    recordings: list[Recording] = []
    async with asyncio.timeout(_SPEAK_WITHIN_S), grpc.aio.insecure_channel(worker) as channel:
        for number, text in enumerate(SENTENCES, 1):
            pcm = b"".join([part async for part in render(channel, text, Voice(), lambda characters: None)])
            recordings.extend(stretches(f"sentence{number}", np.frombuffer(pcm, np.int16)))
    return recordings
