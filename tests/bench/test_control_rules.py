"""The checker of frame rules sees each rule broken, and nothing in a clean stream."""

from __future__ import annotations

from collections import Counter

import pytest

from client.bench.control_rules import StreamRules
from parley.audio import FRAME_BYTES, FRAME_SAMPLES
from parley.v1 import audio_pb2

PAUSE, RESUME, STOP = audio_pb2.CONTROL_VERB_PAUSE, audio_pb2.CONTROL_VERB_RESUME, audio_pb2.CONTROL_VERB_STOP


def audio(seq: int, pts: int = 0, count: int = 1, epoch: int = 1, utterance: int = 1, size: int | None = None) -> audio_pb2.AudioFrame:
    pcm = bytes(count * FRAME_BYTES if size is None else size)
    return audio_pb2.AudioFrame(seq=seq, pts=pts * FRAME_SAMPLES, pcm=pcm, frame_count=count, epoch=epoch, utterance_id=utterance)


def ack(verb: audio_pb2.ControlVerb, last_seq: int, applied: bool = True) -> audio_pb2.ControlAck:
    return audio_pb2.ControlAck(verb=verb, last_seq=last_seq, applied=applied)


def clean() -> StreamRules:
    """Five frames of one utterance in two messages."""
    rules = StreamRules()
    rules.audio(audio(1, 0, 2))
    rules.audio(audio(3, 2, 3))
    return rules


def test_a_clean_conversation_breaks_nothing() -> None:
    rules = clean()
    rules.acked_in_stream(ack(PAUSE, 5))
    rules.resuming()
    rules.audio(audio(6, 5))
    rules.acked_in_stream(ack(RESUME, 6))
    rules.stopping(1)
    rules.audio(audio(7, 6))
    rules.acked_in_stream(ack(STOP, 7))
    rules.audio(audio(8, 0, 5, epoch=2, utterance=2))
    assert rules.broken == Counter()
    assert rules.frames == 12


def test_frames_under_way_when_a_unary_ack_overtakes_them_are_no_offence() -> None:
    rules = clean()
    rules.stopping(1)
    rules.acked(ack(STOP, 7))
    rules.audio(audio(6, 5, 2))
    rules.acked_in_stream(ack(STOP, 7))
    assert rules.broken == Counter()


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        (audio(6, 5, size=1919), "size"),
        (audio(7, 5), "seq"),
        (audio(5, 5), "seq"),
        (audio(6, 6), "pts"),
        (audio(6, 1, utterance=2), "pts"),
        (audio(6, 5, epoch=2), "epoch"),
    ],
)
def test_each_broken_frame_is_named(frame: audio_pb2.AudioFrame, rule: str) -> None:
    rules = clean()
    rules.audio(frame)
    assert rules.broken == {rule: 1}


def test_audio_of_a_dead_epoch_is_named() -> None:
    rules = clean()
    rules.stopping(1)
    rules.acked_in_stream(ack(STOP, 5))
    rules.audio(audio(6, 5))
    assert rules.broken == {"dead": 1}


def test_audio_in_a_pause_is_named() -> None:
    rules = clean()
    rules.acked_in_stream(ack(PAUSE, 5))
    rules.audio(audio(6, 5))
    assert rules.broken == {"paused": 1}


def test_a_pause_that_was_not_applied_binds_nobody() -> None:
    rules = clean()
    rules.acked_in_stream(ack(PAUSE, 5, applied=False))
    rules.audio(audio(6, 5))
    assert rules.broken == Counter()


def test_an_ack_that_names_another_frame_is_named() -> None:
    rules = clean()
    rules.acked_in_stream(ack(PAUSE, 4))
    assert rules.broken["ack"] == 1
