"""The pure core: every rule of the ABI in virtual time."""

from __future__ import annotations

from itertools import pairwise

import pytest

from parley.audio import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES
from parley.errors import ParleyError
from parley.v1 import audio_pb2, tts_pb2
from workers.tts.limits import TtsLimits

IDLE, SPEAKING, PAUSED = audio_pb2.SESSION_STATE_IDLE, audio_pb2.SESSION_STATE_SPEAKING, audio_pb2.SESSION_STATE_PAUSED
FREEZE = audio_pb2.PAUSE_MODE_FREEZE
UNPACED, CREDIT = tts_pb2.PACING_UNPACED, tts_pb2.PACING_CREDIT
LONG = "This is a long sentence that will be spoken for several seconds without an end in sight until it is over."


def frames(messages) -> int:
    return sum(m.frame_count for m in messages)


def speaking(worlds, **config):
    """A world in the middle of a long utterance: 10 frames of lead are out."""
    world = worlds(**config)
    world.say(LONG, end=True)
    world.generate()
    assert frames(world.read()) == 10
    return world


# ---------- an utterance ----------


def test_an_utterance_begins_speaks_and_ends(worlds) -> None:
    world = worlds(pacing=UNPACED, max_frames_per_message=5)
    world.say("Hello world. How are you?", end=True)
    world.finish()
    (started,), (done,) = world.events("started"), world.events("done")
    last = world.messages[-1]
    assert (started.first_seq, done.last_seq, done.char_end) == (1, frames(world.messages), 25)
    assert done.pts_end == last.pts + last.frame_count * FRAME_SAMPLES
    assert last.flags & audio_pb2.FRAME_FLAG_UTTERANCE_END
    assert [m.session_id for m in world.messages if m.session_id] == ["s"]
    assert world.session.state == IDLE


def test_empty_text_is_done_alone(worlds) -> None:
    world = worlds()
    world.say("", end=True)
    world.say(" ... ", end=True)
    world.finish()
    assert [(d.utterance_id, d.last_seq, d.char_end) for d in world.events("done")] == [(1, 0, 0), (2, 0, 5)]
    assert not any(m.pcm for m in world.messages)


def test_an_end_that_comes_after_the_last_frame_is_told_alone(worlds) -> None:
    world = worlds()
    world.say("Hello world.")
    world.finish()
    assert world.events("done") == []
    world.say("", end=True)
    (message,) = world.read()
    assert (message.event.done.last_seq, message.seq, message.event.done.char_end) == (0, 0, 12)
    assert message.event.done.pts_end == frames(world.messages) * FRAME_SAMPLES


def test_utterances_queue_and_their_audio_is_seamless(worlds) -> None:
    world = worlds(pacing=UNPACED)
    for text in ("One.", "Two.", "Three."):
        world.say(text, end=True)
    world.finish()
    assert [d.utterance_id for d in world.events("done")] == [1, 2, 3]
    assert world.events("underrun") == []


def test_two_segments_are_generated_ahead_so_that_no_gap_is_between_them(worlds) -> None:
    world = worlds()
    world.say("One one one one one. Two two two two two. Three.", end=True)
    assert [job.text for job in world.jobs.values()] == ["One one one one one."]
    world.generate(samples=2_000)
    assert [job.text for job in world.jobs.values()] == ["One one one one one.", "Two two two two two."]


def test_generation_is_bounded_by_the_buffer(worlds) -> None:
    world = worlds(buffer_ms=500)
    world.say(LONG * 5)
    for _ in range(20):
        world.generate()
        assert sum(job.given for job in world.jobs.values()) <= 12_000
    ack = world.stop()
    assert 400 <= ack.buffered_ms <= 540
    assert world.jobs == {}


def test_the_buffer_fills_while_it_is_spoken_and_not_at_once(worlds) -> None:
    world = worlds()
    world.say(LONG * 5, end=True)
    world.generate()
    assert 900 <= world.pause().buffered_ms <= 1_100
    world.resume()
    world.advance(6_000)
    assert 3_000 <= world.pause().buffered_ms <= 4_100


