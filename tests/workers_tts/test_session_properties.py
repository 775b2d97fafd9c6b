"""Random conversations against the pure core: text, controls, flow, engine and time in any order.

The world itself checks every message (gapless seq, whole frames, no dead epoch, pts without a gap); here stands what only whole runs show.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from parley.audio import FRAME_MS, FRAME_SAMPLES
from parley.v1 import audio_pb2, tts_pb2

TEXTS = st.sampled_from(
    [
        "Hi. ",
        "Hello there, my friend. ",
        "It is 3.5 ",
        "euros! ",
        "... ",
        " ",
        "A longer sentence with several words in it",
        "你好。",
        "No",
        "?",
    ]
)
RUNS = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


class Talk:
    """Random operations on a world, and what was said in which utterance."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.said: dict[int, str] = {}
        self.marks_due: list[str] = []
        self.open = 0
        self.next_id = 1

    def say(self, text: str, end: bool, flush: bool) -> None:
        if not text and not end:
            return
        if not self.open:
            self.open, self.next_id = self.next_id, self.next_id + 1
        self.said[self.open] = self.said.get(self.open, "") + text
        self.world.say(text, end=end, flush=flush, epoch=self.world.session.epoch)
        if end:
            self.open = 0

    def stop(self) -> None:
        self.world.stop()
        self.open = 0


def operations(controls: bool) -> st.SearchStrategy[list[tuple[Any, ...]]]:
    steps: list[st.SearchStrategy[tuple[Any, ...]]] = [
        st.tuples(st.just("say"), TEXTS, st.booleans(), st.booleans()),
        st.tuples(st.just("say"), TEXTS, st.booleans(), st.booleans()),
        st.tuples(st.just("generate"), st.integers(1, 30_000), st.integers(1, 3)),
        st.tuples(st.just("read"), st.integers(1, 4)),
        st.tuples(st.just("time"), st.integers(0, 900)),
        st.tuples(st.just("allow"), st.integers(0, 200)),
    ]
    if controls:
        steps += [st.tuples(st.just(verb)) for verb in ("stop", "pause", "freeze", "resume")]
    return st.lists(st.one_of(steps), max_size=40)


def perform(talk: Talk, steps: list[tuple[Any, ...]]) -> None:
    world = talk.world
    table: dict[str, Callable[..., Any]] = {
        "say": talk.say,
        "generate": world.generate,
        "read": world.read,
        "time": world.advance,
        "allow": world.allow,
        "stop": talk.stop,
        "pause": world.pause,
        "freeze": lambda: world.pause(pause_mode=audio_pb2.PAUSE_MODE_FREEZE),
        "resume": world.resume,
    }
    for name, *values in steps:
        table[name](*values)


def ending(talk: Talk) -> None:
    """Let the conversation come to its end."""
    world = talk.world
    world.resume()
    if talk.open:
        talk.say("", True, False)
    world.allow(1 << 40)
    world.finish()


CONFIGS = st.fixed_dictionaries(
    {
        "pacing": st.sampled_from([tts_pb2.PACING_LEAD, tts_pb2.PACING_CREDIT, tts_pb2.PACING_UNPACED]),
        "lead_ms": st.sampled_from([20, 100, 200, 1000]),
        "buffer_ms": st.sampled_from([200, 1000, 4000]),
        "max_frames_per_message": st.integers(1, 10),
        "max_text_wait_ms": st.sampled_from([0, 200]),
        "aligned": st.booleans(),
        "rate_hz": st.sampled_from([16_000, 22_050, 24_000, 48_000]),
    }
)


@RUNS
@given(config=CONFIGS, steps=operations(controls=True))
def test_whatever_happens_the_rules_hold_and_everything_ends(worlds: Any, config: dict[str, Any], steps: list[tuple[Any, ...]]) -> None:
    world = worlds(**config)
    talk = Talk(world)
    perform(talk, steps)
    ending(talk)
    assert world.session.state == audio_pb2.SESSION_STATE_IDLE
    assert world.jobs == {}
    check_ends(world, talk)
    check_marks(world, talk)
    assert world.tally.frames == sum(m.frame_count for m in world.messages)


def check_ends(world: Any, talk: Talk) -> None:
    """Every utterance ends once, well or by a STOP; a STOP's ack tells the truth about what came before it."""
    done = [event.utterance_id for event in world.events("done")]
    assert len(done) == len(set(done))
    assert done == sorted(done)
    last: audio_pb2.AudioFrame | None = None
    for message in world.messages:
        if message.event.HasField("ack") and last is not None and message.event.ack.applied:
            ack = message.event.ack
            assert ack.last_seq == last.seq + last.frame_count - 1
            assert ack.last_char_end <= len(talk.said.get(ack.utterance_id, ""))
        if message.event.HasField("done"):
            event = message.event.done
            own = [m for m in world.messages if m.pcm and m.utterance_id == event.utterance_id]
            assert event.char_end == len(talk.said[event.utterance_id])
            assert event.pts_end == sum(m.frame_count for m in own) * FRAME_SAMPLES
            if message.pcm:
                assert message.flags & audio_pb2.FRAME_FLAG_UTTERANCE_END
        last = message if message.pcm else last


