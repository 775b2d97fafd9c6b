"""What an engine is: two Protocols of a few methods, and the values that pass through them.

An engine is one file that knows one library. It runs alone in its own process, on one thread, possibly under another interpreter, so
this module and every engine import nothing but the standard library, numpy and the engine's own library. An engine keeps no clock,
starts no thread that calls back into the host, knows no session, no gRPC and no Redis. Whatever it raises ends the job it was
raised for, not the process; `EngineInputError` says that the input was at fault.

Order of calls, both kinds: `load` once, then any number of `open` ... `step` ... `close`, jobs interleaved, always from one thread.
`close` may come at any time (that is how a job is cancelled) and must give everything back.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


class EngineInputError(Exception):
    """This input cannot be served (unknown voice, unspeakable text); the engine is well."""


@dataclass(frozen=True, slots=True)
class EngineCard:
    """What a loaded engine can do.

    `sample_rate_hz` is the engine's own rate (TTS: of the PCM it gives; STT: of the PCM it wants). `voices`' first one is the default.
    `features`: "alignment.word" (true word marks), "stt.partials", "stt.words", ...  `max_batch`: how many jobs one `step` may take.
    """

    sample_rate_hz: int
    languages: tuple[str, ...] = ("en",)
    voices: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    speed_range: tuple[float, float] = (1.0, 1.0)
    max_sessions: int = 128
    max_batch: int = 1


@dataclass(frozen=True, slots=True)
class TtsRequest:
    """One segment to speak: a clause or a few sentences, never empty. `voice` "" is the default; `speed` 1.0 is the voice's own."""

    text: str
    voice: str = ""
    language: str = ""
    speed: float = 1.0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WordMark:
    """Code points [char_begin, char_end) of the request's text are spoken by samples [sample_begin, sample_end) of its audio."""

    char_begin: int
    char_end: int
    sample_begin: int
    sample_end: int


@dataclass(frozen=True, slots=True)
class TtsStep:
    """What one step of one job gave.

    `pcm` is s16le mono at the card's rate and continues where the job's last step ended. A mark comes no later than its audio.
    `wait_ms`: the host gives this job its next step no sooner than that (the host has the clock, the engine has none).
    """

    pcm: bytes = b""
    marks: tuple[WordMark, ...] = ()
    done: bool = False
    wait_ms: float = 0.0


class TtsEngine(Protocol):
    """Text to speech."""

    def load(self, options: Mapping[str, Any]) -> EngineCard:
        """Load the model; `options` is the config's block for it, unknown keys are an EngineInputError."""

    def open(self, request: TtsRequest) -> Any:
        """Begin a job; cheap. Raises EngineInputError."""

    def step(self, jobs: Sequence[Any]) -> list[TtsStep]:
        """Advance 1..max_batch open, undone jobs by a bounded amount of audio (at most a few seconds); one result per job, in order."""

    def close(self, job: Any) -> None:
        """Forget a job, done or not."""


@dataclass(frozen=True, slots=True)
class SttRequest:
    """One recognition stream: a session's speech, cut into segments by finals. No languages means: detect, or the model's own."""

    languages: tuple[str, ...] = ()
    hotwords: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SttWord:
    """A word and its place, in samples at the card's rate since the segment's first sample."""

    text: str
    sample_begin: int
    sample_end: int
    confidence: float = 0.0


@dataclass(frozen=True, slots=True)
class SttInput:
    """New audio of one stream: `pcm` is s16le mono at the card's rate (may be empty). `finalize`: the segment ends with it."""

    stream: Any
    pcm: bytes
    finalize: bool = False


@dataclass(frozen=True, slots=True)
class SttStep:
    """What the stream's segment says now. `text` None: no news. After `finalize`: `final`, with a text.

    `text[:stable_chars]` will not change. `delay_ms`: the host hands this on so much later, in order.
    """

    text: str | None = None
    stable_chars: int = 0
    words: tuple[SttWord, ...] = ()
    confidence: float = 0.0
    language: str = ""
    final: bool = False
    delay_ms: float = 0.0


class SttEngine(Protocol):
    """Speech to text."""

    def load(self, options: Mapping[str, Any]) -> EngineCard:
        """Load the model; `options` is the config's block for it, unknown keys are an EngineInputError."""

    def open(self, request: SttRequest) -> Any:
        """Begin a stream."""

    def step(self, inputs: Sequence[SttInput]) -> list[SttStep]:
        """Hear 1..max_batch inputs of different streams; one result per input, in order. After a final the stream begins a new segment."""

    def reset(self, stream: Any) -> None:
        """Forget the open segment; the next sample begins a new one."""

    def close(self, stream: Any) -> None:
        """Forget a stream."""