def test_generation_follows_the_playing(worlds) -> None:
    world = speaking(worlds, buffer_ms=400)
    world.advance(10_000)
    assert frames(world.messages) * FRAME_MS >= len(LONG) * 41
    assert world.events("underrun") == []


# ---------- pacing ----------


def test_lead_is_given_at_once_and_then_real_time(worlds) -> None:
    world = speaking(worlds)
    assert frames(world.advance(19)) == 0
    assert frames(world.advance(1)) == 1
    assert frames(world.advance(1000)) == 50


def test_five_frames_travel_together_once_the_first_are_out(worlds) -> None:
    world = speaking(worlds, max_frames_per_message=5)
    sent = world.advance(1000)
    assert {m.frame_count for m in sent} == {5}
    assert frames(sent) == 50


def test_the_first_frame_does_not_wait_for_company(worlds) -> None:
    world = worlds(max_frames_per_message=5)
    world.say(LONG)
    world.generate(samples=3 * 480 + 900)  # the resampler and the limiter hold some back
    assert 1 <= frames(world.read()) <= 3


def test_credit_counts_absolutely(worlds) -> None:
    world = worlds(pacing=CREDIT)
    world.say(LONG, end=True)
    world.generate()
    assert frames(world.read()) == 0
    world.allow(7)
    assert frames(world.read()) == 7
    world.allow(7)
    world.allow(3)
    assert frames(world.advance(1000)) == 0
    world.allow(9)
    assert frames(world.read()) == 2


def test_an_engine_that_is_too_slow_is_an_underrun(worlds) -> None:
    world = worlds()
    world.say(LONG, end=True)
    world.generate(samples=4_000)
    sent = frames(world.read())
    world.now_us += 500_000
    world.read()
    world.generate(samples=6_000)
    world.read()
    (underrun,) = world.events("underrun")
    assert underrun.seq == sent + 1
    assert underrun.late_ms == 500 - sent * FRAME_MS


def test_a_client_that_plays_out_its_credit_tells_of_an_underrun(worlds) -> None:
    world = worlds(pacing=CREDIT)
    world.say(LONG, end=True)
    world.generate(samples=6_000)
    world.allow(100)
    sent = frames(world.read())
    world.allow(100, played=sent)
    world.read()
    world.now_us += 70_000
    world.generate(samples=6_000)
    world.read()
    assert [(u.seq, u.late_ms) for u in world.events("underrun")] == [(sent + 1, 70)]


def test_a_text_that_comes_slowly_is_no_underrun(worlds) -> None:
    world = worlds()
    world.say("Hello world.")
    world.finish()
    world.advance(5000)
    world.say("Again hello world.", end=True)
    world.finish()
    assert world.events("underrun") == []


def test_what_there_is_is_spoken_when_no_more_text_comes(worlds) -> None:
    world = worlds(max_text_wait_ms=300)
    world.say("And then")
    assert world.jobs == {}
    world.advance(299)
    assert world.jobs == {}
    world.advance(2)
    assert [job.text for job in world.jobs.values()] == ["And then"]


# ---------- STOP ----------


def test_stop_drops_everything_and_says_where_it_was(worlds) -> None:
    world = speaking(worlds)
    world.say("More to come.", end=True)
    ack = world.stop()
    assert (ack.applied, ack.state, ack.epoch, ack.utterance_id) == (True, IDLE, 1, 1)
    assert (ack.last_seq, ack.last_pts_end) == (10, 10 * FRAME_SAMPLES)
    assert ack.last_char_end == len("This")  # 200 ms are 4.8 characters
    assert ack.generated_pts_end > ack.last_pts_end
    assert 600 <= ack.buffered_ms <= 1_200
    assert world.jobs == {}
    assert [m.event.WhichOneof("event") for m in world.read()] == ["ack"]
    assert frames(world.advance(5000)) == 0


