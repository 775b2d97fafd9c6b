"""The barge-in benchmark: its figures follow from its outcomes, and a short run of all its parts hears what the server does."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from client.bench import noises
from client.bench import scenes as sc
from client.bench.barge_in import BargeInPlan, play
from client.bench.barge_in_report import GOALS, barge_in_table, failures, overlap_figures, turn_figures
from client.bench.interrupter import OverlapOutcome, TurnOutcome
from client.bench.loudspeaker import Check, EchoPath, Reference
from client.bench.run import BenchPlan, _own_stack
from client.bench.stack import roles
from client.bench.voices import Voices, aligned, trimmed
from parley.audio import FRAME_BYTES, FRAME_SAMPLES

REFERENCE = Reference(bytes(FRAME_BYTES * 100), (0.0, 500.0, 1000.0, 1500.0))


@pytest.mark.parametrize(("played_ms", "words"), [(0, 0.0), (250, 0.5), (500, 1.0), (1250, 2.5), (2000, 4.0), (9000, 4.0)])
def test_words_heard_count_by_the_part_that_was_played(played_ms: float, words: float) -> None:
    assert REFERENCE.words_heard(played_ms) == words


def test_an_answer_that_begins_late_has_no_words_before() -> None:
    assert Reference(bytes(FRAME_BYTES * 50), (200.0, 600.0)).words_heard(100) == 0.0


def test_a_frame_that_is_lost_or_repeated_is_seen() -> None:
    frames = [bytes([number]) * FRAME_BYTES for number in range(5)]
    reference = Reference(b"".join(frames), (0.0,))
    for heard, wrong in ((frames, 0), (frames[:2] + frames[3:], 2), ([frames[0], *frames], 5)):
        check = Check(reference)
        for frame in heard:
            check.push(frame)
        assert check.wrong_frames == wrong


def test_in_a_voice_that_is_never_the_same_a_lost_frame_is_a_slip() -> None:
    chance = np.random.default_rng(2)
    shape = np.repeat(chance.uniform(0.05, 1.0, 150), 960)
    first, again = ((chance.normal(0, 3000, len(shape)) * shape).astype(np.int16).tobytes() for _ in range(2))
    for cut_frames, slip_ms in ((0, 0.0), (1, -20.0), (2, -40.0)):
        check = Check(Reference(first, (0.0,), exact=False))
        heard = again[: 60 * FRAME_BYTES] + again[(60 + cut_frames) * FRAME_BYTES : 140 * FRAME_BYTES]
        for at in range(0, len(heard), FRAME_BYTES):
            check.push(heard[at : at + FRAME_BYTES])
        assert check.slip_ms() == slip_ms


def test_an_echo_is_as_weak_and_as_late_as_it_should_be() -> None:
    chance = np.random.default_rng(1)
    sent = np.convolve(chance.normal(0, 3000, FRAME_SAMPLES * 100), np.ones(20) / 20, "same").astype(np.int16)
    path = EchoPath(-20.0, 100, 1)
    heard = np.concatenate([path.push(sent[at : at + FRAME_SAMPLES].tobytes()) for at in range(0, len(sent), FRAME_SAMPLES)])
    assert not np.abs(heard[: 99 * 48]).max() > 5
    ratio_db = 20 * np.log10(np.std(heard[200 * 48 :]) / np.std(sent))
    assert -25 < ratio_db < -15


def overlap(kind: str, **facts: Any) -> dict[str, Any]:
    return {**asdict(OverlapOutcome(kind, "x")), **facts}


def test_rates_leave_void_scenes_out() -> None:
    figures = overlap_figures([
        overlap("interruption_short", stopped=True, paused=True, silence_ms=60.0, stop_ms=400.0, misremembered=-0.4, frames=9),
        overlap("interruption_long", stopped=False),
        overlap("interruption_long", void="answer over"),
        overlap("backchannel", paused=True, gaps_ms=[500.0], frames=9, wrong_frames=1, slip_ms=-40.0),
        overlap("burst"),
        overlap("far", stopped=True, misremembered=3.0),
    ])  # fmt: skip
    assert figures["interruption"]["n"] == 2
    assert figures["interruption"]["missed"] == 0.5
    assert figures["interruption"]["void"] == {"answer over": 1}
    assert figures["backchannel"]["never_paused"] == 0.0
    assert figures["burst"]["never_paused"] == 1.0
    assert figures["far"]["stopped"] == 1.0
    assert figures["resume"] == {"n": 1, "frames": 18, "wrong_frames": 1, "slipped": 1, "gap_ms": figures["backchannel"]["gap_ms"]}
    assert figures["history"]["within_1"] == 0.5
    assert figures["echo"]["stopped"] is None


def test_a_voice_that_cannot_be_compared_has_no_figure() -> None:
    assert overlap_figures([overlap("burst", frames=9)])["resume"]["wrong_frames"] is None


def test_turns_are_answered_early_late_or_not_at_all() -> None:
    early, late, never = TurnOutcome("um", "a", True, True), TurnOutcome("um", "b", True, False, 500.0), TurnOutcome("um", "c")
    figures = turn_figures([asdict(turn) for turn in (early, late, never)])
    assert figures["um"]["early"] == 0.3333
    assert figures["um"]["unanswered"] == 1
    assert figures["um"]["wait_ms"]["p50"] == 500.0


def test_what_went_wrong_is_named() -> None:
    lines = failures([overlap("echo", stopped=True), overlap("echo")], [asdict(TurnOutcome("clean", "a"))])
    assert lines == ["clean a: not answered '' (1 of 1)", "echo x: stopped [] '' (1 of 2)"]


def person(text: str) -> Any:
    chance = np.random.default_rng(1)
    return aligned(text, text, trimmed(np.concatenate([noises.um(chance) for _ in text.replace("|", "").split()])))


async def test_a_short_run(tmp_path: Path) -> None:
    people = [person("tell me more of it")]
    voices = Voices([person("stop")], [person("wait now please")], people, people, [person("tell me | more")], [person("yeah")], "vowels")
    scenes = sc.build(voices, 1)
    few = replace(scenes, scenes=[scene for scene in scenes.scenes if scene.kind in (*sc.TURNS, "interruption_medium", "backchannel")])
    bench = BenchPlan("barge-in", None, None, (6,), 9.0, 1.0, 1, 0, None, None, False)
    barge_in = BargeInPlan((6,), 9.0, 1.0, 1, "tone", "one two three four five six seven eight nine ten eleven twelve and so on")
    report = await play(barge_in, few, tmp_path / "scenes.npz", lambda preset: _own_stack(bench, preset, print), roles, print)
    (row,) = report.rows
    assert row["errors"] == 0
    assert row["resume"]["frames"] > 0
    assert row["resume"]["wrong_frames"] == 0
    assert sum(row[kind]["n"] for kind in sc.TURNS) > 0
    assert row["cpu_ms_per_session_s"]["orchestrator"] > 0
    assert barge_in_table(report).row_count > len(GOALS)
