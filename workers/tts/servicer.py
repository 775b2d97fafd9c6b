"""TtsService on the wire: calls in, sessions and models asked, typed errors out. It decides nothing."""

from __future__ import annotations

import asyncio
from typing import Any, Final

import grpc

from parley.errors import ParleyError
from parley.v1 import audio_pb2, model_pb2, tts_pb2, tts_pb2_grpc
from workers.identity import Identity, typed_errors
from workers.models import Models
from workers.tts.limits import TtsLimits
from workers.tts.sessions import Sessions

FEATURES: Final = (
    "tts.lead",
    "tts.credits",
    "tts.unpaced",
    "tts.batch_frames",
    "tts.marks.segment",
    "tts.marks.word",
    "tts.style",
    "ctl.inband",
    "ctl.unary",
    "ctl.freeze",
    "ctl.reload",
)


class TtsServicer(tts_pb2_grpc.TtsServiceServicer):
    """See the proto for what each call means."""

    def __init__(self, identity: Identity, models: Models, sessions: Sessions, limits: TtsLimits, device: str = "cpu") -> None:
        self._identity = identity
        self._models = models
        self._sessions = sessions
        self._limits = limits
        self._device = device

    @typed_errors
    async def StartSession(self, request: tts_pb2.StartSessionRequest, context: Any) -> tts_pb2.StartSessionResponse:
        session = await self._sessions.start(request)
        return tts_pb2.StartSessionResponse(
            worker_id=self._identity.worker_id,
            instance_id=self._identity.instance_id,
            model=session.core.lease.info,
            effective=session.core.config,
            expected_first_audio_ms=self._sessions.first_audio_ms,
        )

    @typed_errors
    async def EndSession(self, request: tts_pb2.EndSessionRequest, context: Any) -> tts_pb2.EndSessionResponse:
        return await self._sessions.end(request.session_id, request.drain)

    @typed_errors
    async def Synthesize(self, _chunks: Any, context: Any) -> None:
        await self._sessions.synthesize(await self._first_message(context), context)

    @typed_errors
    async def Control(self, request: tts_pb2.ControlRequest, context: Any) -> tts_pb2.ControlResponse:
        session = self._sessions.get(request.session_id)
        if request.control.verb == audio_pb2.CONTROL_VERB_RELOAD:
            return tts_pb2.ControlResponse(ack=await self._sessions.reload(session, request.control))
        return tts_pb2.ControlResponse(ack=session.control(request.control, in_band=False))

    @typed_errors
    async def ListModels(self, request: model_pb2.ListModelsRequest, context: Any) -> model_pb2.ListModelsResponse:
        return model_pb2.ListModelsResponse(models=self._models.list(request.ready_only))

    @typed_errors
    async def LoadModel(self, request: model_pb2.LoadModelRequest, context: Any) -> model_pb2.LoadModelResponse:
        return await self._models.load(request)

    @typed_errors
    async def UnloadModel(self, request: model_pb2.UnloadModelRequest, context: Any) -> model_pb2.UnloadModelResponse:
        return await self._models.unload(request)

    @typed_errors
    async def GetCapabilities(self, request: model_pb2.GetCapabilitiesRequest, context: Any) -> model_pb2.GetCapabilitiesResponse:
        limits = self._limits
        return model_pb2.GetCapabilitiesResponse(
            worker_id=self._identity.worker_id,
            instance_id=self._identity.instance_id,
            abi="parley.v1",
            features=FEATURES,
            max_sessions=limits.max_sessions,
            max_frames_per_message=limits.max_frames_per_message,
            max_buffer_ms=limits.max_buffer_ms,
            max_lead_ms=limits.max_lead_ms,
            max_text_bytes=limits.max_text_bytes,
            models=self._models.list(False),
            device=self._device,
        )

    async def _first_message(self, context: Any) -> tts_pb2.TextChunk:
        """The message that names the session; a stream that says nothing is not kept."""
        try:
            async with asyncio.timeout(self._limits.first_message_ms / 1000):
                message = await context.read()
        except TimeoutError:
            raise ParleyError("TIMEOUT", f"no message within {self._limits.first_message_ms} ms") from None
        if message is grpc.aio.EOF or not message.session_id:  # type: ignore[attr-defined]
            raise ParleyError("BAD_REQUEST", "session_id: expected in the first message of the stream")
        first: tts_pb2.TextChunk = message
        return first