def test_the_next_epochs_text_may_follow_at_once_and_gets_the_full_lead(worlds) -> None:
    world = speaking(worlds)
    world.stop(through_epoch=1)
    world.say("late text of the dead epoch", epoch=1)
    world.say(LONG, epoch=2, end=True)
    world.generate()
    sent = world.read()
    assert sent[0].event.ack.last_seq == 10
    assert frames(sent) == 10
    assert {m.epoch for m in sent[1:]} == {2}
    assert next(m.seq for m in sent if m.pcm) == 11


def test_stop_counts_in_idle_too(worlds) -> None:
    world = worlds()
    assert world.stop().applied
    assert world.session.epoch == 2
    assert world.stop(through_epoch=7).applied
    assert world.session.epoch == 8
    ack = world.stop(through_epoch=7)
    assert (ack.applied, ack.state) == (False, IDLE)
    assert world.session.epoch == 8


def test_a_unary_stop_must_say_its_epoch(worlds) -> None:
    world = speaking(worlds)
    with pytest.raises(ParleyError, match="through_epoch"):
        world.stop(in_band=False)
    assert world.stop(in_band=False, through_epoch=1).applied


def test_stop_before_the_first_frame_says_that_nothing_was_spoken(worlds) -> None:
    world = worlds()
    world.say(LONG, end=True)
    world.finish()
    world.stop()
    world.say(LONG)
    ack = world.stop()
    assert (ack.epoch, ack.utterance_id, ack.last_pts_end, ack.last_char_end) == (2, 2, 0, 0)
    assert ack.last_seq == frames(world.messages)


# ---------- PAUSE and RESUME ----------


def test_pause_holds_emission_and_resume_goes_on_with_the_next_frame(worlds) -> None:
    world = speaking(worlds)
    world.advance(90)
    ack = world.pause()
    assert (ack.applied, ack.state, ack.last_seq, ack.resumable) == (True, PAUSED, 14, True)
    assert frames(world.advance(5_000)) == 0
    ack = world.resume()
    assert (ack.applied, ack.state, ack.last_seq, ack.resumable) == (True, SPEAKING, 14, True)
    assert frames(world.advance(9.9)) == 0  # the clock was stopped 10 ms before the next frame was due
    assert frames(world.advance(0.1)) == 1


def test_hold_generates_on_and_freeze_does_not(worlds) -> None:
    world = speaking(worlds)
    world.pause()
    world.say(" Second sentence.", utterance_id=0, end=True)
    assert world.jobs
    assert not any(job.frozen for job in world.jobs.values())
    assert world.pause(pause_mode=FREEZE).applied
    assert all(job.frozen for job in world.jobs.values())
    assert not world.pause(pause_mode=FREEZE).applied
    world.resume()
    assert not any(job.frozen for job in world.jobs.values())


def test_a_frozen_session_opens_no_job_until_it_is_resumed(worlds) -> None:
    world = worlds()
    world.pause(pause_mode=FREEZE)
    world.say("Hello world.", end=True)
    assert world.jobs == {}
    world.resume()
    assert len(world.jobs) == 1


def test_a_pause_in_idle_holds_later_text(worlds) -> None:
    world = worlds()
    assert world.pause().applied
    world.say("", end=True)
    world.say("Hello.", end=True)
    world.generate()
    assert [m.event.WhichOneof("event") for m in world.advance(1000)] == ["ack"]
    world.resume()
    assert frames(world.finish()) > 0
    assert len(world.events("done")) == 2


def test_a_pause_that_is_too_long_loses_the_utterance_and_says_so(worlds) -> None:
    world = speaking(worlds)
    world.say("Open one", utterance_id=2)
    world.pause(max_pause_ms=1000)
    world.advance(1001)
    assert [(n.reason, n.utterance_id) for n in world.events("notice")] == [("PAUSE_EXPIRED", 1), ("PAUSE_EXPIRED", 2)]
    assert world.jobs == {}
    world.say(" goes on.", utterance_id=2)
    ack = world.resume()
    assert (ack.applied, ack.resumable, ack.state, ack.last_seq, ack.last_char_end) == (False, False, IDLE, 10, len("This"))
    world.say("A new one.", utterance_id=3, end=True)
    assert frames(world.finish()) > 0
    assert {m.utterance_id for m in world.messages if m.seq > 10} == {3}


