"""`parley talk` against a far end on a real WebSocket."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from client.failure import Failure
from client.talk.plan import TalkPlan, talk


@pytest.fixture
def wav(tmp_path: Path) -> str:
    file = tmp_path / "question.wav"
    soundfile.write(file, np.full(16000 // 5, 0.3, np.float32), 16000)  # 200 ms
    return str(file)


def events(text: str, kind: str) -> list[dict[str, Any]]:
    return [event for line in text.splitlines() if (event := json.loads(line))["type"] == kind]


async def test_two_spoken_turns_are_heard_in_full_and_in_time(
    room: Any, wav: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "heard.wav"
    async with room.Room().open() as far:
        await talk(TalkPlan(url=far.url, wavs=(wav, wav), out=str(out), json=True))
    samples, rate_hz = soundfile.read(out, dtype="int16")
    assert rate_hz == 48000
    assert np.count_nonzero(samples) == 2 * 25 * 960
    edges = np.flatnonzero(np.diff((samples != 0).astype(int)))
    assert len(edges) == 4  # silence, answer, silence, answer, silence
    shown = capsys.readouterr().out
    assert [event["text"] for event in events(shown, "transcription")] == ["turn 1", "turn 2"]
    assert [event["turn"] for event in events(shown, "client_speech_ended")] == [1, 2]
    assert [event["utterance_id"] for event in events(shown, "client_audio_started")] == [1, 2]
    times = [event["t_ms"] for line in shown.splitlines() for event in [json.loads(line)]]
    assert times == sorted(times)


async def test_playback_is_reported_absolutely(room: Any, wav: str) -> None:
    async with room.Room().open() as far:
        await talk(TalkPlan(url=far.url, wavs=(wav,), json=True))
    places = [message["played_ms"] for message in far.received if message["type"] == "playback"]
    assert places == sorted(places)
    assert len(places) >= 4
    assert places[-1] == 500.0
    assert far.received[-1] == {"type": "end"}


async def test_a_barge_in_throws_away_what_was_not_played(room: Any, wav: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "heard.wav"
    async with room.Room(answer_frames=60).open() as far:
        await talk(TalkPlan(url=far.url, wavs=(wav,), out=str(out), json=True, barge_in_ms=200))
    assert far.turns == 2
    samples, _ = soundfile.read(out, dtype="int16")
    ended = events(capsys.readouterr().out, "utterance_ended")
    assert [event["reason"] for event in ended] == ["interrupted", "played"]
    first_answer = np.count_nonzero(samples) - 60 * 960
    assert 200 * 48 <= first_answer < 60 * 960


async def test_typed_turns_send_no_sound_and_show_plain_lines(room: Any, capsys: pytest.CaptureFixture[str]) -> None:
    async with room.Room(answer_frames=5).open() as far:
        await talk(TalkPlan(url=far.url, texts=("hello", "again"), out=None))
    assert far.frames == 0
    assert [message["text"] for message in far.received if message["type"] == "text"] == ["hello", "again"]
    shown = capsys.readouterr().out
    assert shown.count("parley  tone\n") == 2
    assert "first audio 320 ms after" in shown


async def test_wishes_are_configured_first(room: Any) -> None:
    async with room.Room(answer_frames=5).open() as far:
        await talk(TalkPlan(url=far.url, texts=("hello",), configure={"voice": "en-gb", "speed": 1.5}))
    assert far.received[0] == {"type": "configure", "voice": "en-gb", "speed": 1.5}


async def test_no_answer_is_a_failure(room: Any, wav: str) -> None:
    async with room.Room(answer_frames=0).open() as far:
        with pytest.raises(Failure, match="no answer came to turn 1"):
            await talk(TalkPlan(url=far.url, wavs=(wav,), patience_s=0.5))


async def test_a_connection_that_breaks_is_made_again_and_the_turn_said_again(room: Any, capsys: pytest.CaptureFixture[str]) -> None:
    async with room.Room(breaks=2).open() as far:
        await talk(TalkPlan(url=far.url, texts=("hello", "again")))
    assert far.resumes == ["token0", "token1"]
    assert [message["text"] for message in far.received if message["type"] == "text"][-2:] == ["hello", "again"]
    shown = capsys.readouterr().out
    assert shown.count("trying to come back") == 2
    assert shown.count("connected again") == 2


async def test_a_session_that_is_gone_is_not_asked_for_again(room: Any) -> None:
    async with room.Room(breaks=1, unknown=True).open() as far:
        with pytest.raises(Failure, match=r"no such session \[SESSION_UNKNOWN\]"):
            await talk(TalkPlan(url=far.url, texts=("hello",)))
    assert len(far.resumes) == 1


async def test_a_refusal_is_told_in_the_servers_words(room: Any) -> None:
    refuse = {"code": "CAPACITY", "message": "all 200 sessions are taken", "retryable": True, "fatal": True}
    async with room.Room(refuse=refuse).open() as far:
        with pytest.raises(Failure, match=r"all 200 sessions are taken \[CAPACITY\]"):
            await talk(TalkPlan(url=far.url, texts=("hello",)))
