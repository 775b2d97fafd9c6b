"""PocketSphinx, through its PyPI wheel: a small recogniser of English that needs no download, with partials and word times.

Free dictation is right in three words of four on open speech. Where the listener is asked for known things, those go into the options:

    grammar: text or path of a JSGF grammar      words: [help, count to thirty, repeat after me ...]

A phrase that ends in "..." is a beginning: what follows it is dictated. A second, small decoder hears the grammar alone and always
finds something in it, so its answer is taken only where the dictation is near it (`phrases.judge`). Every stream has decoders of
its own (about 100 MB), made when needed and kept for the next stream.

Measured on one core: 0.09 s of CPU per second of audio, 0.012 more with a grammar; final in 15 ms, up to 150 ms where the grammar
must be weighed against sound. The library's second pass over each segment is off: it cost 200 ms at the final and won no word.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workers.engines import phrases
from workers.engines.api import EngineCard, EngineInputError, SttInput, SttRequest, SttStep, SttWord
from workers.engines.options import read

_OPTIONS: Mapping[str, Any] = {"grammar": "", "words": (), "max_sessions": 8}

_RATE_HZ = 16_000
_FRAME_SAMPLES = 160
_MAX_WEIGHED_BYTES = 8 * _RATE_HZ * 2  # requests are short; a longer segment is dictation
_QUICK: Mapping[str, Any] = {"loglevel": "FATAL", "fwdflat": False, "maxhmmpf": 3000}
_PHONES = ("AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH").split()  # noqa: SIM905
_GRAMMAR, _OPEN = "grammar", "open"
_MARKUP = re.compile(
    r"//[^\n]*|/\*.*?\*/|\{[^}]*\}|/[\d.eE+-]+/|<[^>]*>|^\s*#JSGF[^;]*;|^\s*(?:grammar|import)\s[^;]*;|\bpublic\b", re.S | re.M
)


@dataclass
class _Stream:
    dictation: Any
    grammar: Any  # a decoder, or None
    initial_cmn: str
    heard: bytearray  # of the segment, for a second look
    open: bool = False
    told: str = ""


class PocketsphinxStt:
    """English dictation, with requests that are known beforehand."""

    def __init__(self) -> None:
        self._library: Any = None
        self._idle: list[_Stream] = []
        self._streams = 0
        self._max_streams = 0
        self._jsgf: dict[str, str] = {}
        self._pronunciations: list[tuple[str, str]] = []  # the dictionary of the grammar
        self._beginnings: list[list[str]] = []

    def load(self, options: Mapping[str, Any]) -> EngineCard:
        values = read(options, _OPTIONS)
        try:
            import pocketsphinx
        except ImportError:
            raise EngineInputError("pocketsphinx is not installed: pip install 'parley[embedded]'") from None
        self._library = pocketsphinx
        self._max_streams = values["max_sessions"]
        dictation = self._dictation_decoder()
        wanted = [_plain(phrase) for phrase in values["words"]]
        self._beginnings = [phrase.removesuffix("...").split() for phrase in wanted if phrase.endswith("...")]
        whole = [phrase for phrase in wanted if not phrase.endswith("...")]
        self._check_words(dictation, [word for words in self._beginnings for word in words], "words")
        self._prepare_grammar(dictation, _grammar_text(values["grammar"]), whole)
        self._idle.append(self._new_stream(dictation))
        return EngineCard(
            sample_rate_hz=_RATE_HZ,
            languages=("en",),
            features=("stt.partials", "stt.words", *(("stt.grammar",) if self._jsgf else ())),
            max_sessions=self._max_streams,
        )

    def open(self, request: SttRequest) -> _Stream:
        read(request.options, {})
        for language in request.languages:
            if language.split("-")[0].lower() != "en":
                raise EngineInputError(f"pocketsphinx has a model of English only, not of {language!r}")
        if self._streams == self._max_streams:
            raise EngineInputError(f"{self._max_streams} streams are open, and max_sessions allows no more")
        stream = self._idle.pop() if self._idle else self._new_stream(self._dictation_decoder())
        self._streams += 1
        stream.dictation.set_cmn(stream.initial_cmn)  # what it had learnt was of another voice
        return stream

    def step(self, inputs: Sequence[SttInput]) -> list[SttStep]:
        return [self._step(part.stream, part.pcm, part.finalize) for part in inputs]

    def reset(self, stream: _Stream) -> None:
        if stream.open:
            for decoder in (stream.dictation, stream.grammar):
                if decoder is not None:
                    decoder.end_utt()
        stream.open = False
        stream.told = ""
        stream.heard.clear()

    def close(self, stream: _Stream) -> None:
        self.reset(stream)
        self._streams -= 1
        self._idle.append(stream)

    def _step(self, stream: _Stream, pcm: bytes, finalize: bool) -> SttStep:
        if pcm:
            self._hear(stream, pcm)
        if finalize:
            return self._final(stream)
        text = _text(stream.dictation) if stream.open else ""
        if text == stream.told:
            return SttStep()
        stream.told = text
        return SttStep(text, 0, _words(stream.dictation), language="en")

    def _hear(self, stream: _Stream, pcm: bytes) -> None:
        decoders = [decoder for decoder in (stream.dictation, stream.grammar) if decoder is not None]
        if not stream.open:
            stream.open = True
            for decoder in decoders:
                decoder.start_utt()
        for decoder in decoders:
            decoder.process_raw(pcm, False, False)
        if stream.grammar is not None and len(stream.heard) <= _MAX_WEIGHED_BYTES:
            stream.heard += pcm

    def _final(self, stream: _Stream) -> SttStep:
        if not stream.open:
            return SttStep("", final=True)
        heard = bytes(stream.heard)
        self.reset(stream)
        decoder, text = stream.dictation, _text(stream.dictation)
        words = _words(decoder)
        if stream.grammar is not None:
            requested = _words(stream.grammar)
            if request := self._request(stream, text, heard):
                text, words = request, requested
        for beginning in self._beginnings:
            text, words = _with_beginning(decoder, beginning, text, words)
        confidence = sum(word.confidence for word in words) / len(words) if words else 0.0
        return SttStep(text, len(text), words, confidence, "en", final=True)

    def _request(self, stream: _Stream, dictated: str, heard: bytes) -> str:
        """The grammar's answer, if it is to be believed."""
        candidate = _text(stream.grammar)
        if not candidate or not dictated:
            return ""
        verdict = phrases.judge(_phones(stream.dictation, dictated), _phones(stream.dictation, candidate))
        if verdict == phrases.WEIGH and len(heard) <= _MAX_WEIGHED_BYTES:
            return candidate if self._hears_again(stream.grammar, heard) == candidate else ""
        return candidate if verdict == phrases.NEAR else ""

    def _hears_again(self, grammar: Any, heard: bytes) -> str:
        """What the grammar's decoder makes of it when any other row of sounds is an answer too."""
        grammar.activate_search(_OPEN)
        grammar.start_utt()
        grammar.process_raw(heard, False, True)
        grammar.end_utt()
        text = _text(grammar)
        grammar.activate_search(_GRAMMAR)
        return text

    def _dictation_decoder(self) -> Any:
        return self._library.Decoder(self._library.Config(**_QUICK))

    def _new_stream(self, dictation: Any) -> _Stream:
        grammar = None
        if self._jsgf:
            # `wip` makes a row of many sounds cost more than a few words: so far, and no further, must a request sound right.
            grammar = self._library.Decoder(self._library.Config(**_QUICK, lm=None, dict=None, bestpath=False, wip=0.1))
            for word, phones in self._pronunciations:
                grammar.add_word(word, phones, False)
            for name, text in self._jsgf.items():
                grammar.add_jsgf_string(name, text)
            grammar.activate_search(_GRAMMAR)
        return _Stream(dictation, grammar, dictation.get_cmn(False), bytearray())

    def _prepare_grammar(self, dictation: Any, jsgf: str, whole: Sequence[str]) -> None:
        if jsgf and whole:
            raise EngineInputError("give either a grammar or words that are whole phrases; a grammar can hold the phrases")
        if not jsgf and not whole:
            return
        if not jsgf:
            jsgf = f"#JSGF V1.0;\ngrammar requests;\npublic <request> = {' | '.join(whole)};"
        words = sorted(set(re.findall(r"[A-Za-z][A-Za-z'.-]*", _MARKUP.sub(" ", jsgf).lower())))
        self._check_words(dictation, words, "grammar")
        public = re.search(r"\bpublic\s+<([^>]+)>", jsgf)
        if public is None:
            raise EngineInputError("the grammar has no public rule")
        rule = public[1]
        opened = jsgf.replace(public[0], f"<{rule}>") + (
            f"\npublic <parley_heard> = <{rule}> | <parley_sounds>;\n<parley_sounds> = <parley_sound>+;\n"
            f"<parley_sound> = {' | '.join('_' + phone.lower() for phone in _PHONES)};\n"
        )
        self._jsgf = {_GRAMMAR: jsgf.lower().replace("#jsgf v1.0", "#JSGF V1.0"), _OPEN: opened.lower().replace("#jsgf v1.0", "#JSGF V1.0")}
        sounds = [(f"_{phone.lower()}", phone) for phone in _PHONES]
        self._pronunciations = [*(entry for word in words for entry in _pronunciations(dictation, word)), *sounds]
        try:
            self._new_stream(dictation)
        except (RuntimeError, ValueError) as error:
            raise EngineInputError(f"the grammar cannot be used: {error}") from None

    def _check_words(self, dictation: Any, words: Sequence[str], where: str) -> None:
        unknown = [word for word in words if dictation.lookup_word(word) is None]
        if unknown:
            raise EngineInputError(f"{where}: the dictionary has no {', '.join(map(repr, unknown))}")


