"""What every engine must do, as functions that anybody's tests may call.

    check_tts(MyTts(), {"voice": "amy"})                              the Protocol, in this process
    check_stt(MyStt(), {}, speech=pcm_of, transcript="hello world")
    await check_process(EngineSpec("tts", "tts.mine"))                the same engine in a process of its own

Each raises AssertionError with a sentence about what was expected and what came, and returns the card. An engine is loaded once and
used throughout, as in life. No test framework is needed. `check_process` uses the worker's own host; the rest needs only `api.py`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from workers.engines.api import (
    EngineCard,
    EngineInputError,
    SttEngine,
    SttInput,
    SttRequest,
    SttStep,
    TtsEngine,
    TtsRequest,
    TtsStep,
    WordMark,
)

TEXT = "Hello there, how are you today? The second sentence is a little longer than the first one."
ODD_TEXTS = (
    " ",
    "...",
    "\n\n",
    "☕",
    "\u200f\u05e9\u05dc\u05d5\u05dd",
    "a\0b\x07c",
    "x" * 400,
    "1234567890" * 8,
    "<b>&amp;</b>",
    "e\u0301\ufe0f",
)
_MOST_STEP_S = 5.0
_MOST_IDLE_STEPS = 10_000
_CHUNKS_MS = (20, 100, 137)

SpeechAt = Callable[[int], bytes]
"""Recorded speech as s16le mono at the rate that is asked for."""


@dataclass
class Spoken:
    """All that a speech job gave."""

    pcm: bytes = b""
    marks: list[WordMark] = field(default_factory=list)
    late_marks: list[WordMark] = field(default_factory=list)
    """Marks that came after audio which they describe."""


def check_tts(
    engine: TtsEngine,
    options: Mapping[str, Any],
    *,
    text: str = TEXT,
    deterministic: bool = True,
    request_options: Mapping[str, Any] | None = None,
) -> EngineCard:
    """All that a text-to-speech engine owes. `deterministic=False` for one that draws lots: sameness is then not asked for."""
    _refuses("an unknown option", lambda: engine.load({**options, "no_such_option": 1}))
    card = engine.load(options)
    _check_card(card)
    assert card.speed_range[0] <= 1.0 <= card.speed_range[1], f"speed 1.0 lies outside its own range {card.speed_range}"
    request = TtsRequest(text, options=request_options or {})
    whole = speak(engine, card, request)
    _check_sound(whole, card, text)
    if deterministic:
        assert speak(engine, card, request).pcm == whole.pcm, "the same text gave other audio the second time"
    _check_tts_refusals(engine, card)
    _check_voices_and_speeds(engine, card, text, len(whole.pcm))
    _check_interleaved(engine, card, text, whole if deterministic else None)
    for odd in ODD_TEXTS:
        refusal = _refusal(lambda odd=odd: speak(engine, card, TtsRequest(odd)))  # type: ignore[misc]
        assert refusal != "", f"text {odd[:20]!r} is refused without a word"
    _check_gives_back(lambda: _begin_and_close(engine, TtsRequest("hello", options=request.options)))
    after = speak(engine, card, request)
    assert not deterministic or after.pcm == whole.pcm, "after jobs that were closed half way the same text gave other audio"
    return card


def check_stt(
    engine: SttEngine, options: Mapping[str, Any], *, speech: SpeechAt, transcript: str | None = None, deterministic: bool = True
) -> EngineCard:
    """All that a speech-to-text engine owes. `transcript`: what it must write for `speech`, where that is known."""
    _refuses("an unknown option", lambda: engine.load({**options, "no_such_option": 1}))
    card = engine.load(options)
    _check_card(card)
    pcm = speech(card.sample_rate_hz)
    _refuses("an unknown request option", lambda: engine.open(SttRequest(options={"no_such_option": 1})))
    _check_quiet(engine, card)
    finals = [recognise(engine, card, pcm, chunk_ms) for chunk_ms in _CHUNKS_MS]
    for chunk_ms, final in zip(_CHUNKS_MS, finals, strict=True):
        assert final.text, f"speech in {chunk_ms} ms chunks gave no text"
        assert transcript is None or final.text == transcript, (
            f"expected {transcript!r}, and it wrote {final.text!r} ({chunk_ms} ms chunks)"
        )
        same = final.text == finals[0].text
        assert same or not deterministic, f"{chunk_ms} ms chunks changed {finals[0].text!r} into {final.text!r}"
    _check_segments(engine, card, pcm, finals[0].text or "", exact=transcript is not None)
    if card.max_sessions > 1:
        _check_streams_apart(engine, card, pcm, finals[0].text if deterministic else None)
    _check_gives_back(lambda: _listen_and_close(engine, pcm[: card.sample_rate_hz // 5 * 2]))
    return card


async def check_process(spec: Any, *, speech: SpeechAt | None = None, text: str = TEXT, load_timeout_s: float = 60) -> EngineCard:
    """The engine that `spec` (an EngineSpec) names, in its process: it loads, serves two jobs at once, refuses bad input and ends."""
    from workers.engines.process_conformance import check

    return await check(spec, speech, text, load_timeout_s)


def speak(engine: TtsEngine, card: EngineCard, request: TtsRequest) -> Spoken:
    """Run one job to its end, checking each step."""
    job = engine.open(request)
    spoken = Spoken()
    try:
        for _ in range(_MOST_IDLE_STEPS):
            step = _one(engine.step([job]))
            _add(spoken, step, card)
            if step.done:
                return spoken
    finally:
        engine.close(job)
    raise AssertionError(f"{request.text[:30]!r} is not done after {_MOST_IDLE_STEPS} steps")


def recognise(engine: SttEngine, card: EngineCard, pcm: bytes, chunk_ms: float) -> SttStep:
    """Run one segment through a stream of its own, checking each step; its final."""
    stream = engine.open(SttRequest())
    try:
        return _segment(engine, card, stream, pcm, chunk_ms)
    finally:
        engine.close(stream)


def _segment(engine: SttEngine, card: EngineCard, stream: Any, pcm: bytes, chunk_ms: float) -> SttStep:
    chunk = max(1, int(card.sample_rate_hz * chunk_ms / 1000)) * 2
    stable = ""
    partials = 0
    for at in range(0, len(pcm), chunk):
        step = _one(engine.step([SttInput(stream, pcm[at : at + chunk])]))
        assert not step.final, "a final came that nobody had asked for"
        if step.text is not None:
            _check_hypothesis(step, stable, at // 2 + chunk // 2)
            stable = step.text[: step.stable_chars]
            partials += bool(step.text)
    final: SttStep = _one(engine.step([SttInput(stream, b"", finalize=True)]))
    assert final.final, "finalize was not answered with a final"
    assert final.text is not None, "a final needs a text, if only an empty one"
    _check_hypothesis(final, stable, len(pcm) // 2)
    if "stt.partials" in card.features and final.text and len(pcm) > card.sample_rate_hz * 2:
        assert partials, "the card says stt.partials, and none came in over a second of speech"
    if "stt.words" in card.features and final.text:
        assert final.words, "the card says stt.words, and the final has none"
    return final


def _check_card(card: EngineCard) -> None:
    assert 8000 <= card.sample_rate_hz <= 48000, f"sample_rate_hz {card.sample_rate_hz} is outside 8000 to 48000"
    assert card.max_batch >= 1, f"max_batch {card.max_batch} takes nobody"
    assert card.max_sessions >= 1, f"max_sessions {card.max_sessions} admits nobody"
    assert len(set(card.voices)) == len(card.voices), "a voice is named twice"
    assert card.speed_range[0] <= card.speed_range[1], f"speed_range {card.speed_range} is empty"


def _check_sound(spoken: Spoken, card: EngineCard, text: str) -> None:
    sound = np.frombuffer(spoken.pcm, np.int16).astype(np.float64) / 32768
    seconds = len(sound) / card.sample_rate_hz
    assert 0.02 * len(text) < seconds < 0.5 * len(text) + 2, f"{len(text)} characters took {seconds:.1f} s"
    rms = float(np.sqrt(np.mean(sound**2)))
    assert 0.003 < rms < 0.5, f"its level is {20 * np.log10(rms + 1e-9):.0f} dBFS"
    assert abs(sound[0]) < 0.1, f"it begins with a click ({sound[0]:.2f})"
    assert abs(sound[-1]) < 0.1, f"it ends with a click ({sound[-1]:.2f})"
    assert not spoken.late_marks, f"{spoken.late_marks[0]} came after its audio"
    before = (-1, -1)
    for mark in spoken.marks:
        assert 0 <= mark.char_begin < mark.char_end <= len(text), f"{mark} lies outside the text of {len(text)} characters"
        assert 0 <= mark.sample_begin <= mark.sample_end <= len(sound), f"{mark} lies outside the audio of {len(sound)} samples"
        assert (mark.char_begin, mark.sample_begin) > before, f"{mark} is out of order"
        before = (mark.char_begin, mark.sample_begin)
    if "alignment.word" in card.features:
        words = text.split()
        assert 2 * len(spoken.marks) >= len(words), f"the card says alignment.word, and {len(words)} words got {len(spoken.marks)} marks"


def _check_tts_refusals(engine: TtsEngine, card: EngineCard) -> None:
    _refuses("an unknown voice", lambda: engine.open(TtsRequest("hello", voice="no such voice")))
    _refuses("a speed below its range", lambda: engine.open(TtsRequest("hello", speed=card.speed_range[0] * 0.5)))
    _refuses("a speed above its range", lambda: engine.open(TtsRequest("hello", speed=card.speed_range[1] * 2)))
    _refuses("an unknown request option", lambda: engine.open(TtsRequest("hello", options={"no_such_option": 1})))
    _refuses("an empty text", lambda: engine.open(TtsRequest("")))


def _check_voices_and_speeds(engine: TtsEngine, card: EngineCard, text: str, plain_bytes: int) -> None:
    for voice in card.voices[:3]:
        assert speak(engine, card, TtsRequest("hello", voice=voice)).pcm, f"voice {voice!r} says nothing"
    low, high = card.speed_range
    if low < 0.9:
        assert len(speak(engine, card, TtsRequest(text, speed=low)).pcm) > plain_bytes * 1.05, f"speed {low} is not slower"
    if high > 1.1:
        assert len(speak(engine, card, TtsRequest(text, speed=high)).pcm) < plain_bytes * 0.95, f"speed {high} is not faster"


def _check_interleaved(engine: TtsEngine, card: EngineCard, text: str, whole: Spoken | None) -> None:
    """Jobs that take turns, in batches as large as they may be, one of them closed early, sound as each would alone."""
    jobs = [engine.open(TtsRequest(text)) for _ in range(4)]
    engine.close(jobs.pop())
    spoken = [Spoken() for _ in jobs]
    open_jobs = list(range(len(jobs)))
    for turn in range(_MOST_IDLE_STEPS):
        if not open_jobs:
            break
        batch = [open_jobs[(turn + n) % len(open_jobs)] for n in range(min(card.max_batch, len(open_jobs)))]
        steps = engine.step([jobs[index] for index in batch])
        assert len(steps) == len(batch), f"{len(batch)} jobs got {len(steps)} results"
        for index, step in zip(batch, steps, strict=True):
            _add(spoken[index], step, card)
            if step.done:
                open_jobs.remove(index)
                engine.close(jobs[index])
    assert not open_jobs, "jobs that take turns come to no end"
    for one in spoken:
        assert whole is None or (one.pcm, one.marks) == (whole.pcm, whole.marks), "jobs that take turns change each other"


def _check_quiet(engine: SttEngine, card: EngineCard) -> None:
    for seconds in (0.0, 1.0):
        final = recognise(engine, card, bytes(int(seconds * card.sample_rate_hz) * 2), 100)
        assert final.text == "", f"{seconds:g} s of silence is {final.text!r}"


def _check_segments(engine: SttEngine, card: EngineCard, pcm: bytes, text: str, exact: bool) -> None:
    """After a final and after a reset the stream begins anew."""
    stream = engine.open(SttRequest())
    try:
        for _ in range(2):
            again = _segment(engine, card, stream, pcm, 100).text
            assert again, "the second segment of a stream gave no text"
            assert not exact or again == text, f"a later segment changed {text!r} into {again!r}"
        engine.step([SttInput(stream, pcm)])
        engine.reset(stream)
        final = _one(engine.step([SttInput(stream, b"", finalize=True)]))
        assert final.text == "", f"after a reset the old segment is still there: {final.text!r}"
    finally:
        engine.close(stream)


def _check_streams_apart(engine: SttEngine, card: EngineCard, pcm: bytes, text: str | None) -> None:
    streams = [engine.open(SttRequest()) for _ in range(2)]
    half = len(pcm) // 4 * 2
    for part in (pcm[:half], pcm[half:]):
        for group in [streams] if card.max_batch >= 2 else [[stream] for stream in streams]:
            steps = engine.step([SttInput(stream, part) for stream in group])
            assert len(steps) == len(group), f"{len(group)} inputs got {len(steps)} results"
    finals = [_one(engine.step([SttInput(stream, b"", finalize=True)])).text for stream in streams]
    for stream in streams:
        engine.close(stream)
    assert text is None or finals == [text, text], f"streams that take turns change each other: {finals} instead of {text!r}"


def _check_hypothesis(step: SttStep, stable: str, heard_samples: int) -> None:
    text = step.text or ""
    assert 0 <= step.stable_chars <= len(text), f"stable_chars {step.stable_chars} of {len(text)} characters"
    assert text.startswith(stable), f"{stable!r} was stable, and became {text!r}"
    assert 0.0 <= step.confidence <= 1.0, f"confidence {step.confidence} is no probability"
    before = 0
    for word in step.words:
        assert before <= word.sample_begin <= word.sample_end, f"{word} is out of order"
        assert word.sample_end <= heard_samples + 1600, f"{word} ends after the {heard_samples} samples that were heard"
        before = word.sample_begin


def _check_gives_back(use: Callable[[], None]) -> None:
    """Thirty jobs cut short leave no open file behind, and little memory."""
    use()
    files, kilobytes = _files_and_memory()
    for _ in range(30):
        use()
    files_after, kilobytes_after = _files_and_memory()
    assert files_after <= files, f"30 closed jobs left {files_after - files} files open"
    assert kilobytes_after - kilobytes < 20_000, f"30 closed jobs left {kilobytes_after - kilobytes} kB"


def _files_and_memory() -> tuple[int, int]:
    try:
        files = len(os.listdir("/proc/self/fd"))
        with open("/proc/self/statm", encoding="ascii") as statm:
            pages = int(statm.read().split()[1])
    except OSError:  # no /proc here
        return 0, 0
    return files, pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _begin_and_close(engine: TtsEngine, request: TtsRequest) -> None:
    job = engine.open(request)
    engine.step([job])
    engine.close(job)


def _listen_and_close(engine: SttEngine, pcm: bytes) -> None:
    stream = engine.open(SttRequest())
    engine.step([SttInput(stream, pcm)])
    engine.close(stream)


def _add(spoken: Spoken, step: TtsStep, card: EngineCard) -> None:
    samples, odd = divmod(len(step.pcm), 2)
    assert not odd, f"{len(step.pcm)} bytes are no whole samples"
    assert samples <= _MOST_STEP_S * card.sample_rate_hz, f"one step gave {samples / card.sample_rate_hz:.1f} s of audio"
    assert step.wait_ms >= 0, f"wait_ms is {step.wait_ms}"
    spoken.late_marks += [mark for mark in step.marks if mark.sample_begin < len(spoken.pcm) // 2]
    spoken.pcm += step.pcm
    spoken.marks += step.marks


def _one(steps: Sequence[Any]) -> Any:
    assert len(steps) == 1, f"one input got {len(steps)} results"
    return steps[0]


def _refuses(what: str, call: Callable[[], object]) -> None:
    refusal = _refusal(call)
    assert refusal is not None, f"{what} is accepted; expected an EngineInputError"
    assert refusal, f"{what} is refused without a word"


def _refusal(call: Callable[[], object]) -> str | None:
    """The words of the EngineInputError that `call` raises; None if it raises none."""
    try:
        call()
    except EngineInputError as error:
        return str(error)
    return None
