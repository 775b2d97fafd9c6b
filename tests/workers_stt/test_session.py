"""The session core alone: no engine, no loop, no clock."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.audio import FRAME_BYTES, FRAME_SAMPLES
from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2
from workers.engines.api import EngineCard, SttStep, SttWord
from workers.stt import config as session_config
from workers.stt.acks import KEPT_ACKS
from workers.stt.actions import Emit, Feed, Finalize, Finished, Reload, Reopen, Reset, StartTimer
from workers.stt.downsample import Downsample
from workers.stt.limits import SttLimits
from workers.stt.session import SttSession

RATE_HZ = 16_000
V = audio_pb2
VERBS = {name: V.ControlVerb.Value(f"CONTROL_VERB_{name}") for name in ("PAUSE", "RESUME", "STOP", "RELOAD", "FINALIZE")}


class World:
    """A core with a make-believe engine that hears all it was fed when it is told to, and counts."""

    def __init__(self, **limits: int) -> None:
        config = stt_pb2.SttConfig(interim=True, word_times=True, endpointing=stt_pb2.Endpointing(disabled=True))
        self.limits = SttLimits(**limits)
        effective = session_config.effective(config, EngineCard(RATE_HZ), "m", "r", self.limits)
        self.core = SttSession("s", effective, self.limits, Downsample)
        self.now_us = 1_000_000
        self.fed = 0
        self.tokens: deque[int] = deque()
        self.events: list[stt_pb2.TranscriptEvent] = []
        self.other: list[object] = []
        self.core.open_stream(RATE_HZ, self.now_us)

    def do(self, actions) -> None:
        for action in actions:
            match action:
                case Feed(pcm):
                    self.fed += len(pcm) // 2
                case Finalize(token):
                    self.tokens.append(token)
                case Emit(event):
                    self.events.append(event)
                case _:
                    self.other.append(action)

    def audio(self, frames: int = 1, **fields: int) -> None:
        self.do(self.core.audio(V.AudioFrame(pcm=bytes(FRAME_BYTES * frames), frame_count=frames, **fields)))

    def verb(self, name: str, control_id: int) -> None:
        self.do(self.core.control(V.Control(control_id=control_id, verb=VERBS[name]), self.now_us))

    def step(self, text: str | None, processed: int | None = None, **fields) -> None:
        self.do(self.core.stepped(SttStep(text, **fields), self.fed if processed is None else processed, self.now_us))

    def final(self, text: str, **fields) -> None:
        self.do(self.core.finalized(self.tokens.popleft(), SttStep(text, final=True, **fields), self.fed, self.now_us))

    def texts(self) -> list[str]:
        return [event.hypothesis.text for event in self.events if event.HasField("hypothesis")]

    def acks(self) -> list[audio_pb2.ControlAck]:
        return [event.ack for event in self.events if event.HasField("ack")]


def test_partials_keep_their_distance_and_the_latest_wins():
    world = World()
    world.audio(5)
    world.step("a")
    world.step("a b")
    world.step("a b c")
    assert world.texts() == ["a"]
    assert world.other == [StartTimer(80_000)]
    world.now_us += 80_000
    world.do(world.core.timer(world.now_us))
    assert world.texts() == ["a", "a b c"]
    assert [event.hypothesis.revision for event in world.events] == [1, 2]


def test_a_partial_that_waits_is_void_once_its_final_is_there():
    world = World()
    world.audio(5)
    world.step("a")
    world.step("a b")
    world.verb("FINALIZE", 1)
    world.final("a bee")
    world.now_us += 80_000
    world.do(world.core.timer(world.now_us))
    assert world.texts() == ["a", "a bee"]


def test_a_partial_without_news_is_not_sent():
    world = World()
    world.audio()
    world.step("")
    world.step("a")
    world.now_us += 100_000
    world.step("a")
    world.step(None)
    assert world.texts() == ["a"]


def test_finals_come_in_order_and_an_empty_one_waits_its_turn():
    world = World()
    world.audio(5)
    world.verb("FINALIZE", 1)
    world.verb("FINALIZE", 2)
    assert not world.acks()
    assert len(world.tokens) == 1
    world.final("one")
    assert [event.WhichOneof("event") for event in world.events] == ["hypothesis", "ack", "hypothesis", "ack"]
    assert world.texts() == ["one", ""]
    assert [event.hypothesis.segment_id for event in world.events[::2]] == [1, 2]
    assert [ack.control_id for ack in world.acks()] == [1, 2]


def test_partials_after_a_finalize_belong_to_the_segment_that_ended():
    world = World()
    world.audio(5)
    world.verb("FINALIZE", 1)
    heard = world.fed
    world.audio(5)
    world.step("one", heard)
    world.final("one.")
    world.now_us += 100_000
    world.step("two")
    assert [(event.hypothesis.segment_id, event.hypothesis.text) for event in world.events if event.HasField("hypothesis")] == [
        (1, "one"),
        (1, "one."),
        (2, "two"),
    ]


def test_words_lie_in_the_stream_whatever_was_left_out():
    world = World()
    world.audio(50)
    world.verb("PAUSE", 1)
    world.audio(50)
    world.audio(50)
    world.verb("RESUME", 2)
    world.audio(50, pts=300 * FRAME_SAMPLES)  # half of the time was not sent on purpose
    world.verb("FINALIZE", 3)
    second = RATE_HZ
    world.final("a b", words=(SttWord("a", 0, second // 2), SttWord("b", second + second // 2, 2 * second)))
    a, b = world.events[-2].hypothesis.words
    assert (a.pts_begin, a.pts_end) == (0, 24_000)
    assert b.pts_begin == pytest.approx(325 * FRAME_SAMPLES, abs=3)
    assert b.pts_end == pytest.approx(350 * FRAME_SAMPLES, abs=3)
    assert world.events[-2].hypothesis.pts_end == 350 * FRAME_SAMPLES


def test_pts_processed_follows_the_engine_and_a_pause():
    world = World()
    world.audio(10)
    world.step("a", RATE_HZ // 10)
    assert world.events[-1].pts_processed == 4800
    world.verb("PAUSE", 1)
    world.step(None)
    world.audio(10)
    world.verb("RESUME", 2)
    assert world.events[-1].pts_processed == 20 * FRAME_SAMPLES
    assert world.acks()[-1].last_pts_end == 20 * FRAME_SAMPLES


def test_stop_voids_what_is_open_and_answers_what_waits():
    world = World()
    world.audio(5)
    world.verb("FINALIZE", 1)
    world.audio(5)
    world.verb("STOP", 2)
    assert [(ack.control_id, ack.applied) for ack in world.acks()] == [(1, False), (2, True)]
    assert Reset() in world.other
    world.final("void")
    world.step("void too")
    assert world.texts() == ["void too"]  # what a step says is of audio after the reset: the process drops what was before
    world.verb("STOP", 3)
    world.verb("STOP", 4)
    assert not world.acks()[-1].applied


def test_acks_are_kept_and_repeated():
    world = World()
    for number in range(1, KEPT_ACKS + 11):
        world.verb("PAUSE" if number % 2 else "RESUME", number)
    first = world.acks()[-KEPT_ACKS]
    sent = len(world.acks())
    world.verb(V.ControlVerb.Name(first.verb).removeprefix("CONTROL_VERB_"), first.control_id)
    assert world.acks()[sent] == first
    with pytest.raises(ParleyError, match="BAD_SEQUENCE"):
        world.verb("STOP", first.control_id)


def test_a_repeat_of_what_is_under_way_changes_nothing():
    world = World()
    world.audio(5)
    world.verb("FINALIZE", 1)
    world.verb("FINALIZE", 1)
    assert len(world.tokens) == 1
    world.final("x")
    assert len(world.acks()) == 1


def test_too_many_controls_under_way_are_refused():
    world = World(max_pending_finals=2)
    for number in (1, 2):
        world.verb("RELOAD", number)
    with pytest.raises(ParleyError, match="TOO_FAST"):
        world.verb("FINALIZE", 3)
    assert world.other == [Reload(1), Reload(2)]
    world.do(world.core.reloaded(1, "rev", world.now_us))
    world.verb("FINALIZE", 3)
    assert [ack.model_revision for ack in world.acks()] == ["rev", ""]


def test_a_long_segment_is_ended_by_force():
    world = World(max_segment_ms=1000)
    world.audio(50)
    world.final("much")
    kinds = [event.end_of_utterance.kind for event in world.events if event.HasField("end_of_utterance")]
    assert kinds == [stt_pb2.END_KIND_FORCED]
    world.audio(49)
    assert not world.tokens


def test_an_input_that_the_engine_refuses_is_a_notice_and_the_third_in_a_row_the_end():
    world = World()
    world.audio(5)
    world.verb("FINALIZE", 1)
    error = ParleyError("ENGINE_FAILED", "no")
    world.do(world.core.engine_failed(error, world.now_us))
    assert [event.WhichOneof("event") for event in world.events] == ["notice", "hypothesis", "ack"]
    assert world.other[-1] == Reopen()
    world.fed = 0
    for _ in range(2):
        world.do(world.core.engine_failed(error, world.now_us))
    with pytest.raises(ParleyError):
        world.core.engine_failed(error, world.now_us)
    with pytest.raises(ParleyError):
        World().core.engine_failed(ParleyError("ENGINE_CRASHED", "gone"), 0)


def test_half_closing_waits_for_the_final():
    world = World()
    world.audio(5)
    world.do(world.core.half_close(world.now_us))
    assert Finished() not in world.other
    world.final("end")
    assert world.other[-1] == Finished()


def test_a_new_stream_begins_at_zero_and_numbers_go_on():
    world = World()
    world.audio(5)
    world.do(world.core.close_stream(world.now_us))
    world.core.open_stream(RATE_HZ, world.now_us)
    with pytest.raises(ParleyError, match="seq: expected 6"):
        world.audio(1, seq=1)
    world.fed = 0
    world.audio(5, seq=6)
    world.verb("FINALIZE", 1)
    world.final("x")
    assert world.events[-2].hypothesis.pts_end == 5 * FRAME_SAMPLES
    assert world.events[-2].hypothesis.segment_id == 2


VERB = st.sampled_from(["FINALIZE", "PAUSE", "RESUME", "STOP"])
MOVE = st.one_of(
    st.tuples(st.just("audio"), st.integers(1, 10)),
    st.tuples(st.just("verb"), VERB),
    st.tuples(st.just("step"), st.integers(0, 3)),
    st.tuples(st.just("final"), st.just(0)),
    st.tuples(st.just("later"), st.integers(1, 200)),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(MOVE, max_size=60))
def test_whatever_comes_every_finalize_is_answered_in_order_and_time_never_goes_back(moves):
    world, number, asked = World(max_pending_finals=1000), 0, []
    for what, value in moves:
        if what == "audio":
            world.audio(value)
        elif what == "verb":
            number += 1
            asked.append(number)
            world.verb(value, number)
        elif what == "step":
            world.step(f"text {value}")
        elif what == "final" and world.tokens:
            world.final("final")
        elif what == "later":
            world.now_us += value * 1000
            if any(isinstance(action, StartTimer) for action in world.other):
                world.other.clear()
                world.do(world.core.timer(world.now_us))
    while world.tokens:
        world.final("final")
    finalizes = [ack.control_id for ack in world.acks() if ack.verb == V.CONTROL_VERB_FINALIZE]
    assert sorted(ack.control_id for ack in world.acks()) == asked
    assert finalizes == sorted(finalizes)
    times = [event.pts_processed for event in world.events]
    assert times == sorted(times)
    closed: set[int] = set()
    for event in world.events:
        if event.HasField("hypothesis"):
            assert event.hypothesis.segment_id not in closed
            if event.hypothesis.final:
                closed.add(event.hypothesis.segment_id)
