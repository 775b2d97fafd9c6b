"""Flite, through ctypes on Debian's libraries (package `libflite1`): English voices that small recognisers understand well.

For loop-back tests with a real recogniser rather than for people: it knows English and ASCII; letters lose their accents, and what is no
letter at all becomes a space. It speaks a sentence in one call, so text is cut into sentences. Word marks come from its own segments.
"""

from __future__ import annotations

import ctypes
import unicodedata
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from workers.engines.api import EngineCard, EngineInputError, TtsRequest, TtsStep, WordMark
from workers.engines.options import pick, read
from workers.engines.text_slices import cut, pause_ms

_OPTIONS: Mapping[str, Any] = {"voice": "rms"}
_VOICES = ("kal16", "rms", "slt")
_RATE_HZ = 16_000
_STEP_SAMPLES = _RATE_HZ // 10
_SLICE_WEIGHT = 120  # about 8 s
_AUDIBLE = 60  # of 32768
_KEPT_BEFORE_SAMPLES = _RATE_HZ // 50  # of the silence in front of the first sound
_WORD_BEGIN = b"R:SylStructure.daughter1.daughter1.R:Segment.p.end"
_WORD_BEFORE_IN_TOKEN = b"R:Token.p.name"
_WORD_END = b"R:SylStructure.daughtern.daughtern.R:Segment.end"


