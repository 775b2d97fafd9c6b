"""Whole recordings in one message."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
import soundfile
from caller import calling, tone_speech, tone_text


def _wav(pcm: bytes, rate_hz: int = 48_000, form: str = "WAV") -> str:
    out = io.BytesIO()
    soundfile.write(out, np.frombuffer(pcm, np.int16), rate_hz, format=form)
    return base64.b64encode(out.getvalue()).decode()


@pytest.mark.parametrize(("form", "rate_hz"), [("WAV", 48_000), ("FLAC", 16_000), ("WAV", 24_000)])
async def test_a_recording_is_answered_as_a_whole(tone_url: str, form: str, rate_hz: int) -> None:
    text = "A whole recording."
    async with calling(tone_url, microphone=False) as caller:
        await caller.ws.send_json({"type": "audio", "audio_data": _wav(tone_speech(text, rate_hz), rate_hz, form)})
        assert (await caller.wait("conversation_complete"))["reason"] == "answered"
        kinds = [event["type"] for event in caller.events if event["type"] != "state"]
        assert kinds == ["connection", "transcription", "response_text", "response_text", "speech_response", "conversation_complete"]
        response = await caller.wait("speech_response")
        samples, rate = soundfile.read(io.BytesIO(base64.b64decode(response["audio_data"])), dtype="int16")
        assert rate == response["sample_rate_hz"]
        assert tone_text(samples.tobytes()) == text
        assert caller.audio == {}, "the answer to a recording is no binary audio"


async def test_the_transcript_alone(tone_url: str) -> None:
    raw = base64.b64encode(tone_speech("Only words.", 16_000)).decode()
    async with calling(tone_url, microphone=False) as caller:
        await caller.ws.send_json({"type": "audio", "audio_data": raw, "sample_rate_hz": 16_000, "mode": "transcribe"})
        assert (await caller.wait("conversation_complete"))["reason"] == "transcribed"
        assert (await caller.wait("transcription"))["text"] == "Only words."


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"audio_data": "not base64!"}, "MESSAGE_INVALID"),
        ({"audio_data": base64.b64encode(b"not a sound file").decode()}, "UNSUPPORTED_FORMAT"),
        ({"audio_data": base64.b64encode(b"odd").decode(), "sample_rate_hz": 16_000}, "BAD_FRAME"),
        ({"audio_data": _wav(bytes(16_000 * 2 * 70), 8_000)}, "MESSAGE_TOO_LARGE"),
    ],
)
async def test_a_bad_recording_is_an_error_and_the_session_lives_on(tone_url: str, fields: dict[str, object], code: str) -> None:
    async with calling(tone_url, microphone=False) as caller:
        await caller.ws.send_json({"type": "audio", **fields})
        error = await caller.wait("error")
        assert (error["code"], error["fatal"]) == (code, False)
        assert (await caller.wait("conversation_complete"))["reason"] == "failed"
        await caller.ws.send_json({"type": "text", "text": "Still there?"})
        assert (await caller.wait("utterance_ended"))["reason"] == "played"


async def test_one_recording_at_a_time(tone_url: str) -> None:
    recording = {"type": "audio", "audio_data": _wav(tone_speech("One at a time, please."))}
    async with calling(tone_url, microphone=False) as caller:
        await caller.ws.send_json(recording)
        await caller.ws.send_json(recording)
        assert (await caller.wait("error"))["code"] == "BUSY"
        assert (await caller.wait("conversation_complete"))["reason"] == "answered"