def check_marks(world: Any, talk: Talk) -> None:
    """Marks lie inside the text, in order, and no later than the audio they describe."""
    begun: dict[int, int] = {}
    emitted: dict[int, int] = {}
    for message in world.messages:
        for mark in message.marks:
            text = talk.said[mark.utterance_id]
            assert mark.char_begin < mark.char_end <= len(text)
            if mark.kind == audio_pb2.MARK_KIND_WORD:
                assert not any(char.isspace() for char in text[mark.char_begin : mark.char_end])
                assert mark.pts_begin <= mark.pts_end
                assert mark.char_begin >= begun.get(mark.utterance_id, 0)
                begun[mark.utterance_id] = mark.char_end
                assert mark.pts_begin >= emitted.get(mark.utterance_id, 0) - (0 if mark.estimated else 1), "a late mark"
        if message.pcm:
            emitted[message.utterance_id] = message.pts + message.frame_count * FRAME_SAMPLES
    for event in world.events("done"):
        text = talk.said[event.utterance_id]
        marks = [mark for m in world.messages for mark in m.marks if mark.kind == audio_pb2.MARK_KIND_WORD]
        spoken = [text[mark.char_begin : mark.char_end] for mark in marks if mark.utterance_id == event.utterance_id]
        assert letters("".join(spoken)) == letters(text), "every word has its mark"


def letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum())


@RUNS
@given(
    config=CONFIGS, steps=operations(controls=False), pauses=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 2000), st.booleans()))
)
def test_pauses_lose_and_repeat_no_sample(
    worlds: Any, config: dict[str, Any], steps: list[tuple[Any, ...]], pauses: list[tuple[int, int, bool]]
) -> None:
    """The same conversation, once as it is and once with pauses anywhere in it: the same audio, sample for sample."""
    config = {**config, "max_text_wait_ms": 0}  # which cuts by time, so pauses would move its cuts
    plain, paused = Talk(worlds(**config)), Talk(worlds(**config))
    perform(plain, steps)
    ending(plain)
    at = 0
    for place, length_ms, freeze in sorted(pauses):
        perform(paused, steps[at:place])
        at = max(at, place)
        before = sum(m.frame_count for m in paused.world.messages)
        ack = paused.world.pause(pause_mode=audio_pb2.PAUSE_MODE_FREEZE if freeze else audio_pb2.PAUSE_MODE_HOLD)
        assert ack.last_seq == before
        paused.world.advance(length_ms)
        assert sum(m.frame_count for m in paused.world.messages) == before
        assert paused.world.resume().last_seq == before
    perform(paused, steps[at:])
    ending(paused)
    assert plain.said == paused.said
    for utterance_id in plain.said:
        assert plain.world.pcm(utterance_id) == paused.world.pcm(utterance_id)


@RUNS
@given(text=st.lists(TEXTS, min_size=1, max_size=6), pauses=st.lists(st.tuples(st.integers(1, 700), st.integers(1, 3000)), max_size=4))
def test_a_pause_only_shifts_the_clock(worlds: Any, text: list[str], pauses: list[tuple[int, int]]) -> None:
    """With an engine that is always in time, every frame leaves exactly as much later as the pauses before it were long."""

    def schedule(breaks: list[tuple[int, int]]) -> list[int]:
        world = worlds(max_frames_per_message=3)
        world.say("".join(text), end=True)
        world.generate()
        times: list[int] = []
        shift_us = 0
        origin_us = world.now_us

        def run(ms: int) -> None:
            until = world.now_us + ms * 1000
            while True:
                while got := world.read():
                    for message in got:
                        times.extend([world.now_us - origin_us - shift_us] * message.frame_count)
                    world.generate()
                wake = world.session.wake_us
                if wake is None or wake > until:
                    world.now_us = until
                    return
                world.now_us = wake

        for speak_ms, pause_ms in breaks:
            run(speak_ms)
            world.pause()
            world.advance(pause_ms)
            world.resume()
            shift_us += pause_ms * 1000
        run(60_000)
        return times

    plain, paused = schedule([]), schedule(pauses)
    assert len(plain) == len(paused)
    ahead = [emitted * FRAME_MS - time // 1000 for emitted, time in enumerate(plain)]
    assert max(ahead, default=0) <= 200
    spoken_until = len(plain) * FRAME_MS * 1000
    if sum(ms for ms, _ in pauses) * 1000 < spoken_until - 200_000:
        assert plain == paused


@RUNS
@given(config=CONFIGS, steps=operations(controls=True), later=st.lists(TEXTS, min_size=1, max_size=3))
def test_after_a_stop_a_session_speaks_like_a_new_one(
    worlds: Any, config: dict[str, Any], steps: list[tuple[Any, ...]], later: list[str]
) -> None:
    old, new = Talk(worlds(**config)), Talk(worlds(**config))
    perform(old, steps)
    old.stop()
    assert old.world.jobs == {}
    old.next_id = max(old.said, default=0) + 1
    for talk in (old, new):
        for text in later:
            talk.say(text, False, True)
        ending(talk)
    number = max(old.said)
    assert old.world.pcm(number) == new.world.pcm(max(new.said))
    frames = [m for m in old.world.messages if m.utterance_id == number and m.pcm]
    assert {m.epoch for m in frames} <= {old.world.session.epoch}
