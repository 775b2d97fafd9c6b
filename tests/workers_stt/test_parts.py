"""The core's parts: positions, resampling, endpoints, the outbox."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.audio import FRAME_BYTES, FRAME_SAMPLES
from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2
from workers.stt.downsample import Downsample
from workers.stt.endpoint import Begin, End, Endpointer
from workers.stt.hearing import Hearing
from workers.stt.outbox import Outbox
from workers.stt.timeline import MAX_ANCHORS, Timeline

NOISE = (np.random.default_rng(7).standard_normal(FRAME_SAMPLES * 40) * 6000).astype("<i2").tobytes()


@pytest.mark.parametrize("rate_hz", [8000, 16000, 22050, 24000, 48000])
@settings(max_examples=15, deadline=None)
@given(cuts=st.lists(st.integers(1, 39), max_size=8))
def test_resampling_does_not_depend_on_where_the_messages_were_cut(rate_hz, cuts):
    whole = Downsample(48000, rate_hz)
    expected = whole.push(NOISE) + whole.flush()
    assert len(expected) // 2 == pytest.approx(40 * 0.02 * rate_hz, abs=1)
    cut, edges = Downsample(48000, rate_hz), sorted({0, *cuts, 40})
    parts = [cut.push(NOISE[a * FRAME_BYTES : b * FRAME_BYTES]) for a, b in itertools.pairwise(edges)]
    assert b"".join(parts) + cut.flush() == expected


def test_a_tone_survives_the_way_down():
    time_s = np.arange(48_000) / 48_000
    down = Downsample(48_000, 16_000)
    pcm = (np.sin(2 * np.pi * 1000 * time_s) * 10_000).astype("<i2").tobytes()
    heard = np.frombuffer(down.push(pcm) + down.flush(), dtype="<i2").astype(float)
    expected = np.sin(2 * np.pi * 1000 * np.arange(16_000) / 16_000) * 10_000
    assert np.abs(heard - expected)[200:-200].max() < 20


def test_breaks_of_the_stream_shift_positions_behind_them():
    timeline = Timeline(16_000)
    timeline.anchor(1600, 48_000)
    timeline.anchor(1600, 48_000)
    timeline.anchor(3200, 480_000)
    assert [timeline.pts_of(sample) for sample in (0, 1599, 1600, 3199, 3200, 4800)] == [0, 4797, 48_000, 52_797, 480_000, 484_800]
    timeline.forget_before(3300)
    assert timeline.pts_of(3300) == 480_300
    for number in range(2 * MAX_ANCHORS):
        timeline.anchor(4000 + number, 10**6 * (number + 1))
    assert timeline.pts_of(4000 + 2 * MAX_ANCHORS - 1) == 10**6 * 2 * MAX_ANCHORS


def test_a_flush_gives_all_and_the_next_run_is_whole_again():
    hearing = Hearing(16_000, 0, Downsample)
    for second in range(3):
        got = len(hearing.push(NOISE, second * 100_000)) + len(hearing.flush()) + len(hearing.flush())
        assert got // 2 == 40 * 320
        assert hearing.pts_of(hearing.fed_samples) == second * 100_000 + 40 * FRAME_SAMPLES


def _tone(frames: int, level: int) -> bytes:
    return (np.sin(np.arange(frames * FRAME_SAMPLES) / 10) * level).astype("<i2").tobytes()


def test_speech_begins_and_ends_by_level():
    ends = Endpointer(silence_ms=200)
    audio = _tone(50, 10) + _tone(30, 8000) + _tone(5, 10) + _tone(20, 8000) + _tone(40, 10)
    found = [change for at in range(0, len(audio), FRAME_BYTES) for change in ends.push(audio[at : at + FRAME_BYTES], at // 2)]
    assert found == [Begin(50 * FRAME_SAMPLES), End(105 * FRAME_SAMPLES)]


def test_a_click_is_no_speech_and_steady_noise_is_only_for_a_while():
    ends = Endpointer(silence_ms=200)
    assert ends.push(_tone(20, 10) + _tone(2, 8000) + _tone(20, 10), 0) == []
    changes = Endpointer(silence_ms=200).push(_tone(2500, 2000), 0)
    assert [type(change) for change in changes] == [Begin, End]


def _event(segment_id: int, final: bool = False) -> stt_pb2.TranscriptEvent:
    return stt_pb2.TranscriptEvent(hypothesis=stt_pb2.Hypothesis(segment_id=segment_id, final=final))


def _ack() -> stt_pb2.TranscriptEvent:
    return stt_pb2.TranscriptEvent(ack=audio_pb2.ControlAck())


def test_of_waiting_partials_only_the_latest_is_left():
    box = Outbox(10)
    first, second, final = _event(1), _event(1), _event(1, final=True)
    for event in (first, _ack(), second, _event(2)):
        box.push(event)
    assert len(box) == 3
    box.push(final)
    assert box.pop().HasField("ack")
    assert [box.pop() is second, box.pop() is not None, box.pop() is final] == [True, True, True]


def test_a_void_segment_leaves_nothing_and_numbers_have_no_gap():
    box = Outbox(10)
    box.push(_ack())
    box.push(_event(1))
    box.discard_partial(2)
    assert len(box) == 2
    box.discard_partial(1)
    box.push(_ack())
    assert [box.pop().event_seq, box.pop().event_seq, box.pop()] == [1, 2, None]


def test_finals_are_never_dropped_but_have_a_bound():
    box = Outbox(8)
    for _ in range(8):
        box.push(_ack())
    with pytest.raises(ParleyError, match="SLOW_CLIENT"):
        box.push(_event(1, final=True))
