"""Between the driver and what it drives: the links' sinks, and the settings as each part wants them."""

from __future__ import annotations

from typing import Final, Protocol

import structlog

from orchestrator.session.rules import Rules
from orchestrator.session.turn_taking import SilenceRules
from orchestrator.session.verdict import VerdictRules
from orchestrator.settings import OrchestratorSettings
from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2, tts_pb2

_LOG = structlog.get_logger()
_WORKER_BUFFER_MS: Final = 1500
"""What a worker may generate ahead: more only costs memory there, and is thrown away at an interruption."""


class Listener(Protocol):
    """What a session hears from its recogniser."""

    session_id: str

    def on_hypothesis(self, hypothesis: stt_pb2.Hypothesis) -> None: ...
    def on_stt_ack(self, ack: audio_pb2.ControlAck) -> None: ...
    def on_stt_lost(self, error: ParleyError) -> None: ...


class Speaker(Protocol):
    """What a session hears from its synthesizer."""

    session_id: str

    def on_agent_audio(self, frame: audio_pb2.AudioFrame) -> None: ...
    def on_agent_done(self, utterance_id: int) -> None: ...
    def on_agent_failed(self, utterance_id: int, error: ParleyError) -> None: ...
    def on_tts_lost(self, error: ParleyError) -> None: ...


class Hears:
    """The STT link's sink."""

    def __init__(self, session: Listener) -> None:
        self._session = session

    def on_hypothesis(self, hypothesis: stt_pb2.Hypothesis, pts_processed: int) -> None:
        self._session.on_hypothesis(hypothesis)

    def on_ack(self, ack: audio_pb2.ControlAck) -> None:
        self._session.on_stt_ack(ack)

    def on_notice(self, notice: audio_pb2.Notice) -> None:
        _LOG.warning("stt_notice", session_id=self._session.session_id, reason=notice.reason, message=notice.message)

    def on_up(self, worker_id: str) -> None:
        _LOG.debug("stt_up", session_id=self._session.session_id, worker_id=worker_id)

    def on_lost(self, error: ParleyError) -> None:
        self._session.on_stt_lost(error)


class Speaks:
    """The TTS link's sink."""

    def __init__(self, session: Speaker) -> None:
        self._session = session

    def on_audio(self, frame: audio_pb2.AudioFrame) -> None:
        self._session.on_agent_audio(frame)

    def on_event(self, event: audio_pb2.TtsEvent, frame: audio_pb2.AudioFrame) -> None:
        match event.WhichOneof("event"):
            case "done":
                self._session.on_agent_done(event.done.utterance_id)
            case "notice" if not event.notice.retryable:
                notice = event.notice
                self._session.on_agent_failed(notice.utterance_id, ParleyError(notice.reason, notice.message))
            case _:
                pass

    def on_up(self, worker_id: str) -> None:
        _LOG.debug("tts_up", session_id=self._session.session_id, worker_id=worker_id)

    def on_lost(self, error: ParleyError) -> None:
        self._session.on_tts_lost(error)


def rules_of(settings: OrchestratorSettings) -> Rules:
    return Rules(
        silence=SilenceRules(
            closed_ms=settings.turn.closed_ms,
            unknown_ms=settings.turn.silence_ms,
            open_ms=settings.turn.open_ms,
            hesitating_ms=settings.turn.hesitating_ms,
            eager_ms=settings.turn.eager_ms,
        ),
        turn_limit_ms=settings.turn.limit_ms,
        transcript_ms=settings.turn.transcript_ms,
        first_audio_ms=settings.turn.first_audio_ms,
        idle_ms=settings.limits.idle_s * 1000,
        duration_ms=settings.limits.duration_s * 1000,
        messages=settings.limits.messages,
        announce_ms=settings.limits.announce_s * 1000,
        announce_messages=settings.limits.announce_messages,
        lead_ms=settings.speech.lead_ms,
        verdict=VerdictRules(
            deadline_ms=settings.barge_in.deadline_ms,
            words_after_ms=settings.barge_in.words_after_ms,
            min_words=settings.barge_in.min_words,
            min_speech_ms=settings.barge_in.min_speech_ms,
        ),
    )


def stt_config(settings: OrchestratorSettings) -> stt_pb2.SttConfig:
    return stt_pb2.SttConfig(
        model_id=settings.recognition.model,
        interim=True,
        endpointing=stt_pb2.Endpointing(disabled=True),
    )


def tts_config(settings: OrchestratorSettings) -> tts_pb2.TtsConfig:
    return tts_pb2.TtsConfig(
        model_id=settings.speech.model,
        pacing=tts_pb2.PACING_LEAD,
        lead_ms=settings.speech.worker_lead_ms,
        max_frames_per_message=5,
        buffer_ms=_WORKER_BUFFER_MS,
        marks=audio_pb2.MARK_KIND_WORD,
    )
