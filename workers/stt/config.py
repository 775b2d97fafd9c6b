"""What a session asked for, made whole: defaults filled in, clamps applied, impossible wishes refused with the reason."""

from __future__ import annotations

from parley.audio import FRAME_SAMPLES, SAMPLE_RATE_HZ
from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2
from workers.engines.api import EngineCard
from workers.stt.limits import SttLimits

MAX_ID_CHARS = 128
SILENCE_RANGE_MS = (100, 10_000)
MAX_INTERVAL_MS = 5000


def check_session_id(session_id: str) -> None:
    """Raises BAD_REQUEST unless `session_id` can name a session."""
    if not 0 < len(session_id) <= MAX_ID_CHARS or not session_id.isprintable():
        raise ParleyError("BAD_REQUEST", f"session_id: expected 1 to {MAX_ID_CHARS} printable characters, got {session_id[:40]!r}")


def check_request(config: stt_pb2.SttConfig, limits: SttLimits) -> None:
    """Refuse what no model could serve, before one is asked for.

    Raises:
        ParleyError: UNSUPPORTED_FORMAT or BAD_REQUEST.
    """
    _check_format(config.input)
    if len(config.hotwords) > limits.max_hotwords:
        raise ParleyError("BAD_REQUEST", f"hotwords: at most {limits.max_hotwords}, got {len(config.hotwords)}")
    if config.options.ByteSize() > limits.max_options_bytes:
        raise ParleyError("BAD_REQUEST", f"options: at most {limits.max_options_bytes} bytes, got {config.options.ByteSize()}")


def effective(config: stt_pb2.SttConfig, card: EngineCard, model_id: str, revision: str, limits: SttLimits) -> stt_pb2.SttConfig:
    """`config` as it will be served by this model.

    Raises:
        ParleyError: BAD_REQUEST for a language that the model does not know.
    """
    _check_languages(list(config.languages), card)
    result = stt_pb2.SttConfig()
    result.CopyFrom(config)
    result.model_id, result.revision = model_id, revision
    result.input.CopyFrom(
        audio_pb2.AudioFormat(
            encoding=audio_pb2.SAMPLE_ENCODING_S16LE, sample_rate_hz=SAMPLE_RATE_HZ, channels=1, frame_samples=FRAME_SAMPLES
        )
    )
    interval_ms = config.interim_min_interval_ms or limits.interim_min_interval_ms
    result.interim_min_interval_ms = min(interval_ms, MAX_INTERVAL_MS)
    low, high = SILENCE_RANGE_MS
    wanted_ms = config.endpointing.silence_ms if config.endpointing.HasField("silence_ms") else limits.silence_ms
    result.endpointing.silence_ms = min(max(wanted_ms, low), high)
    for unsupported in ("eager_threshold", "final_threshold"):  # there is no model of turn ends here, only silence
        result.endpointing.ClearField(unsupported)
    return result


def idle_ttl_ms(wanted_ms: int, limits: SttLimits) -> int:
    """How long a session may live without a stream."""
    return min(wanted_ms or limits.idle_ttl_ms, limits.max_idle_ttl_ms)


def _check_format(wanted: audio_pb2.AudioFormat) -> None:
    expected = (
        ("encoding", wanted.encoding, audio_pb2.SAMPLE_ENCODING_S16LE),
        ("sample_rate_hz", wanted.sample_rate_hz, SAMPLE_RATE_HZ),
        ("channels", wanted.channels, 1),
        ("frame_samples", wanted.frame_samples, FRAME_SAMPLES),
    )
    for name, got, only in expected:
        if got not in (0, only):
            raise ParleyError("UNSUPPORTED_FORMAT", f"input.{name}: expected {only}, got {got}")


def _check_languages(wanted: list[str], card: EngineCard) -> None:
    known = {_primary(language) for language in card.languages}
    for language in wanted:
        if known and "*" not in known and _primary(language) not in known:
            raise ParleyError("BAD_REQUEST", f"languages: this model knows {', '.join(card.languages)}, got {language[:40]!r}")


def _primary(language: str) -> str:
    return language.split("-", 1)[0].lower()