def test_resume_without_a_pause_changes_nothing(worlds) -> None:
    ack = speaking(worlds).resume()
    assert (ack.applied, ack.state) == (False, SPEAKING)


def test_stop_ends_a_pause(worlds) -> None:
    world = speaking(worlds)
    world.pause()
    assert world.stop().state == IDLE
    world.say("Hello.", end=True)
    world.generate()
    assert frames(world.read()) > 0


# ---------- controls ----------


def test_a_control_that_comes_again_gets_the_same_ack(worlds) -> None:
    world = speaking(worlds)
    first = world.stop(control_id=77)
    world.say("New text.", end=True)
    again = world.stop(control_id=77, in_band=False)
    assert again == first
    assert world.session.state == SPEAKING
    with pytest.raises(ParleyError, match="BAD_SEQUENCE"):
        world.pause(control_id=77)


def test_the_last_256_acks_are_kept(worlds) -> None:
    world = worlds()
    for number in range(1, 258):
        world.stop(control_id=number)
        world.read()
    epoch = world.session.epoch
    world.stop(control_id=2)
    assert world.session.epoch == epoch
    world.stop(control_id=1)
    assert world.session.epoch == epoch + 1


@pytest.mark.parametrize("verb", [0, audio_pb2.CONTROL_VERB_FINALIZE])
def test_verbs_that_are_none_are_refused(worlds, verb: int) -> None:
    with pytest.raises(ParleyError, match="verb"):
        worlds().control(verb)


def test_events_of_a_client_that_takes_none_are_bounded(worlds) -> None:
    world = worlds()
    for _ in range(2000):
        world.stop()
    with pytest.raises(ParleyError, match="SLOW_CLIENT"):
        world.read()


# ---------- numbering ----------


def test_utterance_numbers_only_grow_and_one_ends_before_the_next(worlds) -> None:
    world = worlds()
    world.say("a", utterance_id=5)
    for wrong in (4, 6):
        with pytest.raises(ParleyError, match="BAD_SEQUENCE"):
            world.say("b", utterance_id=wrong)
    world.say("b", utterance_id=5, end=True)
    with pytest.raises(ParleyError, match="BAD_SEQUENCE"):
        world.say("c", utterance_id=5)
    world.say("c", end=True)
    world.finish()
    assert [d.utterance_id for d in world.events("done")] == [5, 6]


def test_epochs_need_a_stop(worlds) -> None:
    world = worlds()
    with pytest.raises(ParleyError, match="BAD_SEQUENCE"):
        world.say("a", epoch=2)
    world.stop()
    world.say("a", epoch=2)
    world.say("never heard", epoch=1, utterance_id=9)
    world.say("", end=True)
    world.finish()
    assert [(d.utterance_id, d.char_end) for d in world.events("done")] == [(1, 1)]


def test_text_has_its_place(worlds) -> None:
    world = worlds()
    world.say("añb")
    world.say("c", char_begin=3)
    with pytest.raises(ParleyError, match="char_begin"):
        world.say("d", char_begin=3)


def test_text_is_bounded(worlds) -> None:
    world = worlds(limits=TtsLimits(max_text_bytes=10, max_waiting_text_bytes=25, max_waiting_utterances=5))
    with pytest.raises(ParleyError, match="TEXT_TOO_LONG"):
        world.say("ééééé.")
    world.say("12345")
    with pytest.raises(ParleyError, match="TEXT_TOO_LONG"):
        world.say("67890.")
    world.say("6789.", end=True)
    world.say("6789012345", end=True)
    with pytest.raises(ParleyError, match="TOO_FAST"):
        world.say("6789012345")
    for _ in range(3):
        world.say("", end=True)
    with pytest.raises(ParleyError, match="TOO_FAST"):
        world.say("", end=True)


