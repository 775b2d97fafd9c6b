"""The bench of the gates: its scenes are what they say, and its counts are right."""

from __future__ import annotations

import os
import shutil

import numpy as np
import pytest

from client.bench.speech import PROMPTS
from client.bench.vad import VadPlan, row_of, vad, vad_table
from client.bench.vad_set import INTERRUPTIONS, NONE, REPLY_FRAMES, Scene, make
from parley.audio import FRAME_SAMPLES

TRACK = np.zeros(300 * FRAME_SAMPLES, np.int16)


needs_recordings = pytest.mark.skipif(
    not (PROMPTS.is_dir() and shutil.which("ffmpeg")) and "PARLEY_COMPLETE" not in os.environ,
    reason="needs: apt-get install asterisk-core-sounds-en-g722 ffmpeg",
)


@needs_recordings
def test_a_seed_makes_the_same_scenes_and_their_truth_is_in_the_sound() -> None:
    scenes, again = make(7, 1, None), make(7, 1, None)
    assert [scene.kind for scene in scenes] == [*INTERRUPTIONS, *NONE]
    assert all(np.array_equal(a.microphone, b.microphone) for a, b in zip(scenes, again, strict=True))
    clean = scenes[0]
    assert clean.speech_at is not None
    assert clean.reply_at + 40 <= clean.speech_at < clean.until <= clean.reply_at + REPLY_FRAMES
    levels = np.sqrt(np.mean(clean.microphone.reshape(-1, FRAME_SAMPLES).astype(float) ** 2, axis=1))
    assert levels[clean.speech_at : clean.speech_at + 10].max() > 4 * levels[clean.speech_at - 20 : clean.speech_at].max()
    assert not clean.agent[: clean.reply_at * FRAME_SAMPLES].any()


def test_false_missed_and_onset_are_counted_against_the_truth() -> None:
    scenes = [Scene("clean", TRACK, TRACK, 100, 200, 250)] * 3 + [Scene(kind, TRACK, TRACK, 100, None, 300) for kind in NONE]
    scenes += [Scene("noisy", TRACK, TRACK, 100, 200, 250), Scene("over_echo", TRACK, TRACK, 100, 200, 250)]
    onsets = [[203], [150, 203], [260], [120, 180], *([[]] * (len(NONE) - 1)), [204], [205]]
    row = row_of("stage", scenes, onsets, 1.0)
    assert row["false"] == 1 + 2
    assert row["paused_share"] == {NONE[0]: 1.0, **dict.fromkeys(NONE[1:], 0.0)}
    assert row["missed_share"] == {"clean": round(1 / 3, 4), "noisy": 0.0, "over_echo": 0.0}
    assert (row["onset_ms"]["clean"]["p50"], row["onset_ms"]["clean"]["n"]) == (80, 2)


@needs_recordings
async def test_the_gates_are_worth_their_keep() -> None:
    report = await vad(VadPlan(each=2, seed=1, speech=None), lambda line: None)
    plain, gated = report.rows[0], next(row for row in report.rows if row["stage"] == "+ voicing")
    assert gated["false"] <= plain["false"] * 0.3
    assert gated["missed_share"]["clean"] == 0
    assert vad_table(report).row_count > 10