class _Wave(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_char_p),
        ("sample_rate", ctypes.c_int),
        ("num_samples", ctypes.c_int),
        ("num_channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    )


class _Voice(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("features", ctypes.c_void_p))


@dataclass(frozen=True)
class _Word:
    token: str  # what was written
    first: bool  # of its token: "12:30" is several words
    begin_s: float
    end_s: float


@dataclass
class _Speech:
    text: str  # as flite can read it, code point for code point
    voice: str
    speed: float
    slices: deque[tuple[int, int]]
    pcm: npt.NDArray[np.int16] = field(default_factory=lambda: np.zeros(0, np.int16))
    given_of_slice: int = 0
    given_samples: int = 0
    marks: deque[WordMark] = field(default_factory=deque)


class FliteTts:
    """The voices of which the libraries are installed."""

    def __init__(self) -> None:
        self._lib: Any = None
        self._libc = ctypes.CDLL(None)
        self._voices: dict[str, Any] = {}
        self._names: tuple[str, ...] = ()

    def load(self, options: Mapping[str, Any]) -> EngineCard:
        values = read(options, _OPTIONS)
        try:
            self._lib = _functions(ctypes.CDLL("libflite.so.1"))
        except OSError:
            raise EngineInputError("libflite.so.1 is not installed; on Debian: apt-get install libflite1") from None
        self._lib.flite_init()
        for name in _VOICES:
            try:
                register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
            except OSError:
                continue
            register.restype = ctypes.POINTER(_Voice)
            self._voices[name] = register(None)
        if not self._voices:
            raise EngineInputError(f"libflite is here, and none of its voices {', '.join(_VOICES)} is")
        default = pick("voice", values["voice"], tuple(self._voices))
        self._names = (default, *(name for name in self._voices if name != default))
        return EngineCard(sample_rate_hz=_RATE_HZ, voices=self._names, features=("alignment.word",), speed_range=(0.5, 2.0))

    def open(self, request: TtsRequest) -> _Speech:
        read(request.options, {})
        if not request.text:
            raise EngineInputError("there is no text to speak")
        if not 0.5 <= request.speed <= 2.0:
            raise EngineInputError(f"speed {request.speed:g} is outside 0.5 to 2.0")
        if request.language.split("-")[0].lower() not in ("", "en"):
            raise EngineInputError(f"flite speaks English only, not {request.language!r}")
        voice = pick("voice", request.voice, self._names)
        return _Speech(_readable(request.text), voice, request.speed, deque(cut(request.text, _SLICE_WEIGHT)))

    def step(self, jobs: Sequence[_Speech]) -> list[TtsStep]:
        return [self._step(job) for job in jobs]

    def close(self, job: _Speech) -> None:
        job.pcm = np.zeros(0, np.int16)
        job.slices.clear()

    def _step(self, job: _Speech) -> TtsStep:
        while job.given_of_slice == len(job.pcm) and job.slices:
            self._synthesize(job, *job.slices.popleft())
        pcm = job.pcm[job.given_of_slice : job.given_of_slice + _STEP_SAMPLES]
        job.given_of_slice += len(pcm)
        job.given_samples += len(pcm)
        marks = []
        while job.marks and job.marks[0].sample_begin < job.given_samples:
            marks.append(job.marks.popleft())
        return TtsStep(pcm.tobytes(), tuple(marks), done=job.given_of_slice == len(job.pcm) and not job.slices)

    def _synthesize(self, job: _Speech, begin: int, end: int) -> None:
        text = job.text[begin:end]
        job.pcm, job.given_of_slice = np.zeros(0, np.int16), 0
        if not any(char.isalnum() for char in text):
            return  # it would say nothing, or the names of the signs
        voice = self._voices[job.voice]
        self._lib.flite_feat_set_float(voice.contents.features, b"duration_stretch", 1 / job.speed)
        self._libc.srand(1)  # its noise comes from there: the same text sounds the same every time
        utterance = self._lib.flite_synth_text(text.encode("ascii"), voice)
        if not utterance:
            raise RuntimeError("flite_synth_text gave nothing")
        try:
            wave = self._lib.utt_wave(utterance).contents
            sound = np.ctypeslib.as_array(wave.samples, (wave.num_samples,)).copy()
            words = self._words(utterance)
        finally:
            self._lib.delete_utterance(utterance)
        audible = np.flatnonzero(np.abs(sound) > _AUDIBLE)
        if len(audible):
            first, last = max(0, int(audible[0]) - _KEPT_BEFORE_SAMPLES), int(audible[-1]) + 1
            pause = np.zeros(pause_ms(text) * _RATE_HZ // 1000, np.int16)
            job.pcm = np.concatenate([_faded(sound[first:last]), pause])
            job.marks += _marks(text, begin, words, job.given_samples, first, last)

    def _words(self, utterance: Any) -> list[_Word]:
        """The words that were spoken."""
        words = []
        item = self._lib.relation_head(self._lib.utt_relation(utterance, b"Word"))
        while item:
            token = self._lib.ffeature_string(item, b"R:Token.parent.name") or b""
            begin, end = (self._lib.ffeature_float(item, path) for path in (_WORD_BEGIN, _WORD_END))
            first = self._lib.ffeature_string(item, _WORD_BEFORE_IN_TOKEN) in (b"0", None)
            words.append(_Word(token.decode("ascii", "replace"), first, begin, end))
            item = self._lib.item_next(item)
        return words


def _marks(text: str, offset: int, words: Sequence[_Word], before: int, first: int, last: int) -> list[WordMark]:
    """One mark per word as written."""
    marks: list[WordMark] = []
    tokens = [(at, at + len(part)) for at, part in _parts(text)]
    index = -1
    for word in words:
        if word.first or index < 0:
            found = (n for n in range(index + 1, len(tokens)) if word.token and word.token in text[slice(*tokens[n])])
            index = next(found, index)
        if index < 0:
            continue
        begin, end = (before + min(max(round(s * _RATE_HZ), first), last) - first for s in (word.begin_s, word.end_s))
        char_begin, char_end = offset + tokens[index][0], offset + tokens[index][1]
        if marks and marks[-1].char_begin == char_begin:
            begin = marks.pop().sample_begin
        if begin < end:
            marks.append(WordMark(char_begin, char_end, begin, end))
    return marks


def _parts(text: str) -> list[tuple[int, str]]:
    parts, at = [], 0
    for part in text.split():
        at = text.index(part, at)
        parts.append((at, part))
        at += len(part)
    return parts


def _readable(text: str) -> str:
    """ASCII, code point for code point."""
    plain = (unicodedata.normalize("NFKD", char)[0] for char in text.replace("’", "'"))
    return "".join(char if " " <= char <= "~" else " " for char in plain)


def _faded(sound: npt.NDArray[np.int16]) -> npt.NDArray[np.int16]:
    """Its last 2 ms run out, for it was cut off at the threshold of hearing."""
    tail = min(len(sound), _RATE_HZ // 500)
    sound[len(sound) - tail :] = (sound[len(sound) - tail :] * np.linspace(1, 0, tail)).astype(np.int16)
    return sound


def _functions(lib: Any) -> Any:
    pointer = ctypes.c_void_p
    lib.flite_feat_set_float.argtypes = (pointer, ctypes.c_char_p, ctypes.c_float)
    lib.flite_synth_text.argtypes, lib.flite_synth_text.restype = (ctypes.c_char_p, ctypes.POINTER(_Voice)), pointer
    lib.utt_wave.argtypes, lib.utt_wave.restype = (pointer,), ctypes.POINTER(_Wave)
    lib.utt_relation.argtypes, lib.utt_relation.restype = (pointer, ctypes.c_char_p), pointer
    lib.relation_head.argtypes, lib.relation_head.restype = (pointer,), pointer
    lib.item_next.argtypes, lib.item_next.restype = (pointer,), pointer
    lib.ffeature_string.argtypes, lib.ffeature_string.restype = (pointer, ctypes.c_char_p), ctypes.c_char_p
    lib.ffeature_float.argtypes, lib.ffeature_float.restype = (pointer, ctypes.c_char_p), ctypes.c_float
    lib.delete_utterance.argtypes, lib.delete_utterance.restype = (pointer,), None
    return lib
