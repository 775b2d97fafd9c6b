"""A sound with a pilot is known by the tone recogniser whatever happens to it; both ends of the pilot are the same thing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import soxr

from client.bench import pilot
from workers.engines import tone_pilot
from workers.engines.api import EngineInputError, SttInput, SttRequest
from workers.engines.tone import ToneStt

WORDS = {"37": [["wait", 100, 400], ["a", 400, 480], ["moment", 480, 1000], ["please", 3600, 4000]], "38": [["stop", 50, 350]]}
CHUNK_BYTES = 1600 * 2
Wave = np.ndarray[Any, Any]


def partials(sound: Wave, from_ms: int = 0) -> list[tuple[float, str]]:
    """When each partial came, in ms of the sound, and the final last."""
    low = soxr.resample(np.clip(np.round(sound), -32768, 32767).astype(np.int16), 48000, 16000)
    stt = ToneStt()
    stt.load({"sounds": WORDS})
    stream = stt.open(SttRequest())
    told = []
    pcm = low[from_ms * 16 :].tobytes()
    for at in range(0, len(pcm), CHUNK_BYTES):
        (step,) = stt.step([SttInput(stream, pcm[at : at + CHUNK_BYTES])])
        if step.text:
            told.append((from_ms + min(at + CHUNK_BYTES, len(pcm)) / 32, step.text))
    (final,) = stt.step([SttInput(stream, b"", finalize=True)])
    return [*told, (len(sound) / 48, final.text or "")]


def noise(ms: int, lsb: float, seed: int = 5) -> Wave:
    wave: Wave = np.random.default_rng(seed).normal(0, lsb, ms * 48)
    return wave


def sound(number: int = 37, ms: int = 4100, lsb: float = 8.0) -> Wave:
    wave: Wave = noise(300 + ms + 300, lsb) + np.concatenate([np.zeros(300 * 48), pilot.pilot(number, ms * 48), np.zeros(300 * 48)])
    return wave


def test_both_ends_agree() -> None:
    assert (pilot.FIRST_HZ, pilot.GRID_HZ, pilot.DIGITS, pilot.BASE, pilot.STEPS) == (
        tone_pilot.FIRST_HZ,
        tone_pilot.GRID_HZ,
        tone_pilot.DIGITS,
        tone_pilot.BASE,
        tone_pilot.STEPS,
    )
    assert pilot.STEP_S * 1000 == tone_pilot.STEP_MS


def test_each_word_comes_as_it_has_been_spoken() -> None:
    told = partials(sound())
    assert [text for _, text in told][-1] == "wait a moment please"
    when = {text: at_ms - 300 for at_ms, text in reversed(told)}
    for text, end_ms in (("wait", 400), ("wait a moment", 1000), ("wait a moment please", 4000)):
        assert end_ms <= when[text] <= end_ms + 200  # a tenth of a second of chunk, and what the pilot's place is uncertain by


def test_nothing_is_told_that_was_not_spoken_yet() -> None:
    assert all(at_ms - 300 >= 1000 for at_ms, text in partials(sound()) if "moment" in text)


def test_who_joins_late_misses_what_was_said() -> None:
    assert partials(sound(), from_ms=300 + 530)[-1][1] == "moment please"


def test_who_joins_much_later_is_not_lost_in_the_rounds() -> None:
    assert partials(sound(), from_ms=300 + 3500)[-1][1] == "please"


def test_it_is_heard_through_loud_speech_and_noise() -> None:
    loud = pilot.band_limited(noise(4700, 3000.0, seed=8))
    assert partials(sound() + loud)[-1][1] == "wait a moment please"


def test_two_sounds_follow_each_other() -> None:
    two = np.concatenate([sound(38, 500), sound(37), sound(38, 500)])
    assert partials(two)[-1][1] == "stop wait a moment please stop"


def test_the_same_sound_twice_is_two() -> None:
    assert partials(np.concatenate([sound(38, 500), sound(38, 500)]))[-1][1] == "stop stop"


def test_noise_has_no_pilot() -> None:
    assert partials(noise(20_000, 8.0))[-1][1] == ""
    assert partials(noise(20_000, 3000.0))[-1][1] == ""


def test_a_table_of_another_shape_is_refused() -> None:
    with pytest.raises(EngineInputError, match="sounds must be like"):
        ToneStt().load({"sounds": {"7": ["stop"]}})


def test_a_pilot_has_a_number_of_eight_bits() -> None:
    with pytest.raises(ValueError, match="0 to 255"):
        pilot.pilot(256, 48)
