"""Audio becomes messages here: frames get their `seq`, their marks and the events that belong to them. Pure.

A message carries frames of one segment. `UtteranceDone` rides on the message with the utterance's last frame where the end is known
by then; otherwise it comes alone, with `last_seq` 0.
"""

from __future__ import annotations

from dataclasses import dataclass

from parley.audio import FRAME_SAMPLES, ms_of
from parley.v1 import audio_pb2
from workers.tts.generation import Generation
from workers.tts.marks import Word
from workers.tts.metrics import Tally
from workers.tts.pacing import Pacer
from workers.tts.part import Part
from workers.tts.utterance import Utterance


@dataclass(slots=True)
class Position:
    """The last frame that was handed to the transport."""

    seq: int = 0
    epoch: int = 1
    utterance_id: int = 0
    pts_end: int = 0
    part: Part | None = None
    part_samples: int = 0

    @property
    def char_end(self) -> int:
        """The text position reached by it."""
        return self.part.reached(self.part_samples) if self.part is not None else 0


class Emission:
    """The outgoing side of one session."""

    def __init__(self, pacer: Pacer, max_frames_per_message: int, words: bool, tally: Tally) -> None:
        self.last = Position()
        self.due_us: int | None = None
        """After a `next` that gave nothing: when to ask again at the latest, if only time is missing."""
        self.frames = 0
        self.underruns = 0
        self._pacer = pacer
        self._max_frames = max_frames_per_message
        self._words = words
        self._tally = tally
        self._starved = False  # the clock allowed a frame, and the engine had none
        self._out_of_text = False  # and it could have none
        self._late_marks: list[audio_pb2.Mark] = []  # true ends of segments whose last frame had left before the end was known

    def restart(self) -> None:
        """What was about to be emitted has been thrown away."""
        self._late_marks.clear()
        self._starved = self._out_of_text = False

    def next(self, generation: Generation, now_us: int) -> audio_pb2.AudioFrame | None:
        """The next message, if there is one that may leave now."""
        self.due_us = None
        while generation.utterances:
            utterance = generation.utterances[0]
            if utterance.parts and utterance.parts[0].over:
                self._leave(utterance, utterance.parts.popleft())
                continue
            if utterance.parts:
                return self._from(utterance, utterance.parts[0], generation, now_us)
            if not utterance.ended:
                self._out_of_text = True
                return None
            generation.utterances.popleft()
            return self._message(utterance, event=audio_pb2.TtsEvent(done=_done(utterance, 0)))
        return None

    def _from(self, utterance: Utterance, part: Part, generation: Generation, now_us: int) -> audio_pb2.AudioFrame | None:
        waiting = part.frames.frames
        allowed = self._pacer.allowed(self.last.seq, now_us)
        if not waiting:
            self._starved = self._starved or (utterance.started and allowed > 0)
            return None
        if utterance.first_audio_us is None:
            utterance.first_audio_us = now_us
        worth = min(self._pacer.batch, waiting) if part.complete else self._pacer.batch
        if allowed < worth:
            self.due_us = self._pacer.when(worth)
            return None
        if not utterance.started:
            utterance.started = True
            return self._message(utterance, event=audio_pb2.TtsEvent(started=_started(utterance, self.last.seq + 1)))
        late_us = self._pacer.late_us(now_us) if self._starved and not self._out_of_text else 0
        self._starved = self._out_of_text = False
        if late_us >= 1000:
            self.underruns += 1
            self._tally.underruns += 1
            underrun = audio_pb2.Underrun(seq=self.last.seq + 1, late_ms=late_us // 1000)
            return self._message(utterance, event=audio_pb2.TtsEvent(underrun=underrun))
        return self._frames(utterance, part, min(waiting, allowed, self._max_frames), generation, now_us)

    def _frames(self, utterance: Utterance, part: Part, frames: int, generation: Generation, now_us: int) -> audio_pb2.AudioFrame:
        base = utterance.pts - part.emitted_samples
        first = self.last.seq + 1
        pcm, words = part.take(frames)
        message = audio_pb2.AudioFrame(
            seq=first, pts=utterance.pts, pcm=pcm, frame_count=frames, epoch=utterance.epoch, utterance_id=utterance.utterance_id
        )
        self._mark(message, utterance, part, base, words)
        utterance.pts += frames * FRAME_SAMPLES
        generation.emitted(frames * FRAME_SAMPLES)
        self.frames += frames
        self._tally.frames += frames
        self._pacer.emitted(frames, now_us)
        self.last = Position(first + frames - 1, utterance.epoch, utterance.utterance_id, utterance.pts, part, part.emitted_samples)
        if part.over:
            message.flags |= audio_pb2.FRAME_FLAG_PADDED if part.frames.padded else 0
            if utterance.ended and utterance.all_over:
                message.flags |= audio_pb2.FRAME_FLAG_UTTERANCE_END
                message.event.done.CopyFrom(_done(utterance, self.last.seq))
                generation.utterances.popleft()
        return message

    def _mark(self, message: audio_pb2.AudioFrame, utterance: Utterance, part: Part, base: int, words: list[Word]) -> None:
        marks = message.marks
        if self._late_marks:
            marks.extend(self._late_marks)
            self._late_marks.clear()
        if not part.begin_marked or (part.complete and not part.end_marked):
            marks.append(_segment_mark(utterance, part, base))
            part.begin_marked, part.end_marked = True, part.complete
        if self._words:
            for word in words:
                marks.add(
                    utterance_id=utterance.utterance_id,
                    kind=audio_pb2.MARK_KIND_WORD,
                    char_begin=word.char_begin,
                    char_end=word.char_end,
                    pts_begin=base + word.begin,
                    pts_end=base + word.end,
                    estimated=word.estimated,
                )

    def _leave(self, utterance: Utterance, part: Part) -> None:
        if part.begin_marked and not part.end_marked:
            self._late_marks.append(_segment_mark(utterance, part, utterance.pts - part.emitted_samples))

    def _message(self, utterance: Utterance, event: audio_pb2.TtsEvent) -> audio_pb2.AudioFrame:
        message = audio_pb2.AudioFrame(epoch=utterance.epoch, utterance_id=utterance.utterance_id, event=event, marks=self._late_marks)
        self._late_marks.clear()
        return message


def _segment_mark(utterance: Utterance, part: Part, base: int) -> audio_pb2.Mark:
    segment = part.segment
    return audio_pb2.Mark(
        utterance_id=utterance.utterance_id,
        kind=audio_pb2.MARK_KIND_SEGMENT,
        char_begin=segment.text_begin,
        char_end=segment.text_begin + len(segment.text),
        pts_begin=base,
        pts_end=base + part.generated_samples if part.complete else 0,
    )


def _started(utterance: Utterance, first_seq: int) -> audio_pb2.UtteranceStarted:
    began = utterance.began_us
    return audio_pb2.UtteranceStarted(
        utterance_id=utterance.utterance_id,
        first_seq=first_seq,
        queue_us=(utterance.opened_us or began) - began,
        first_audio_us=(utterance.first_audio_us or began) - began,
    )


def _done(utterance: Utterance, last_seq: int) -> audio_pb2.UtteranceDone:
    return audio_pb2.UtteranceDone(
        utterance_id=utterance.utterance_id, last_seq=last_seq, pts_end=utterance.pts, char_end=utterance.chars, gpu_us=utterance.gpu_us
    )


def buffered_ms(samples: int) -> int:
    """Waiting samples as the contract's `buffered_ms`."""
    return int(ms_of(samples))
