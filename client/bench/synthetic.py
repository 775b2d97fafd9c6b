"""Speech for machines without recordings: a TTS worker of our own is started, speaks a few sentences as fast as it can, and is ended."""

from __future__ import annotations

import asyncio
import uuid
from typing import Final

import grpc
import numpy as np

from client.bench.speech import Recording, stretches
from client.bench.stubs import tts_stub
from client.failure import Failure
from client.stack.child import Child, Died, Service
from parley.v1 import tts_pb2

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
    """One session, one utterance per sentence."""
    session = str(uuid.uuid4())
    async with asyncio.timeout(_SPEAK_WITHIN_S), grpc.aio.insecure_channel(worker) as channel:
        stub = tts_stub(channel)
        config = tts_pb2.TtsConfig(pacing=tts_pb2.PACING_UNPACED, max_frames_per_message=25)
        await stub.StartSession(tts_pb2.StartSessionRequest(session_id=session, config=config))
        call = stub.Synthesize()
        for number, text in enumerate(SENTENCES, 1):
            chunk = tts_pb2.TextChunk(session_id=session, utterance_id=number, text=text, end_of_utterance=True)
            await call.write(chunk)
        await call.done_writing()
        spoken: dict[int, list[bytes]] = {}
        async for frame in call:
            spoken.setdefault(frame.utterance_id, []).append(frame.pcm)
    sounds = [np.frombuffer(b"".join(pcm), np.int16) for pcm in spoken.values()]
    return [recording for number, sound in enumerate(sounds) for recording in stretches(f"sentence{number}", sound)]
