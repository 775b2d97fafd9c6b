"""The first try, as a person has it: real speech in, real recognition, the guide's answer in speech."""

from __future__ import annotations

import asyncio
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
from caller import calling

PROMPTS = Path("/usr/share/asterisk/sounds")


def _pcm(path: Path) -> bytes:
    """A sound file as 48 kHz mono s16le."""
    samples, rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    return (soxr.resample(samples.mean(axis=1), rate_hz, 48_000) * 32767).astype(np.int16).tobytes()


@pytest.fixture(scope="session")
def human(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A recorded human prompt."""
    found = sorted(PROMPTS.glob("en*/agent-newlocation.g722"))
    if not found or shutil.which("ffmpeg") is None:
        pytest.skip("needs recorded prompts (asterisk-core-sounds-en-g722) and ffmpeg")
    wav = tmp_path_factory.mktemp("human") / "prompt.wav"
    subprocess.run(["ffmpeg", "-loglevel", "error", "-i", str(found[0]), str(wav)], check=True, timeout=20)
    return _pcm(wav)


def _flite(tmp_path: Path, text: str) -> bytes:
    if shutil.which("flite") is None:
        pytest.skip("needs flite")
    wav = tmp_path / "said.wav"
    subprocess.run(["flite", "-voice", "rms", "-t", text, "-o", str(wav)], check=True, timeout=20)
    return _pcm(wav)


def _loudness(pcm: bytes) -> float:
    return float(np.abs(np.frombuffer(pcm, np.int16)).mean())


async def test_a_recorded_human_is_transcribed_and_answered_in_speech(embedded_url: str, human: bytes) -> None:
    async with calling(embedded_url) as caller:
        heard, answer = await caller.turn(human)
        assert len(set(heard.split()) & {"enter", "new", "extension", "followed", "by", "the", "pound"}) >= 3, heard
        said = "".join(event["text"] for event in caller.events if event["type"] == "response_text")
        assert said == f"I heard: {heard}" or heard in said
        assert len(answer) > 48_000
        assert _loudness(answer) > 300


async def test_counting_is_stopped_by_talking_over_it_and_remembered(embedded_url: str, tmp_path: Path) -> None:
    async with calling(embedded_url) as caller:
        caller.say(_flite(tmp_path, "count to thirty"))
        assert (await caller.wait("transcription", final=True))["text"] == "count to thirty"
        await caller.wait("utterance_started")
        await caller.wait("mark", char_begin=len("One, two, three, "))  # "four" begins
        since = len(caller.events)
        caller.say(_flite(tmp_path, "stop"))
        ended = await caller.wait("utterance_ended", since)
        assert ended["reason"] == "interrupted"
        assert ended["heard_text"].startswith("One, two, three")
        assert "twenty" not in ended["heard_text"]
        await caller.wait("state", since, state="WAITING_FOR_INPUT")
        since = len(caller.events)
        await caller.ws.send_json({"type": "text", "text": "how far did you get?"})
        await caller.wait("conversation_complete", since, reason="played")
        said = "".join(event["text"] for event in caller.events[since:] if event["type"] == "response_text")
        words = re.findall(r"[a-z-]+", ended["heard_text"].lower())
        assert words[-1] in said or words[-2] in said, (ended["heard_text"], said)


async def test_goodbye_ends_the_session_politely(embedded_url: str) -> None:
    async with calling(embedded_url) as caller:
        await caller.ws.send_json({"type": "text", "text": "goodbye"})
        assert await caller.closed() == 1000
        assert [event["state"] for event in caller.events if event["type"] == "state"][-1] == "TERMINATED"


async def test_slower_is_slower(embedded_url: str) -> None:
    async with calling(embedded_url, microphone=False) as caller:
        durations = []
        for text in ("repeat after me this is a sentence", "talk slower", "talk slower", "repeat after me this is a sentence"):
            since = len(caller.events)
            await caller.ws.send_json({"type": "text", "text": text})
            durations.append((await caller.wait("utterance_ended", since))["played_ms"])
            await caller.wait("state", since, state="WAITING_FOR_INPUT")
            await asyncio.sleep(0)
        assert durations[-1] > 1.3 * durations[0]
