"""A caller's measurements against scripted servers, in virtual time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from client.bench.caller import Caller, Clip, Floor
from client.bench.scenario import Turn
from client.bench.tally import Tally, merge

NOISE = [b"noise"]
CLIP = Clip([b"edge", *[b"speech"] * 50, b"edge"], first_speech=1, last_speech=50)


class World:
    """One caller, a clock of 20 ms steps, and what a server would say at given frames."""

    def __init__(self, *plan: Turn) -> None:
        self.tally = Tally(open=True)
        self.now_s = 50.0
        self.sent: list[bytes] = []
        self.caller = Caller(_endless(plan), [CLIP], NOISE, self.tally, self.now_s)

    def step(self, frames: int = 1) -> None:
        for _ in range(frames):
            self.sent.append(self.caller.frame(self.now_s))
            self.now_s += 0.020

    def until(self, floor: Floor) -> None:
        for _ in range(2000):
            if self.caller.floor is floor:
                return
            self.step()
        raise AssertionError(f"never {floor.name}")

    def told(self, kind: str, **fields: Any) -> None:
        self.caller.told(self.now_s, {"type": kind, **fields})

    def answer(self, frames: int) -> None:
        self.told("utterance_started", utterance_id=1)
        for _ in range(frames):
            self.caller.heard(self.now_s, 1)
            self.step()

    def result(self, series: str) -> list[float]:
        return [round(value, 3) for value in self.tally.samples[series]]


def _endless(plan: tuple[Turn, ...]) -> Iterator[Turn]:
    yield from plan
    while True:
        yield Turn(0, 100, None)


@pytest.fixture
def heard_out() -> World:
    """A turn that is answered 690 ms after its last speech frame and heard to its end."""
    world = World(Turn(0, 200, None))
    world.until(Floor.AWAITING)
    world.now_s = world.now_s - 0.020 + 0.690  # the last speech frame went out one step ago
    world.answer(100)
    return world


def test_the_microphone_never_stops_and_the_clip_is_sent_whole(heard_out: World) -> None:
    sent = b" ".join(heard_out.sent)
    assert b" ".join(CLIP.frames) in sent
    assert heard_out.sent[0] == heard_out.sent[-1] == b"noise"


def test_voice_to_voice_runs_from_the_last_speech_frame_to_the_first_of_the_answer(heard_out: World) -> None:
    assert heard_out.result("v2v_ms") == [690.0]
    assert heard_out.tally.counts["turns"] == 1
    assert heard_out.tally.counts["frames"] == 100


def test_after_an_answer_heard_out_comes_a_pause_and_the_next_turn(heard_out: World) -> None:
    heard_out.told("utterance_ended", utterance_id=1, reason="played")
    assert heard_out.caller.floor is Floor.PAUSING
    heard_out.until(Floor.SPEAKING)


def barging() -> World:
    world = World(Turn(0, 0, 500))
    world.until(Floor.AWAITING)
    world.answer(1)
    while world.caller.floor is Floor.LISTENING:
        world.caller.heard(world.now_s, 1)
        world.step()
    return world


def test_barge_in_runs_from_the_first_speech_frame_to_the_flush() -> None:
    world = barging()
    world.step()  # the clip's first frame is no speech yet; its second went out now
    world.now_s = world.now_s - 0.020 + 0.180
    world.told("flush", utterance_id=1)
    assert world.result("barge_in_ms") == world.result("flush_ms") == [180.0]
    assert world.tally.counts["barge_ins"] == 1
    world.until(Floor.AWAITING)
    assert not world.tally.counts["missed_barge_ins"]


def test_a_pause_is_silence_and_the_flush_after_it_the_verdict() -> None:
    world = barging()
    world.step()
    began_s = world.now_s - 0.020
    world.now_s = began_s + 0.060
    world.told("pause", utterance_id=1)
    world.caller.heard(world.now_s, 1)  # under way when the server paused: it waits, and is not late
    world.now_s = began_s + 0.400
    world.told("flush", utterance_id=1)
    assert world.result("barge_in_ms") == [60.0]
    assert world.result("flush_ms") == [400.0]


def test_a_pause_that_is_taken_back_shifts_the_schedule_and_is_no_underrun(heard_out: World) -> None:
    heard_out.told("pause", utterance_id=1)
    heard_out.now_s += 0.5
    heard_out.told("resume", utterance_id=1)
    for _ in range(10):
        heard_out.caller.heard(heard_out.now_s, 1)
        heard_out.step()
    assert heard_out.tally.counts["false_pauses"] == 1
    assert not heard_out.tally.counts["underruns"]
    assert not heard_out.tally.counts["late_frames"]


def test_audio_after_the_flush_is_dead_until_the_next_utterance() -> None:
    world = barging()
    world.told("flush", utterance_id=1)
    world.caller.heard(world.now_s, 2)
    world.told("utterance_started", utterance_id=2)
    world.caller.heard(world.now_s, 1)
    assert world.tally.counts["dead_frames"] == 2


def test_a_flush_that_is_taken_back_plays_on() -> None:
    world = barging()
    world.told("flush", utterance_id=1)
    world.told("state", state="SPEAKING")
    world.caller.heard(world.now_s, 3)
    assert not world.tally.counts["dead_frames"]


def test_a_server_that_talks_on_has_missed_the_barge_in() -> None:
    world = barging()
    for _ in range(100):
        world.caller.heard(world.now_s, 1)
        world.step()
    assert world.tally.counts["missed_barge_ins"] == 1
    assert world.result("barge_in_ms") == []
    assert len(world.result("v2v_ms")) == 1, "frames of the old answer are no new answer"


def test_an_answer_that_ends_by_itself_as_we_begin_is_no_barge_in() -> None:
    world = barging()
    world.told("utterance_ended", utterance_id=1, reason="played")
    world.until(Floor.AWAITING)
    assert not world.tally.counts["missed_barge_ins"]


def test_an_answer_into_our_speech_is_early_and_not_measured() -> None:
    world = World(Turn(0, 0, None))
    world.until(Floor.SPEAKING)
    world.answer(10)
    world.until(Floor.LISTENING)
    assert world.tally.counts["early_answers"] == 1
    assert world.result("v2v_ms") == []


def test_a_flush_while_we_are_silent_is_a_false_barge_in(heard_out: World) -> None:
    heard_out.told("flush", utterance_id=1)
    assert heard_out.tally.counts["false_barge_ins"] == 1


def test_silence_of_the_server_is_counted_and_the_caller_goes_on() -> None:
    world = World(Turn(0, 0, None), Turn(0, 0, None))
    world.until(Floor.AWAITING)
    world.until(Floor.PAUSING)
    assert world.tally.counts["unanswered"] == 1
    world.until(Floor.AWAITING)
    world.answer(1)
    world.until(Floor.PAUSING)
    assert world.tally.counts["stalled_answers"] == 1


def test_empty_and_failed_turns_are_told_apart() -> None:
    world = World(Turn(0, 0, None), Turn(0, 0, None))
    for reason in ("empty", "failed"):
        world.until(Floor.AWAITING)
        world.told("conversation_complete", reason=reason)
    assert world.tally.counts == {"empty_turns": 1, "failed_turns": 1}


def test_nothing_is_kept_of_the_warm_up_but_errors() -> None:
    world = World(Turn(0, 0, None))
    world.tally.open = False
    world.until(Floor.AWAITING)
    world.answer(5)
    world.told("error", code="CAPACITY")
    assert not any(world.tally.samples.values())
    assert not world.tally.counts
    assert world.tally.errors == {"CAPACITY": 1}


def test_tallies_of_several_processes_add_up(heard_out: World) -> None:
    whole = merge([heard_out.tally.as_json(), heard_out.tally.as_json()])
    assert whole.counts["frames"] == 200
    assert len(whole.samples["v2v_ms"]) == 2