def _plain(phrase: Any) -> str:
    if not isinstance(phrase, str) or not phrase.strip(" ."):
        raise EngineInputError(f"words: expected phrases, and one is {phrase!r}")
    return " ".join(phrase.lower().replace("…", "...").split())


def _grammar_text(grammar: str) -> str:
    if not grammar or "#JSGF" in grammar:
        return grammar
    try:
        return Path(grammar).read_text(encoding="utf-8")
    except OSError as error:
        raise EngineInputError(f"grammar: neither JSGF text nor a file that can be read ({error})") from None


def _pronunciations(decoder: Any, word: str) -> list[tuple[str, str]]:
    found = [(word, decoder.lookup_word(word))]
    while phones := decoder.lookup_word(f"{word}({len(found) + 1})"):
        found.append((f"{word}({len(found) + 1})", phones))
    return found


def _phones(decoder: Any, text: str) -> list[str]:
    return [phone for word in text.split() for phone in (decoder.lookup_word(word) or "").split()]


def _text(decoder: Any) -> str:
    hypothesis = decoder.hyp()
    return hypothesis.hypstr if hypothesis is not None else ""


def _words(decoder: Any) -> tuple[SttWord, ...]:
    if decoder.hyp() is None:
        return ()
    return tuple(
        SttWord(
            re.sub(r"\(\d+\)$", "", part.word),
            part.start_frame * _FRAME_SAMPLES,
            (part.end_frame + 1) * _FRAME_SAMPLES,
            max(0.0, min(1.0, float(part.prob))),
        )
        for part in decoder.seg()
        if part.word[0] not in "<[+_("
    )


def _with_beginning(decoder: Any, beginning: Sequence[str], text: str, words: Sequence[SttWord]) -> tuple[str, tuple[SttWord, ...]]:
    """The text with its first words as `beginning` has them, where they sound so and something follows."""
    wanted = _phones(decoder, " ".join(beginning))
    spoken = text.split()
    count = phrases.beginning_words([_phones(decoder, word) for word in spoken], wanted)
    if not count or len(words) != len(spoken):
        return text, tuple(words)
    first, last = words[0].sample_begin, words[count - 1].sample_end
    share = (last - first) // len(beginning)
    renamed = [SttWord(word, first + n * share, first + (n + 1) * share, words[0].confidence) for n, word in enumerate(beginning)]
    return " ".join([*beginning, *spoken[count:]]), (*renamed, *words[count:])
