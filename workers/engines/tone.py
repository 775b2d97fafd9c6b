"""A model-free pair of engines for tests, load and faults: what `ToneTts` says, `ToneStt` writes down exactly (see `tone_code`).

Everything that a real engine does badly can be asked for by option: late first audio, slow or bursty generation, a stall, a crash, late
hypotheses. Neither engine has a clock; they say how long the host is to wait.
"""

from __future__ import annotations

import os
import re
import signal
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from workers.engines import tone_code as code
from workers.engines.api import EngineCard, EngineInputError, SttInput, SttRequest, SttStep, SttWord, TtsRequest, TtsStep, WordMark
from workers.engines.options import pick, read
from workers.engines.tone_pilot import PilotListener, Sounds, read_sounds

_FRAME_MS = 20
_BLOCK_BYTES = 32  # about 2 s of speech are put together at once
_TAIL = bytes(code.SPEAK_HZ * 40 // 1000 * 2)
_WORDS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]|[^\s\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]+")  # no spaces there


_TTS_OPTIONS: Mapping[str, Any] = {
    "first_audio_ms": 0.0,  # before a job's first audio
    "realtime_factor": 0.0,  # time that generation takes, per time of audio
    "burst_ms": 100.0,  # audio per step
    "stall_at_ms": -1.0,  # at this position of a job's audio ...
    "stall_ms": 0.0,  # ... nothing comes for so long
    "crash_at_frame": 0,  # the process dies in place of its n-th 20 ms frame (a request's own option: the job's n-th)
}


@dataclass
class _Speech:
    text: bytes
    speaker: code.Speaker
    options: dict[str, Any]
    crash_at_sample: int
    marks: deque[WordMark]
    begun: bool = False
    spoken_bytes: int = 0
    buffer: bytes = b""
    samples: int = 0


class ToneTts:
    """Speaks in chords. Its options may also be set for one request."""

    def __init__(self) -> None:
        self._options: dict[str, Any] = {}
        self._samples = 0

    def load(self, options: Mapping[str, Any]) -> EngineCard:
        self._options = read(options, _TTS_OPTIONS)
        _check_burst(self._options)
        return EngineCard(
            sample_rate_hz=code.SPEAK_HZ,
            voices=tuple(code.TIMBRES),
            features=("alignment.word",),
            speed_range=(0.5, 2.0),
            max_sessions=512,
            max_batch=16,
        )

    def open(self, request: TtsRequest) -> _Speech:
        if not request.text:
            raise EngineInputError("there is no text to speak")
        if not 0.5 <= request.speed <= 2.0:
            raise EngineInputError(f"speed {request.speed:g} is outside 0.5 to 2.0")
        options = read(request.options, self._options)
        _check_burst(options)
        speaker = code.speaker(pick("voice", request.voice, tuple(code.TIMBRES)), round(request.speed, 2))
        text = bytes([code.START]) + request.text.encode("utf-8", "replace")
        crash = request.options.get("crash_at_frame", 0) * _FRAME_MS * code.SPEAK_HZ // 1000
        return _Speech(text, speaker, options, crash, deque(_marks(request.text, speaker)))

    def step(self, jobs: Sequence[_Speech]) -> list[TtsStep]:
        return [self._step(job) for job in jobs]

    def close(self, job: _Speech) -> None:
        job.buffer = b""

    def _step(self, job: _Speech) -> TtsStep:
        options = job.options
        if not job.begun:
            job.begun = True
            if options["first_audio_ms"] > 0:
                return TtsStep(wait_ms=options["first_audio_ms"])
        pcm = _take(job, round(options["burst_ms"] * code.SPEAK_HZ / 1000))
        began_ms = job.samples * 1000 / code.SPEAK_HZ
        job.samples += len(pcm) // 2
        self._samples += len(pcm) // 2
        self._crash_if_told(job)
        ended_ms = job.samples * 1000 / code.SPEAK_HZ
        marks = []
        while job.marks and job.marks[0].sample_begin < job.samples:
            marks.append(job.marks.popleft())
        wait_ms = (ended_ms - began_ms) * options["realtime_factor"]
        if began_ms <= options["stall_at_ms"] < ended_ms:
            wait_ms += options["stall_ms"]
        done = not job.buffer and job.spoken_bytes == len(job.text)
        return TtsStep(pcm, tuple(marks), done, wait_ms)

    def _crash_if_told(self, job: _Speech) -> None:
        limit = self._options["crash_at_frame"] * _FRAME_MS * code.SPEAK_HZ // 1000
        if 0 < limit <= self._samples or 0 < job.crash_at_sample <= job.samples:
            os.kill(os.getpid(), signal.SIGKILL)


def _check_burst(options: Mapping[str, Any]) -> None:
    if not 1 <= options["burst_ms"] <= 5000:
        raise EngineInputError(f"burst_ms must be 1 to 5000, and is {options['burst_ms']:g}")


