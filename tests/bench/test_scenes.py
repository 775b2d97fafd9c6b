"""The scenes of the barge-in benchmark: the same for the same seed, true about their own words and times, and handed over whole."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from client.bench import noises
from client.bench import scenes as sc
from client.bench.interrupter import plan
from client.bench.voices import LEVEL_DBFS, Spoken, Voices, aligned, audible, trimmed
from parley.audio import FRAME_SAMPLES, SAMPLE_RATE_HZ


def person(text: str, seed: int) -> Spoken:
    """Somebody who says one vowel for each word, with short gaps between."""
    chance = np.random.default_rng(seed)
    vowels = [noises.um(chance) for _ in text.replace("|", "").split()]
    return aligned(text, text, trimmed(np.concatenate([part for vowel in vowels for part in (vowel, np.zeros(1200))])))


@pytest.fixture(scope="module")
def voices() -> Voices:
    whole = [person("tell me all you know", seed) for seed in range(2)]
    return Voices(
        short=[person("stop", 3)],
        medium=[person("wait a moment", 4)],
        long=[person("no that is not what i meant", 5)],
        whole=whole,
        broken=[person("i would like to | hear that", 6)],
        backchannels=[person("yeah", 7)],
        origin="vowels",
    )


@pytest.fixture(scope="module")
def built(voices: Voices) -> sc.SceneSet:
    return sc.build(voices, 1)


def level_dbfs(wave: sc.Wave | sc.Pcm) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(wave.astype(np.float64) ** 2)) / 32768))


def test_the_same_seed_makes_the_same_scenes(voices: Voices, built: sc.SceneSet) -> None:
    again = sc.build(voices, 1)
    assert again.sounds == built.sounds
    assert all(np.array_equal(one.pcm, other.pcm) for one, other in zip(built.scenes, again.scenes, strict=True))
    other = sc.build(voices, 2)
    assert any(not np.array_equal(one.pcm, two.pcm) for one, two in zip(built.scenes, other.scenes, strict=True))


def test_every_kind_is_there_in_whole_frames(built: sc.SceneSet) -> None:
    assert {scene.kind for scene in built.scenes} == {*sc.OVERLAPS, *sc.TURNS}
    assert all(len(scene.pcm) % FRAME_SAMPLES == 0 and 0 <= scene.onset < scene.end <= len(scene.pcm) for scene in built.scenes)


def test_a_sound_s_words_lie_within_it_and_in_order(built: sc.SceneSet) -> None:
    lengths_ms = [len(scene.pcm) / 48 for scene in built.scenes if scene.echo_db is None or scene.kind != "echo"]
    for (_, words), length_ms in zip(sorted(built.sounds.items(), key=lambda item: int(item[0])), lengths_ms, strict=True):
        ends = [end_ms for _, _, end_ms in words]
        assert ends == sorted(ends)
        assert all(0 <= begin_ms <= end_ms <= length_ms for _, begin_ms, end_ms in words)


def test_a_pause_to_think_is_silent_and_as_long_as_its_name_says(built: sc.SceneSet) -> None:
    for scene in built.scenes:
        if not scene.kind.startswith("pause_"):
            continue
        assert scene.gap is not None
        begin, end = scene.gap
        assert int(scene.kind.removeprefix("pause_")) <= (end - begin) / 48 < int(scene.kind.removeprefix("pause_")) + 150
        assert level_dbfs(scene.pcm[begin + 1000 : end - 1000]) < -60


def test_only_words_that_were_spoken_before_the_pause_end_before_it(built: sc.SceneSet) -> None:
    for number, scene in enumerate(scene for scene in built.scenes if scene.kind != "echo"):
        if scene.gap is not None and scene.kind != "um":
            ends = [end_ms for _, _, end_ms in built.sounds[str(number)]]
            assert sum(end_ms <= scene.gap[1] / 48 for end_ms in ends) == 4


def test_the_same_session_meets_the_same_scenes(built: sc.SceneSet) -> None:
    def first(seed: int, session: int) -> list[str]:
        exchanges = plan(seed, session, built.scenes)
        return [f"{turn.name}/{over.name}" for turn, over in (next(exchanges) for _ in range(30))]

    assert first(1, 0) == first(1, 0)
    assert first(1, 0) != first(1, 1)


def test_scenes_are_handed_over_whole(built: sc.SceneSet, tmp_path: Path) -> None:
    file = tmp_path / "scenes.npz"
    sc.save(file, built.scenes)
    for one, other in zip(built.scenes, sc.load(file), strict=True):
        assert np.array_equal(one.pcm, other.pcm)
        assert (one.name, one.kind, one.onset, one.end, one.gap, one.echo_db) == (
            other.name,
            other.kind,
            other.onset,
            other.end,
            other.gap,
            other.echo_db,
        )


@pytest.mark.parametrize("name", [*noises.BURSTS, *noises.NOISES])
def test_noises_have_a_sound_and_a_level(name: str) -> None:
    wave = trimmed({**noises.BURSTS, **noises.NOISES}[name](np.random.default_rng(3)))
    assert len(wave) > SAMPLE_RATE_HZ // 10
    assert LEVEL_DBFS - 15 < level_dbfs(wave) <= LEVEL_DBFS + 1  # what is all peak stays below full scale
    assert audible(wave)[0] <= SAMPLE_RATE_HZ // 50
