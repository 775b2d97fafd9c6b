"""What the engine is asked to do, and how far ahead: jobs in text order within one bounded buffer of audio. Pure.

The first unfinished segment generates into whatever room the buffer has. Once its first audio is there, the next segment is opened
too, with a small share of the room, so that an engine's first-audio latency is no gap between two segments. Utterances that queue
behind each other count as one text. The room begins with a second and grows with what has been emitted, so that the beginning of an
utterance is no burst of work for everybody, and little is made in vain when it is stopped early.

Nothing is done here but bookkeeping: `commands` says what the engine must be told.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from parley.audio import samples_of
from workers.engines.api import TtsRequest, WordMark
from workers.tts.lease import Lease
from workers.tts.marks import DEFAULT_SAMPLES_PER_WEIGHT
from workers.tts.part import Part
from workers.tts.utterance import Utterance

_START_SAMPLES: Final = samples_of(1_000)
_PREFETCH_SAMPLES: Final = samples_of(1_000)


@dataclass(frozen=True, slots=True)
class OpenJob:
    """Begin `job_id` on `lease`."""

    job_id: int
    lease: Lease
    request: TtsRequest
    allow_samples: int


@dataclass(frozen=True, slots=True)
class AllowJob:
    """The job may have generated so many samples in all."""

    job_id: int
    total_samples: int


@dataclass(frozen=True, slots=True)
class FreezeJob:
    """No further steps."""

    job_id: int


@dataclass(frozen=True, slots=True)
class ThawJob:
    """Go on."""

    job_id: int


@dataclass(frozen=True, slots=True)
class CloseJob:
    """Forget it."""

    job_id: int


Command = OpenJob | AllowJob | FreezeJob | ThawJob | CloseJob


class Generation:
    """The utterances that are not wholly emitted, and the engine's jobs for them."""

    def __init__(self, buffer_ms: int) -> None:
        self.utterances: deque[Utterance] = deque()
        self.commands: list[Command] = []
        self.samples_per_weight = DEFAULT_SAMPLES_PER_WEIGHT
        """This speaker's pace, learned from segments that are complete."""
        self.gpu_us = 0
        self.buffered_samples = 0
        """Audio that waits, at 48 kHz."""
        self._buffer_samples = samples_of(buffer_ms)
        self._step_samples = max(1, self._buffer_samples // 8)  # asking for less at a time would be one message per frame
        self._jobs: dict[int, tuple[Utterance, Part]] = {}
        self._last_job_id = 0
        self.frozen = False
        """The engine's jobs rest."""

    def emitted(self, samples: int) -> None:
        """So much of what waited has left."""
        self.buffered_samples -= samples

    def feed(self, now_us: int) -> None:
        """Give the engine what there is text and room for."""
        if self.frozen:
            return
        unfinished = list(islice((part for part in self._parts() if not part.complete), 2))
        if not unfinished:
            return
        head, following = unfinished[0], unfinished[1] if len(unfinished) > 1 else None
        room = min(self._buffer_samples, _START_SAMPLES + self.utterances[0].pts) - self.buffered_samples
        if following is not None:
            room -= following.outstanding_samples
        if head.job_id:
            self._top_up(head, room)
        elif room >= self._step_samples:
            self._open(head, room, now_us)
        if following is not None and not following.job_id and head.received_samples and room >= self._step_samples // 2:
            self._open(following, min(room // 4, _PREFETCH_SAMPLES), now_us)

    def audio(self, job_id: int, pcm: bytes, marks: Sequence[WordMark], done: bool, step_us: int) -> None:
        """What a job gave; a job that was closed meanwhile is ignored."""
        if job_id not in self._jobs:
            return
        utterance, part = self._jobs[job_id]
        before = part.frames.samples
        part.push(pcm, marks, done)
        self.buffered_samples += part.frames.samples - before
        utterance.gpu_us += step_us
        self.gpu_us += step_us
        if done:
            del self._jobs[job_id]
            if part.words.weight and (total := part.total_samples):
                self.samples_per_weight += 0.3 * (total / part.words.weight - self.samples_per_weight)

    def failed(self, job_id: int) -> Utterance | None:
        """A job ended without its end: its segment is what it has given. None if the job was closed meanwhile."""
        if job_id not in self._jobs:
            return None
        utterance, part = self._jobs.pop(job_id)
        before = part.frames.samples
        part.fail()
        self.buffered_samples += part.frames.samples - before
        return utterance

    def freeze(self) -> None:
        """Leave the engine's batch."""
        if not self.frozen:
            self.frozen = True
            self.commands += [FreezeJob(job_id) for job_id in self._jobs]

    def thaw(self) -> None:
        """Come back to it."""
        if self.frozen:
            self.frozen = False
            self.commands += [ThawJob(job_id) for job_id in self._jobs]

    def discard(self) -> int:
        """Throw everything away, jobs and waiting audio; how many samples that were."""
        self.commands += [CloseJob(job_id) for job_id in self._jobs]
        self._jobs.clear()
        self.frozen = False
        for part in self._parts():
            part.discard()
        self.utterances.clear()
        lost, self.buffered_samples = self.buffered_samples, 0
        return lost

    def _parts(self) -> Iterator[Part]:
        for utterance in self.utterances:
            yield from utterance.parts

    def _owner(self, part: Part) -> Utterance:
        return next(utterance for utterance in self.utterances if part in utterance.parts)

    def _open(self, part: Part, room: int, now_us: int) -> None:
        utterance = self._owner(part)
        style = utterance.style
        self._last_job_id += 1
        allow = max(1, int(room / part.ratio))
        part.open(self._last_job_id, utterance.lease.gain_db(style.voice), allow)
        self._jobs[self._last_job_id] = (utterance, part)
        if utterance.opened_us is None:
            utterance.opened_us = now_us
        request = TtsRequest(part.segment.text, style.voice, style.language, style.speed, style.options)
        self.commands.append(OpenJob(self._last_job_id, utterance.lease, request, allow))

    def _top_up(self, part: Part, room: int) -> None:
        target = part.received_samples + int(room / part.ratio)
        if (target - part.allowed_samples) * part.ratio >= self._step_samples:
            part.allowed_samples = target
            self.commands.append(AllowJob(part.job_id, target))
