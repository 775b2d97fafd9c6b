"""A whole recording, answered as a whole, beside the live conversation: decode -> transcribe -> (converse: reply -> speech).

Uses worker sessions of its own, so it never disturbs what is being said live. One at a time per session; both the recording and the
answer are bounded. Failures are told as `error` and `conversation_complete` with reason `failed`.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import soundfile
import soxr
import structlog

from orchestrator.engines.oneshot import synthesize, transcribe
from orchestrator.responders.api import ReplyRequest, Said
from orchestrator.transports import protocol as msg
from orchestrator.transports.api import Transport
from parley.audio import FRAME_BYTES, SAMPLE_RATE_HZ
from parley.errors import ParleyError

if TYPE_CHECKING:
    from orchestrator.session.driver import Shared

_LOG = structlog.get_logger()
_REPLY_CHARS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Recording:
    """One `audio` message and what belongs to it."""

    message: msg.Audio
    turn_id: int
    utterance_id: int
    history: tuple[Said, ...]
    prompt: str

    async def answer(self, session_id: str, shared: Shared, transport: Transport, style: dict[str, Any]) -> tuple[str, str]:
        """Send the answer's messages; returns what the user and the agent said, both empty when there was no exchange."""
        try:
            user, agent, reason = await self._converse(session_id, shared, transport, style)
        except ParleyError as error:
            transport.send(msg.Error(code=error.reason, message=error.message, retryable=error.row.retryable))
            user, agent, reason = "", "", "failed"
        except Exception as error:  # the top of an exchange: a bug here must not end the live conversation
            _LOG.exception("recording_failed", session_id=session_id)
            transport.send(msg.Error(code="INTERNAL", message=f"the recording failed ({type(error).__name__})", retryable=False))
            user, agent, reason = "", "", "failed"
        transport.send(msg.ConversationComplete.model_validate({"turn_id": self.turn_id, "reason": reason}))
        return user, agent

    async def _converse(self, session_id: str, shared: Shared, transport: Transport, style: dict[str, Any]) -> tuple[str, str, str]:
        settings = shared.settings
        pcm = await asyncio.to_thread(decode, self.message.audio_data, self.message.sample_rate_hz, settings.limits.recording_s)
        user = await transcribe(shared.workers, f"{session_id}-{self.turn_id}", pcm, model=settings.recognition.model)
        transport.send(msg.Transcription(turn_id=self.turn_id, text=user, final=True))
        if self.message.mode == "transcribe":
            return "", "", "transcribed"
        if not user:
            return "", "", "empty"
        agent = await self._reply(session_id, shared, transport, user)
        if not agent:
            return user, "", "empty"
        speech = await synthesize(shared.workers, f"{session_id}-{self.turn_id}", agent, model=settings.speech.model, style=style)
        wav = await asyncio.to_thread(encode_wav, speech)
        transport.send(
            msg.SpeechResponse(turn_id=self.turn_id, utterance_id=self.utterance_id, audio_data=wav, sample_rate_hz=SAMPLE_RATE_HZ)
        )
        return user, agent, "answered"

    async def _reply(self, session_id: str, shared: Shared, transport: Transport, user: str) -> str:
        prompt = self.message.prompt if self.message.prompt is not None else self.prompt
        request = ReplyRequest(session_id, self.turn_id, user, self.history, shared.settings.speech.language, prompt)
        agent = ""
        async for piece in shared.responder.reply(request):
            if not isinstance(piece, str):
                continue  # acts steer a live conversation
            agent += piece
            self._send_text(transport, piece, final=False)
            if len(agent) > _REPLY_CHARS:
                raise ParleyError("TEXT_TOO_LONG", f"the reply is longer than {_REPLY_CHARS} characters")
        self._send_text(transport, "", final=True)
        return agent.strip()

    def _send_text(self, transport: Transport, text: str, *, final: bool) -> None:
        transport.send(msg.ResponseText(turn_id=self.turn_id, utterance_id=self.utterance_id, text=text, final=final))


def decode(audio_data: str, sample_rate_hz: int | None, limit_s: float) -> bytes:
    """Base64 of a sound file, or of raw s16le PCM at `sample_rate_hz`, to whole 48 kHz mono s16le frames (the last one padded).

    Raises:
        ParleyError: UNSUPPORTED_FORMAT, or MESSAGE_TOO_LARGE beyond `limit_s` seconds. Never decodes more than that.
    """
    try:
        data = base64.b64decode(audio_data, validate=True)
    except (binascii.Error, ValueError):
        raise ParleyError("MESSAGE_INVALID", "audio_data: expected base64") from None
    if sample_rate_hz is not None:
        if len(data) % 2:
            raise ParleyError("BAD_FRAME", f"expected 16-bit samples, got {len(data)} bytes")
        samples, rate_hz = np.frombuffer(data, "<i2").astype(np.float32) / 32768, sample_rate_hz
    else:
        samples, rate_hz = _read_file(data, limit_s)
    if len(samples) > limit_s * rate_hz:
        raise ParleyError("MESSAGE_TOO_LARGE", f"a recording lasts at most {limit_s:g} s")
    if rate_hz != SAMPLE_RATE_HZ:
        samples = soxr.resample(samples, rate_hz, SAMPLE_RATE_HZ)
    pcm = (np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes()
    return pcm + bytes(-len(pcm) % FRAME_BYTES)


def _read_file(data: bytes, limit_s: float) -> tuple[Any, int]:
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if not 4000 <= file.samplerate <= 192_000 or file.channels > 8:
                raise ParleyError("UNSUPPORTED_FORMAT", f"{file.samplerate} Hz with {file.channels} channels")
            samples = file.read(int(limit_s * file.samplerate) + 1, dtype="float32", always_2d=True)
            return samples.mean(axis=1), int(file.samplerate)
    except soundfile.SoundFileError as error:
        raise ParleyError("UNSUPPORTED_FORMAT", f"audio_data: expected a WAV, FLAC or Ogg file ({error})") from None


def encode_wav(pcm: bytes) -> str:
    """48 kHz mono s16le to base64 of a WAV file."""
    out = io.BytesIO()
    soundfile.write(out, np.frombuffer(pcm, "<i2"), SAMPLE_RATE_HZ, format="WAV", subtype="PCM_16")
    return base64.b64encode(out.getvalue()).decode()
