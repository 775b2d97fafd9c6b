"""From what a client asks for to what it gets: defaults, clamps and refusals of a session's config and an utterance's style. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from google.protobuf import json_format, struct_pb2

from parley.audio import FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ
from parley.errors import ParleyError
from parley.v1 import audio_pb2, tts_pb2
from workers.engines.api import EngineCard
from workers.tts.limits import TtsLimits

DEFAULT_LEAD_MS: Final = 200
DEFAULT_BUFFER_MS: Final = 4_000
MIN_BUFFER_MS: Final = 200
MAX_OPTIONS_BYTES: Final = 16_384
_STYLE_KEYS: Final = ("speed", "voice", "language")


@dataclass(frozen=True, slots=True)
class Style:
    """How one utterance is spoken."""

    voice: str
    language: str
    speed: float
    options: Mapping[str, Any] = field(default_factory=dict)


def effective_config(asked: tts_pb2.TtsConfig, card: EngineCard, limits: TtsLimits) -> tts_pb2.TtsConfig:
    """`asked` with every default and clamp applied; model and revision are the caller's to fill in.

    Raises:
        ParleyError: UNSUPPORTED_FORMAT or BAD_REQUEST, what can be neither served nor clamped.
    """
    if asked.options.ByteSize() > MAX_OPTIONS_BYTES:
        raise ParleyError("BAD_REQUEST", f"options: at most {MAX_OPTIONS_BYTES} bytes, got {asked.options.ByteSize()}")
    lead_ms = max(FRAME_MS, min(asked.lead_ms or DEFAULT_LEAD_MS, limits.max_lead_ms))
    effective = tts_pb2.TtsConfig()
    effective.CopyFrom(asked)
    effective.output.CopyFrom(_output(asked.output))
    effective.voice = _voice(asked.voice, card) if asked.voice or not asked.language else ""  # "": the engine's choice for the language
    effective.language = _language(asked.language, card)
    effective.speed = _speed(asked.speed, card)
    effective.pacing = _pacing(asked.pacing)
    effective.lead_ms = lead_ms
    effective.buffer_ms = max(MIN_BUFFER_MS, lead_ms, min(asked.buffer_ms or DEFAULT_BUFFER_MS, limits.max_buffer_ms))
    effective.max_frames_per_message = min(asked.max_frames_per_message or 1, limits.max_frames_per_message)
    effective.marks = _marks(asked.marks)
    return effective


def style_of(config: tts_pb2.TtsConfig) -> Style:
    """The session's own style, from its effective config."""
    options = json_format.MessageToDict(config.options) if config.HasField("options") else {}
    return Style(config.voice, config.language, config.speed, options)


def style_with(base: Style, overrides: struct_pb2.Struct, card: EngineCard) -> Style:
    """`base` with an utterance's overrides.

    Raises:
        ParleyError: BAD_REQUEST, an unknown key or a value that the model does not offer.
    """
    values: dict[str, Any] = json_format.MessageToDict(overrides)
    for key in values:
        if key not in _STYLE_KEYS:
            raise ParleyError("BAD_REQUEST", f"style.{key}: unknown, expected one of {', '.join(_STYLE_KEYS)}")
    style = base
    if "speed" in values:
        style = replace(style, speed=_speed(_number(values["speed"]), card))
    if "voice" in values:
        style = replace(style, voice=_voice(_text("voice", values["voice"]), card))
    if "language" in values:
        style = replace(style, language=_language(_text("language", values["language"]), card))
    return style


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ParleyError("BAD_REQUEST", f"style.speed: expected a number, got {value!r}")
    return float(value)


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise ParleyError("BAD_REQUEST", f"style.{key}: expected a string, got {type(value).__name__}")
    return value


def _output(asked: audio_pb2.AudioFormat) -> audio_pb2.AudioFormat:
    fields = (
        ("encoding", asked.encoding, audio_pb2.SAMPLE_ENCODING_S16LE),
        ("sample_rate_hz", asked.sample_rate_hz, SAMPLE_RATE_HZ),
        ("channels", asked.channels, 1),
        ("frame_samples", asked.frame_samples, FRAME_SAMPLES),
    )
    for name, got, served in fields:
        if got not in (0, served):
            raise ParleyError("UNSUPPORTED_FORMAT", f"output.{name}: this worker gives {served}, not {got}")
    return audio_pb2.AudioFormat(
        encoding=audio_pb2.SAMPLE_ENCODING_S16LE, sample_rate_hz=SAMPLE_RATE_HZ, channels=1, frame_samples=FRAME_SAMPLES
    )


def _voice(asked: str, card: EngineCard) -> str:
    if not asked:
        return card.voices[0] if card.voices else ""
    if card.voices and asked not in card.voices:
        raise ParleyError("BAD_REQUEST", f"voice: this model has {', '.join(card.voices[:20])}; got {asked[:100]!r}")
    return asked


def _language(asked: str, card: EngineCard) -> str:
    """BCP-47, matched by the whole tag first, then by its primary language; empty is the voice's own."""
    if not asked or not card.languages:
        return asked
    by_tag = {language.lower(): language for language in card.languages}
    primary = asked.lower().split("-")[0]
    if asked.lower() in by_tag or any(tag.split("-")[0] == primary for tag in by_tag):
        return by_tag.get(asked.lower(), asked)
    raise ParleyError("BAD_REQUEST", f"language: this model speaks {', '.join(card.languages[:20])}; got {asked[:40]!r}")


def _speed(asked: float, card: EngineCard) -> float:
    low, high = card.speed_range
    speed = asked or 1.0
    if not math.isfinite(speed) or not low - 1e-6 <= speed <= high + 1e-6:  # the wire's float32 may miss a bound by a rounding
        raise ParleyError("BAD_REQUEST", f"speed: this model takes {low:g} to {high:g}, got {asked:g}")
    return min(high, max(low, speed))


def _pacing(asked: tts_pb2.Pacing) -> tts_pb2.Pacing:
    known = tts_pb2.Pacing.values()
    if asked not in known:
        raise ParleyError("BAD_REQUEST", f"pacing: expected one of {', '.join(tts_pb2.Pacing.keys()[1:])}, got {asked}")
    return asked or tts_pb2.PACING_LEAD


def _marks(asked: audio_pb2.MarkKind) -> audio_pb2.MarkKind:
    """The finest granularity given: characters and phonemes are served by words."""
    if asked in (audio_pb2.MARK_KIND_UNSPECIFIED, audio_pb2.MARK_KIND_SEGMENT):
        return audio_pb2.MARK_KIND_SEGMENT
    if asked in (audio_pb2.MARK_KIND_WORD, audio_pb2.MARK_KIND_CHAR, audio_pb2.MARK_KIND_PHONEME):
        return audio_pb2.MARK_KIND_WORD
    raise ParleyError("BAD_REQUEST", f"marks: a granularity is SEGMENT, WORD, CHAR or PHONEME, got {asked}")