def _take(job: _Speech, samples: int) -> bytes:
    """The job's next audio, at most `samples`."""
    wanted = samples * 2
    while len(job.buffer) < wanted and job.spoken_bytes < len(job.text):
        block = job.text[job.spoken_bytes : job.spoken_bytes + _BLOCK_BYTES]
        job.buffer += job.speaker.speak(block, job.spoken_bytes).tobytes()
        job.spoken_bytes += len(block)
        if job.spoken_bytes == len(job.text):
            job.buffer += _TAIL
    pcm, job.buffer = job.buffer[:wanted], job.buffer[wanted:]
    return pcm


def _marks(text: str, speaker: code.Speaker) -> list[WordMark]:
    """Where each word's chords lie; known before they are made."""
    marks = []
    char = 0
    sample = speaker.samples(code.START)
    for word in _WORDS.finditer(text):
        sample += _duration(text[char : word.start()], speaker)
        begin = sample
        sample += _duration(word.group(), speaker)
        char = word.end()
        marks.append(WordMark(word.start(), char, begin, sample))
    return marks


def _duration(text: str, speaker: code.Speaker) -> int:
    return sum(speaker.samples(byte) for byte in text.encode("utf-8", "replace"))


_STT_OPTIONS: Mapping[str, Any] = {
    "partial_delay_ms": 0.0,
    "final_delay_ms": 0.0,
    "foreign_text": "",  # the transcript of speech that is not tone's
    "sounds": {},  # the words of sounds that carry a pilot (`tone_pilot`): number -> [[word, begin_ms, end_ms], ...]
}
_FOREIGN_WORD_WINDOWS = 60  # 0.3 s of strange sound make a word of `foreign_text`


@dataclass
class _Hearing:
    listener: code.Listener = field(default_factory=code.Listener)
    rest: bytes = b""  # samples from the next window's first on
    told: str = ""
    pilots: PilotListener = field(default_factory=lambda: PilotListener({}))

    def begin_segment(self) -> None:
        self.listener = code.Listener()
        self.rest = b""
        self.told = ""
        self.pilots = PilotListener(self.pilots.sounds)


class ToneStt:
    """Writes down what `ToneTts` said, and for any other speech what it is told to."""

    def __init__(self) -> None:
        self._options: dict[str, Any] = {}
        self._foreign_words: list[str] = []
        self._sounds: Sounds = {}

    def load(self, options: Mapping[str, Any]) -> EngineCard:
        self._options = read(options, _STT_OPTIONS)
        self._foreign_words = self._options["foreign_text"].split()
        self._sounds = read_sounds(self._options["sounds"])
        return EngineCard(sample_rate_hz=code.HEAR_HZ, features=("stt.partials", "stt.words"), max_sessions=512, max_batch=32)

    def open(self, request: SttRequest) -> _Hearing:
        read(request.options, {})
        return _Hearing(pilots=PilotListener(self._sounds))

    def step(self, inputs: Sequence[SttInput]) -> list[SttStep]:
        heard: list[_Hearing] = []
        parts: list[bytes] = []
        for part in inputs:
            stream: _Hearing = part.stream
            if self._sounds:
                stream.pilots.listen(part.pcm)
            pcm = stream.rest + part.pcm
            if part.finalize:
                pcm += bytes(code.WINDOW_SAMPLES * 2)  # so that the last samples lie in whole windows
            windows = code.windows_in(len(pcm) // 2)
            stream.rest = pcm[windows * code.HOP_SAMPLES * 2 :]
            if windows:
                heard.append(stream)
                parts.append(pcm)
        if parts:
            for stream, symbols in zip(heard, code.hear(parts), strict=True):
                stream.listener.listen(symbols)
        return [self._answer(part.stream, part.finalize) for part in inputs]

    def reset(self, stream: _Hearing) -> None:
        stream.begin_segment()

    def close(self, stream: _Hearing) -> None:
        stream.begin_segment()

    def _answer(self, stream: _Hearing, final: bool) -> SttStep:
        listener = stream.listener
        if listener.foreign and stream.pilots.foreign:
            text = self._foreign(listener.foreign_windows, final)
        else:
            text = " ".join(part for part in (listener.text, *(word.text for word in stream.pilots.words)) if part)
        if not final and text == stream.told:
            return SttStep()
        words = _words(stream)
        stream.told = text
        delay_ms = self._options["final_delay_ms" if final else "partial_delay_ms"]
        if final:
            stream.begin_segment()
        return SttStep(text, len(text), words, 1.0 if text else 0.0, "", final, delay_ms)

    def _foreign(self, windows: int, final: bool) -> str:
        count = windows // _FOREIGN_WORD_WINDOWS
        if final and count:
            count = len(self._foreign_words)
        return " ".join(self._foreign_words[:count])


def _words(stream: _Hearing) -> tuple[SttWord, ...]:
    """The words of which the places are known: those in tone's code, and those of sounds with a pilot."""
    coded = (
        SttWord(data.decode("utf-8", "ignore"), first * code.HOP_SAMPLES, last * code.HOP_SAMPLES + code.WINDOW_SAMPLES, 1.0)
        for data, first, last in ([] if stream.listener.foreign else stream.listener.words)
    )
    samples_per_ms = code.HEAR_HZ / 1000
    given = (
        SttWord(word.text, max(0, round(word.begin_ms * samples_per_ms)), round(word.end_ms * samples_per_ms), 1.0)
        for word in stream.pilots.words
    )
    return (*coded, *given)
