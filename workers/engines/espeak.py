"""espeak-ng, through ctypes: small, instant, a hundred languages, and true word marks from its own events.

The library comes with the PyPI package `espeakng-loader`. It is GPL-3, so it lives in this engine's process and nowhere else; it keeps
its state in globals, so a second thread would break it. A synthesis call runs to its end: text is cut into slices of a few seconds
each, at sentences where there are any, and what a slice gave is handed out in small pieces. An espeak utterance ends within 10 ms of its
last sound; the pause that belongs after a sentence or a clause is added here. The voice's flutter runs on from call to call and
cannot be set back, so the same text never gives the same samples twice.

Measured: 2 to 7 ms of CPU per second of audio; a clause of 60 characters is there in 5 ms.
"""

from __future__ import annotations

import ctypes
import os
import re
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.engines.api import EngineCard, EngineInputError, TtsRequest, TtsStep, WordMark
from workers.engines.options import pick, read
from workers.engines.text_slices import cut, pause_ms

_OPTIONS: Mapping[str, Any] = {"voice": "en-us"}  # the default voice: a language, perhaps with a variant, as in "en-gb+f3"

_SYNCHRONOUS, _DONT_EXIT = 2, 0x8000
_UTF8, _END_PAUSE = 0x0001, 0x1000
_EVENT_LAST, _EVENT_WORD, _EVENT_END = 0, 1, 5
_RATE, _WORDS_PER_MINUTE = 1, 175
_MAX_DATA_PATH = 120  # the library copies it into 160 bytes

_STEP_MS = 100
_AUDIBLE = 100  # of 32768
_SLICE_WEIGHT = 240  # about 15 s


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),  # counts characters, from 1
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


