"""The noise floor: quick to learn what is steady, deaf to speech."""

from __future__ import annotations

import random

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.vad.noise import NoiseFloor


def _floor(*stretches: tuple[int, float, float], speech: bool = False) -> float:
    """After stretches of (frames, level, how much it varies)."""
    noise, chance = NoiseFloor(), random.Random(1)
    for frames, level, spread in stretches:
        for _ in range(frames):
            noise.push(level + chance.uniform(-spread, spread), speech)
    return noise.floor_dbfs


def _speech(frames: int) -> list[float]:
    """Syllables: five a second, with a dip of two frames in each and a pause now and then."""
    return [-55.0 if n % 60 > 50 else -38.0 if n % 10 < 2 else -20.0 + n % 7 for n in range(frames)]


def test_a_session_begins_as_if_it_had_been_quiet() -> None:
    assert NoiseFloor().floor_dbfs == -70


def test_steady_noise_is_learned_within_a_second_or_so() -> None:
    assert abs(_floor((200, -70, 1), (58, -35, 1)) - -35) <= 2
    assert abs(_floor((200, -70, 1), (58, -35, 1), speech=True) - -35) <= 2  # the detector may take hum for speech


def test_it_is_forgotten_when_it_ends() -> None:
    assert _floor((200, -70, 1), (100, -35, 1), (8, -70, 1)) < -60


def test_noise_that_varies_is_learned_in_seconds() -> None:
    assert -48 <= _floor((50, -70, 1), (250, -40, 6)) <= -44


def test_speech_is_never_learned() -> None:
    noise = NoiseFloor()
    for level in [-65.0] * 100 + _speech(1500):
        noise.push(level, speech=level > -45)
        assert noise.floor_dbfs < -50


def test_speech_without_a_breath_for_eight_seconds_is_not_learned_either() -> None:
    noise = NoiseFloor()
    for n in range(100 + 400):
        noise.push(-65.0 if n < 100 or n % 12 == 0 else -20.0, speech=n >= 100)
    assert noise.floor_dbfs < -50


def test_a_sound_that_was_found_to_be_noise_is_learned_at_once() -> None:
    noise, chance = NoiseFloor(), random.Random(1)
    for n in range(235):
        noise.push(-70.0 if n < 200 else chance.uniform(-44, -36), n >= 200)
    assert noise.floor_dbfs < -60
    noise.accept()
    assert -42 <= noise.floor_dbfs <= -36


def test_a_voice_is_not_accepted_as_noise() -> None:
    noise = NoiseFloor()
    for level in [-65.0] * 100 + _speech(55):
        noise.push(level, level > -45)
    noise.accept()
    assert noise.floor_dbfs < -50


@given(st.lists(st.tuples(st.floats(-150, 20), st.booleans()), max_size=500))
def test_the_floor_is_never_above_the_loudest_nor_below_the_quietest(frames: list[tuple[float, bool]]) -> None:
    noise = NoiseFloor()
    for level, speech in frames:
        noise.push(level, speech)
    levels = [min(0.0, max(-100.0, level)) for level, _ in frames]
    assert min([-70.0, *levels]) - 1 <= noise.floor_dbfs <= max([-70.0, *levels])


@given(st.lists(st.integers(-100, 0), min_size=200, max_size=700))
def test_the_lasting_part_is_the_tenth_percentile_of_four_seconds(levels: list[int]) -> None:
    noise = NoiseFloor()
    levels += [-90, -20] * 30  # nothing steady
    for level in levels:
        noise.push(float(level))
    assert noise.floor_dbfs == sorted(levels[-200:])[20]