def test_style_is_for_the_first_text_of_an_utterance(worlds) -> None:
    world = worlds()
    chunk = tts_pb2.TextChunk(text="Hello.")
    chunk.style.update({"speed": 1.5, "voice": "b"})
    world.session.text(chunk, 0)
    (command,) = world.session.take_commands()
    assert (command.request.speed, command.request.voice) == (1.5, "b")
    for style in ({"speed": 1.0}, {"volume": 3}, {"voice": "x"}, {"speed": 9}, {"speed": "fast"}):
        chunk = tts_pb2.TextChunk(text="Hello.", end_of_utterance=True)
        chunk.style.update(style)
        with pytest.raises(ParleyError, match="BAD_REQUEST"):
            world.session.text(chunk, 0)


# ---------- marks ----------


@pytest.mark.parametrize("aligned", [True, False])
def test_words_are_marked_where_they_are_spoken(worlds, aligned: bool) -> None:
    world = worlds(aligned=aligned, pacing=UNPACED)
    text = "  Hello big world. And some more words here!"
    world.say(text, end=True)
    world.finish()
    words = [mark for m in world.messages for mark in m.marks if mark.kind == audio_pb2.MARK_KIND_WORD]
    assert [text[w.char_begin : w.char_end] for w in words] == text.split()
    assert {w.estimated for w in words} == {not aligned}
    assert all(a.pts_end <= b.pts_begin + 1 for a, b in pairwise(words))
    if aligned:
        assert (words[1].pts_begin, words[1].pts_end) == (6 * 2000, 9 * 2000)


def test_a_segments_end_is_told_when_it_is_known(worlds) -> None:
    world = worlds(marks=audio_pb2.MARK_KIND_SEGMENT)
    world.say(LONG, end=True)
    world.generate(samples=20_000)
    world.read()
    world.finish()
    segments = [mark for m in world.messages for mark in m.marks]
    assert [s.kind for s in segments] == [audio_pb2.MARK_KIND_SEGMENT] * 2
    assert [s.pts_end for s in segments] == [0, frames(world.messages) * FRAME_SAMPLES]
    assert {(s.char_begin, s.char_end, s.pts_begin) for s in segments} == {(0, len(LONG), 0)}


# ---------- engine, streams ----------


def test_an_engine_that_refuses_a_segment_costs_only_that(worlds) -> None:
    world = worlds(pacing=UNPACED)
    world.say("Bad one. Good one.", end=True)
    world.fail("ENGINE_FAILED")
    world.finish()
    (notice,) = world.events("notice")
    assert (notice.reason, notice.utterance_id) == ("ENGINE_FAILED", 1)
    assert len(world.events("done")) == 1
    assert frames(world.messages) * FRAME_BYTES >= len("Good one.") * 4000


def test_a_crash_ends_the_stream_and_not_the_session(worlds) -> None:
    world = speaking(worlds)
    world.say("More.", end=True)
    world.generate(jobs=0)
    world.fail("ENGINE_CRASHED") if world.jobs else None
    with pytest.raises(ParleyError, match="ENGINE_CRASHED"):
        world.read()
    world.session.detach(world.now_us)
    world.session.attach("s")
    world.say("Hello again.", end=True)
    world.finish()
    assert [m.epoch for m in world.messages if m.event.HasField("done")] == [1]


def test_a_new_stream_goes_on_with_the_numbers_and_without_the_audio(worlds) -> None:
    world = speaking(worlds)
    world.pause()
    world.session.detach(world.now_us)
    assert world.session.take_commands()
    world.jobs.clear()
    world.session.attach("s")
    world.say("Hello again.", end=True)
    world.finish()
    assert [m.session_id for m in world.messages if m.session_id] == ["s", "s"]
    assert [d.utterance_id for d in world.events("done")] == [2]


def test_half_close_speaks_to_the_end(worlds) -> None:
    world = worlds()
    world.say("Hello world without an end")
    world.session.half_close(world.now_us)
    assert not world.session.finished
    world._obey()
    world.finish()
    assert world.session.finished
    assert len(world.events("done")) == 1


def test_half_close_without_credit_does_not_wait_forever(worlds) -> None:
    world = worlds(pacing=CREDIT)
    world.say("Hello world.", end=True)
    world.session.half_close(world.now_us)
    world.generate()
    with pytest.raises(ParleyError, match="SLOW_CLIENT"):
        world.advance(60_000)