class _Voice(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("languages", ctypes.c_char_p),  # a priority byte, then the name of the first language
        ("identifier", ctypes.c_char_p),
        ("gender", ctypes.c_ubyte),
        ("age", ctypes.c_ubyte),
        ("variant", ctypes.c_ubyte),
        ("xx1", ctypes.c_ubyte),
        ("score", ctypes.c_int),
        ("spare", ctypes.c_void_p),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass
class _Speech:
    text: str
    voice: str
    words_per_minute: int
    slices: deque[tuple[int, int]]  # code points
    pcm: bytes = b""  # of the slice at hand
    given_bytes: int = 0  # of `pcm`
    given_samples: int = 0  # of the whole job
    marks: deque[WordMark] = field(default_factory=deque)


class EspeakTts:
    """All of espeak-ng's languages and voice variants."""

    def __init__(self) -> None:
        self._lib: Any = None
        self._rate_hz = 0
        self._pcm: list[bytes] = []
        self._events: list[tuple[int, int, int]] = []  # type, text position, sample
        self._callback = _Callback(self._collect)
        self._languages: tuple[str, ...] = ()
        self._variants: tuple[str, ...] = ()
        self._default = ""

    def load(self, options: Mapping[str, Any]) -> EngineCard:
        values = read(options, _OPTIONS)
        try:
            import espeakng_loader
        except ImportError:
            raise EngineInputError("espeak needs the package espeakng-loader: pip install 'parley[embedded]'") from None
        self._lib = ctypes.CDLL(espeakng_loader.get_library_path())
        data_path = Path(espeakng_loader.get_data_path())
        given_path = os.fsencode(data_path)
        if len(given_path) > _MAX_DATA_PATH:
            os.chdir(data_path.parent)  # the process is this engine's own
            given_path = os.fsencode(data_path.name)
        self._rate_hz = self._lib.espeak_Initialize(_SYNCHRONOUS, 200, given_path, _DONT_EXIT)
        if self._rate_hz <= 0:
            raise EngineInputError(f"espeak-ng finds no voice data in {data_path}")
        self._variants = tuple(sorted(entry.name for entry in (data_path / "voices" / "!v").iterdir()))
        self._languages = self._list_languages()
        self._default = self._known_voice(values["voice"])
        variants = tuple(f"{self._default}+{name}" for name in self._variants if "+" not in self._default)
        return EngineCard(
            sample_rate_hz=self._rate_hz,
            languages=tuple(sorted({name.split("-")[0] for name in self._languages})),
            voices=(self._default, *variants, *(name for name in self._languages if name != self._default)),
            features=("alignment.word",),
            speed_range=(0.5, 2.0),
            max_batch=4,
        )

    def open(self, request: TtsRequest) -> _Speech:
        read(request.options, {})
        if not request.text:
            raise EngineInputError("there is no text to speak")
        if not 0.5 <= request.speed <= 2.0:
            raise EngineInputError(f"speed {request.speed:g} is outside 0.5 to 2.0")
        voice = self._known_voice(request.voice) if request.voice else self._voice_for(request.language)
        return _Speech(request.text, voice, round(_WORDS_PER_MINUTE * request.speed), deque(cut(request.text, _SLICE_WEIGHT)))

    def step(self, jobs: Sequence[_Speech]) -> list[TtsStep]:
        return [self._step(job) for job in jobs]

    def close(self, job: _Speech) -> None:
        job.pcm = b""
        job.slices.clear()

    def _step(self, job: _Speech) -> TtsStep:
        wanted = self._rate_hz * _STEP_MS // 1000 * 2
        while job.given_bytes == len(job.pcm) and job.slices:
            self._synthesize(job, *job.slices.popleft())
        pcm = job.pcm[job.given_bytes : job.given_bytes + wanted]
        job.given_bytes += len(pcm)
        job.given_samples += len(pcm) // 2
        marks = []
        while job.marks and job.marks[0].sample_begin < job.given_samples:
            marks.append(job.marks.popleft())
        return TtsStep(pcm, tuple(marks), done=job.given_bytes == len(job.pcm) and not job.slices)

    def _synthesize(self, job: _Speech, begin: int, end: int) -> None:
        self._lib.espeak_SetSynthCallback(self._callback)  # the library's state is global: another engine may have set its own
        self._lib.espeak_SetVoiceByName(job.voice.encode())
        self._lib.espeak_SetParameter(_RATE, job.words_per_minute, 0)
        text = job.text[begin:end]
        data = text.replace("\0", " ").encode("utf-8", "replace") + b"\0"
        self._pcm.clear()
        self._events.clear()
        status = self._lib.espeak_Synth(data, ctypes.c_size_t(len(data)), 0, 1, 0, _UTF8, None, None)
        if status != 0:
            raise RuntimeError(f"espeak_Synth answered {status}")
        sound = np.frombuffer(b"".join(self._pcm), np.int16)
        job.marks += _marks(text, begin, self._events, job.given_samples, sound)
        pause = bytes(pause_ms(text) * self._rate_hz // 1000 * 2) if len(sound) else b""
        job.pcm, job.given_bytes = sound.tobytes() + pause, 0

    def _collect(self, pcm: Any, samples: int, events: Any) -> int:
        if pcm and samples > 0:
            self._pcm.append(ctypes.string_at(pcm, samples * 2))
        index = 0
        while events[index].type != _EVENT_LAST:
            event = events[index]
            self._events.append((event.type, event.text_position, event.sample))
            index += 1
        return 0

    def _list_languages(self) -> tuple[str, ...]:
        self._lib.espeak_ListVoices.restype = ctypes.POINTER(ctypes.POINTER(_Voice))
        voices = self._lib.espeak_ListVoices(None)
        names = set()
        index = 0
        while voices[index]:
            names.add(voices[index].contents.languages[1:].decode().lower())
            index += 1
        return tuple(sorted(names))

    def _known_voice(self, name: str) -> str:
        base, plus, variant = name.partition("+")
        base = pick("voice", base.lower(), self._languages)
        return f"{base}+{pick('voice variant', variant, self._variants)}" if plus else base

    def _voice_for(self, language: str) -> str:
        """The default voice where it speaks the language, else the language's own."""
        wanted = language.lower()
        if not wanted or self._default.split("+")[0].startswith(wanted):
            return self._default
        for name in (wanted, wanted.split("-")[0]):
            if name in self._languages:
                return name
        raise EngineInputError(f"espeak-ng does not speak {language!r}")


def _marks(text: str, offset: int, events: Sequence[tuple[int, int, int]], before: int, sound: npt.NDArray[np.int16]) -> list[WordMark]:
    """One mark per word as written, though espeak counts several where it reads "10:30". The pause after a clause is no word's."""
    tokens = [match.span() for match in re.finditer(r"\S+", text)]
    begins: list[tuple[int, int]] = []  # token, first sample
    ends: dict[int, int] = {}
    index = -1
    for kind, position, sample in events:
        if kind == _EVENT_WORD:
            at = next((n for n in range(max(index, 0), len(tokens)) if position - 1 < tokens[n][1]), None)
            if at is None or at == index:
                continue
            if index >= 0:
                ends.setdefault(index, sample)
            index = at
            begins.append((index, sample))
        elif kind == _EVENT_END and index >= 0:
            audible = np.flatnonzero(np.abs(sound[begins[-1][1] : sample]) > _AUDIBLE)
            ends[index] = begins[-1][1] + (int(audible[-1]) + 1 if len(audible) else 0)
    samples = len(sound)
    return [
        WordMark(offset + tokens[n][0], offset + tokens[n][1], before + begin, before + min(ends.get(n, samples), samples))
        for n, begin in begins
        if begin < samples
    ]
