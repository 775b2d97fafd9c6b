"""Recordings are cut so that a voice detector agrees with their marks, and the cut stays speech."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from client.bench.speech import (
    FIRM_FRAMES,
    INNER_PAUSE_FRAMES,
    Recording,
    find_recordings,
    levelled,
    load_clips,
    noise_frames,
    runs,
    save_clips,
    speech_frames,
    split,
)
from client.failure import Failure
from parley.audio import FRAME_BYTES, FRAME_SAMPLES


def test_runs_join_over_short_pauses_only() -> None:
    short, long = [False] * INNER_PAUSE_FRAMES, [False] * (INNER_PAUSE_FRAMES + 1)
    assert runs([False, True, True, *short, True, *long, True]) == [(1, 3 + len(short)), (4 + len(short) + len(long),) * 2]
    assert runs([False] * 5) == []


def test_levelling_never_clips() -> None:
    sound = np.asarray(np.random.default_rng(1).normal(0, 20, 48_000), np.int16)
    sound[100] = 3000  # a spike
    assert np.abs(levelled(sound)).max() <= 32_000


def test_the_background_is_no_speech() -> None:
    noise = np.frombuffer(b"".join(noise_frames()), np.int16)
    assert not any(speech_frames(noise))


def test_clips_survive_the_way_to_another_process(tmp_path: Path) -> None:
    sound = np.arange(3 * FRAME_SAMPLES, dtype=np.int16)
    clips = [Recording("one", split(sound), 0, 2), Recording("two", split(sound[:FRAME_SAMPLES]), 0, 0)]
    save_clips(tmp_path / "clips.npz", clips)
    assert load_clips(tmp_path / "clips.npz") == clips


def test_recorded_prompts_are_marked_as_the_detector_hears_them() -> None:
    recordings = find_recordings(None, seed=1, wanted=3)
    if not recordings:
        pytest.skip("no recorded prompts on this machine (Debian: asterisk-core-sounds-en-g722, ffmpeg)")
    assert recordings == find_recordings(None, seed=1, wanted=3)
    for recording in recordings:
        assert all(len(frame) == FRAME_BYTES for frame in recording.frames)
        noise = noise_frames()
        heard = speech_frames(np.frombuffer(b"".join([*noise, *recording.frames, *noise]), np.int16))
        first, last = recording.first_speech + len(noise), recording.last_speech + len(noise)
        assert not any(heard[:first])
        assert all(heard[first : first + FIRM_FRAMES])
        assert not any(heard[last + 1 :])


def test_a_folder_without_speech_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="holds no speech"):
        find_recordings(tmp_path, seed=1)
    with pytest.raises(Failure, match="no folder"):
        find_recordings(tmp_path / "nowhere", seed=1)
    (tmp_path / "broken.wav").write_bytes(b"RIFF")
    with pytest.raises(Failure, match=r"broken\.wav cannot be read"):
        find_recordings(tmp_path, seed=1)
