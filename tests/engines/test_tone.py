"""Tone's speech comes back to the letter, whatever happens to it on the way; and its faults happen when they are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import soxr
import webrtcvad
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.engines.api import SttInput, SttRequest, SttStep, TtsRequest
from workers.engines.conformance import Spoken, speak
from workers.engines.tone import ToneStt, ToneTts

TEXT = "Zażółć gęślą jaźń: the quick brown fox ☕ 今日は jumps 1234 times."
Sound = npt.NDArray[np.float64]

SPEAKER = ToneTts()
CARD = SPEAKER.load({})


def said(text: str, voice: str = "tone", speed: float = 1.0) -> Spoken:
    return speak(SPEAKER, CARD, TtsRequest(text, voice=voice, speed=speed))


def at_16k(spoken: Spoken) -> Sound:
    return soxr.resample(np.frombuffer(spoken.pcm, np.int16), 24000, 16000).astype(np.float64)


def written(sound: Sound, chunks: list[int] | None = None, options: Mapping[str, Any] | None = None) -> SttStep:
    listener = ToneStt()
    listener.load(options or {})
    stream = listener.open(SttRequest())
    pcm = np.clip(sound, -32768, 32767).astype(np.int16).tobytes()
    sizes = iter(chunks or [])
    at = 0
    while at < len(pcm):
        size = next(sizes, 1600) * 2
        listener.step([SttInput(stream, pcm[at : at + size])])
        at += size
    return listener.step([SttInput(stream, b"", finalize=True)])[0]


def through(sound: Sound, *rates_hz: int) -> Sound:
    for from_hz, to_hz in zip((16000, *rates_hz), (*rates_hz, 16000), strict=True):
        sound = soxr.resample(sound, from_hz, to_hz)
    return sound


def noise(samples: int, rms: float) -> Sound:
    return np.random.default_rng(7).normal(0, rms, samples)


WAYS = {
    "as it is": lambda x: x,
    "after silence": lambda x: np.concatenate([np.zeros(4807), x]),
    "after a noise floor": lambda x: np.concatenate([noise(4800, 60), x]),
    "through 48 kHz": lambda x: through(x, 48000),
    "through 8 kHz": lambda x: through(x, 8000),
    "20 dB softer": lambda x: x * 0.1,
    "6 dB louder, limited": lambda x: np.tanh(x * 2 / 26000) * 26000,
    "in noise 20 dB below": lambda x: x + noise(len(x), np.sqrt(np.mean(x**2)) / 10),
    "paused in the middle of a word": lambda x: np.concatenate([x[:33333], np.zeros(9001), x[33333:]]),
    "without its tail": lambda x: x[:-640],
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("voice", CARD.voices)
@pytest.mark.parametrize("speed", [0.5, 1.0, 2.0])
def test_survives(way: str, voice: str, speed: float) -> None:
    assert written(WAYS[way](at_16k(said(TEXT, voice, speed)))).text == TEXT


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=40), st.lists(st.integers(1, 4000), max_size=30), st.integers(0, 400))
def test_any_text_in_any_chunks_at_any_offset(text: str, chunks: list[int], offset: int) -> None:
    assert written(np.concatenate([np.zeros(offset), at_16k(said(text))]), chunks).text == text


def test_segments_become_one_text() -> None:
    parts = [at_16k(said(text)) for text in ("One moment.", "aa", "aa and on", " with a space")]
    assert (
        written(np.concatenate([part for sound in parts for part in (sound, np.zeros(3203))])).text
        == "One moment. aa aa and on with a space"
    )


def test_whole_characters_of_what_was_received() -> None:
    sound = at_16k(said("abcdefghij klmnopqrst"))
    without_start = written(sound[len(sound) // 3 :]).text
    without_end = written(sound[: len(sound) // 3]).text
    assert without_start
    assert "abcdefghij klmnopqrst".endswith(without_start)
    assert without_end
    assert "abcdefghij klmnopqrst".startswith(without_end)


@pytest.mark.parametrize("mode", [2, 3])
@pytest.mark.parametrize(
    "text", ["The quick brown fox jumps over the lazy dog. " * 10, "a" * 450, "今日はとても良い天気ですね" * 12], ids=str.split
)
def test_voice_activity_detector_takes_it_for_speech(mode: int, text: str) -> None:
    pcm = at_16k(said(text)).astype(np.int16).tobytes()
    assert len(pcm) > 26 * 32000
    detector = webrtcvad.Vad(mode)
    verdicts = [detector.is_speech(pcm[at : at + 640], 16000) for at in range(0, len(pcm) - 639, 640)]
    assert sum(verdicts) >= 0.95 * len(verdicts)


def test_level_and_pace_are_a_speakers() -> None:
    spoken = said("The quick brown fox jumps over the lazy dog.")
    sound = np.frombuffer(spoken.pcm, np.int16) / 32768
    assert -22 < 20 * np.log10(np.sqrt(np.mean(sound**2))) < -18
    assert 14 < 44 / (len(sound) / 24000) < 18


def test_marks_and_word_times_tell_where_the_words_are() -> None:
    text = "some words of various lengthiness"
    spoken = said(text)
    heard = written(at_16k(spoken)).words
    assert [text[mark.char_begin : mark.char_end] for mark in spoken.marks] == [word.text for word in heard] == text.split()
    for mark, word in zip(spoken.marks, heard, strict=True):
        assert abs(mark.sample_begin / 24 - word.sample_begin / 16) < 20  # ms
        assert abs(mark.sample_end / 24 - word.sample_end / 16) < 60  # a space, which no word owns


def test_foreign_speech_gets_the_text_it_is_told_word_by_word() -> None:
    listener = ToneStt()
    listener.load({"foreign_text": "tell me a joke", "partial_delay_ms": 80, "final_delay_ms": 200})
    stream = listener.open(SttRequest())
    babble = noise(16000 * 2, 3000).astype(np.int16).tobytes()
    steps = [listener.step([SttInput(stream, babble[at : at + 3200])])[0] for at in range(0, len(babble), 3200)]
    news = [step for step in steps if step.text is not None and step.text]
    assert [step.text for step in news] == ["tell", "tell me", "tell me a", "tell me a joke"]
    assert {step.delay_ms for step in news} == {80}
    final = listener.step([SttInput(stream, b"", finalize=True)])[0]
    assert (final.text, final.final, final.delay_ms) == ("tell me a joke", True, 200)


def test_tone_is_never_taken_for_foreign_speech() -> None:
    assert written(np.concatenate([noise(8000, 300), at_16k(said("own words"))]), options={"foreign_text": "not these"}).text == "own words"


def test_silence_is_nothing() -> None:
    assert written(np.zeros(32000), options={"foreign_text": "words"}).text == ""


def steps_of(
    options: Mapping[str, Any], text: str = "one two three four five six", request: Mapping[str, Any] | None = None
) -> list[tuple[float, float]]:
    """Audio and wait of each step, in ms."""
    engine = ToneTts()
    engine.load(options)
    job = engine.open(TtsRequest(text, options=request or {}))
    steps = [engine.step([job])[0]]
    while not steps[-1].done:
        steps += engine.step([job])
    return [(len(step.pcm) / 48, step.wait_ms) for step in steps]


def test_speed_bursts_and_stalls_are_as_told() -> None:
    assert steps_of({"first_audio_ms": 60})[0] == (0, 60)
    assert steps_of({"burst_ms": 40, "realtime_factor": 0.5})[:3] == [(40, 20)] * 3
    stalled = steps_of({"stall_at_ms": 250, "stall_ms": 900})
    assert [wait for _, wait in stalled[:4]] == [0, 0, 900, 0]
    assert steps_of({}, request={"first_audio_ms": 70})[0] == (0, 70)
