"""Segments: stretches of a stream between finals, and how an engine's step becomes the hypothesis that a client reads."""

from __future__ import annotations

from dataclasses import dataclass, field

from parley.v1 import audio_pb2, stt_pb2
from workers.engines.api import SttStep
from workers.stt.hearing import Hearing


@dataclass(slots=True)
class Segment:
    """One segment; `begin_sample` counts in the engine's samples, `begin_pts` in the stream's."""

    segment_id: int
    begin_sample: int
    begin_pts: int
    revision: int = 0
    last: SttStep | None = None

    def is_news(self, step: SttStep, word_times: bool) -> bool:
        """Whether a client would see any difference to the last partial."""
        last = self.last
        if last is None:
            return bool(step.text)
        return step.text != last.text or step.stable_chars != last.stable_chars or (word_times and step.words != last.words)


@dataclass(slots=True)
class Pending:
    """A FINALIZE that waits for its final: the ack to be, and when it was asked for."""

    ack: audio_pb2.ControlAck
    received_us: int


@dataclass(slots=True)
class Cut:
    """A segment that has ended, and whose final is awaited. An `empty` one was not given to the engine."""

    segment: Segment
    token: int
    end_pts: int
    empty: bool = False
    kind: stt_pb2.EndKind = stt_pb2.END_KIND_UNSPECIFIED
    speech_end_pts: int = 0
    pending: list[Pending] = field(default_factory=list)


def hypothesis(segment: Segment, step: SttStep, hearing: Hearing, end_pts: int, *, final: bool, word_times: bool) -> stt_pb2.Hypothesis:
    """The hypothesis that `step` makes; counts the segment's revision up."""
    segment.revision += 1
    segment.last = step
    text = step.text or ""
    return stt_pb2.Hypothesis(
        segment_id=segment.segment_id,
        revision=segment.revision,
        final=final,
        text=text,
        stable_chars=len(text) if final else max(0, min(step.stable_chars, len(text))),
        confidence=step.confidence,
        words=_words(segment, step, hearing, final) if word_times else (),
        language=step.language,
        pts_begin=segment.begin_pts,
        pts_end=max(end_pts, segment.begin_pts),
    )


def _words(segment: Segment, step: SttStep, hearing: Hearing, final: bool) -> list[stt_pb2.Word]:
    words: list[stt_pb2.Word] = []
    at = 0
    for word in step.words:
        found = (step.text or "").find(word.text, at)
        at = found + len(word.text) if found >= 0 else at
        begin = hearing.pts_of(segment.begin_sample + word.sample_begin)
        words.append(
            stt_pb2.Word(
                text=word.text,
                pts_begin=begin,
                pts_end=max(hearing.pts_of(segment.begin_sample + word.sample_end), begin),
                confidence=word.confidence,
                stable=final or (found >= 0 and at <= step.stable_chars),
            )
        )
    return words
