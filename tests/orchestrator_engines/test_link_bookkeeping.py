"""What the links remember, without any I/O: the speech log, the numbering over workers, the speak queue."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.engines.stt_log import Speech, SpeechLog
from orchestrator.engines.stt_numbers import SttNumbers
from orchestrator.engines.tts_queue import MAX_QUEUED_CHARS, SpeakQueue
from parley.audio import FRAME_BYTES, FRAME_SAMPLES
from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2

FRAME = bytes(FRAME_BYTES)


def drain(log: SpeechLog) -> list[Speech | audio_pb2.Control]:
    entries = []
    while (entry := log.next()) is not None:
        entries.append(entry)
    return entries


def test_a_log_takes_whole_frames_only():
    with pytest.raises(ValueError, match="whole frames of 1920 bytes, got 1919"):
        SpeechLog(5, 1000).push(bytes(1919))


def test_frames_wait_for_company_or_for_a_control():
    log = SpeechLog(3, 1000)
    assert not log.push(FRAME)
    assert log.next() is None
    assert log.push(FRAME * 3)
    assert [(entry.pts, entry.frames) for entry in drain(log) if isinstance(entry, Speech)] == [(0, 3), (3 * FRAME_SAMPLES, 1)]
    log.push(FRAME)
    log.control(audio_pb2.CONTROL_VERB_FINALIZE)
    assert [type(entry) for entry in drain(log)] == [Speech, audio_pb2.Control]


def test_what_has_its_final_is_not_repeated_and_what_has_not_is():
    log = SpeechLog(1, 1000)
    log.push(FRAME)
    first = log.control(audio_pb2.CONTROL_VERB_FINALIZE)
    log.push(FRAME)
    second = log.control(audio_pb2.CONTROL_VERB_FINALIZE)
    drain(log)
    log.finalized(first)
    assert log.rewind() == FRAME_SAMPLES
    again = drain(log)
    assert isinstance(again[0], Speech)
    assert isinstance(again[1], audio_pb2.Control)
    assert (again[0].pts, again[1].control_id) == (FRAME_SAMPLES, second)
    assert not log.idle
    log.finalized(second)
    assert log.idle


def test_a_stop_is_not_repeated_to_a_worker_that_never_heard_the_segment():
    log = SpeechLog(1, 1000)
    log.push(FRAME)
    log.discard()
    log.push(FRAME)
    assert log.rewind() == FRAME_SAMPLES
    assert [type(entry) for entry in drain(log)] == [Speech]


def test_the_oldest_goes_beyond_the_bound_and_the_gap_is_told():
    log = SpeechLog(1, 60)
    for _ in range(5):
        log.push(FRAME)
    assert not log.whole
    kept = [entry for entry in drain(log) if isinstance(entry, Speech)]
    assert [(entry.pts // FRAME_SAMPLES, entry.after_loss) for entry in kept] == [(2, True), (3, False), (4, False)]


@given(st.lists(st.sampled_from(["push", "send", "final", "discard", "lose"]), max_size=60))
def test_kept_audio_is_bounded_contiguous_and_ends_where_the_session_is(steps):
    log, finals = SpeechLog(2, 200), []
    for step in steps:
        match step:
            case "push":
                log.push(FRAME)
            case "send":
                log.next()
            case "final":
                finals.append(log.control(audio_pb2.CONTROL_VERB_FINALIZE))
                drain(log)
                log.finalized(finals[-1])
            case "discard":
                log.discard()
            case "lose":
                log.rewind()
    log.flush()
    begin = log.rewind()
    kept = [entry for entry in drain(log) if isinstance(entry, Speech)]
    assert sum(entry.frames for entry in kept) <= 10
    assert begin == (kept[0].pts if kept else log.position)
    ends = [entry.pts_end for entry in kept]
    assert [entry.pts for entry in kept[1:]] == ends[:-1]
    assert not kept or ends[-1] == log.position


def hypothesis(segment_id: int, revision: int, final: bool = False) -> stt_pb2.Hypothesis:
    return stt_pb2.Hypothesis(segment_id=segment_id, revision=revision, final=final, pts_end=10, words=[stt_pb2.Word(pts_end=5)])


def numbered(numbers: SttNumbers, *args: int, final: bool = False) -> tuple[int, int]:
    message = hypothesis(*args, final=final)
    numbers.hypothesis(message)
    return message.segment_id, message.revision


def test_a_segment_goes_on_at_the_next_worker_under_its_number_with_higher_revisions():
    numbers = SttNumbers()
    numbers.begin(0, whole=True)
    assert numbered(numbers, 1, 4, final=True) == (1, 4)
    assert numbered(numbers, 2, 3) == (2, 3)
    numbers.begin(960, whole=True)
    assert numbered(numbers, 1, 1) == (2, 4)
    assert numbered(numbers, 1, 2, final=True) == (2, 5)
    assert numbered(numbers, 2, 1) == (3, 1)
    message = hypothesis(2, 2)
    numbers.hypothesis(message)
    assert (message.pts_end, message.words[0].pts_end) == (970, 965)


@pytest.mark.parametrize("why", ["not whole", "final", "discarded"])
def test_otherwise_the_next_worker_begins_a_new_segment(why):
    numbers = SttNumbers()
    numbers.begin(0, whole=True)
    numbered(numbers, 1, 3, final=why == "final")
    if why == "discarded":
        numbers.closed()
    numbers.begin(0, whole=why != "not whole")
    assert numbered(numbers, 1, 1) == (2, 1)


def test_the_queue_puts_control_first_and_drops_the_text_of_a_dead_epoch():
    queue = SpeakQueue()
    queue.speak(1, "old", False, True, {"speed": 1.5})
    queue.stop()
    queue.speak(2, "new", False, True, {"speed": 2.0})
    queue.speak(2, "er", True, True, {"speed": 2.0})
    control = queue.next_control()
    assert control is not None
    assert (control.verb, control.through_epoch) == (audio_pb2.CONTROL_VERB_STOP, 1)
    first, second = queue.next_text(), queue.next_text()
    assert first is not None
    assert second is not None
    assert (first.text, first.epoch, first.style) == ("new", 2, {"speed": 2.0})
    assert second.style is None
    assert queue.next_text() is None


def test_a_new_worker_session_counts_from_one_where_the_session_is():
    queue = SpeakQueue()
    queue.stop()
    queue.stop()
    queue.begin()
    assert queue.next_control() is None
    assert queue.worker_epoch(queue.epoch) == 1
    queue.stop()
    control = queue.next_control()
    assert control is not None
    assert control.through_epoch == 1


def test_text_that_nobody_takes_is_refused_beyond_the_bound_and_accepted_again_after_a_stop():
    queue = SpeakQueue()
    queue.speak(1, "x" * MAX_QUEUED_CHARS, False, True, None)
    with pytest.raises(ParleyError, match="TEXT_TOO_LONG"):
        queue.speak(1, "y", False, True, None)
    queue.stop()
    queue.speak(2, "y", False, True, None)
