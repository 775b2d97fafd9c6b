"""SttService on the wire: calls in, sessions and models asked, typed errors out. It decides nothing."""

from __future__ import annotations

import asyncio
from typing import Any

from parley.errors import ParleyError
from parley.v1 import audio_pb2, model_pb2, stt_pb2, stt_pb2_grpc
from workers.identity import Identity, typed_errors
from workers.models import Models
from workers.stt.limits import SttLimits
from workers.stt.sessions import Sessions
from workers.stt.stream import EOF

FEATURES = ("ctl.inband", "ctl.unary", "stt.partials", "stt.words", "stt.endpointing.acoustic", "stt.batch_frames")


class SttServicer(stt_pb2_grpc.SttServiceServicer):
    """See the proto for what each call means."""

    def __init__(self, identity: Identity, models: Models, sessions: Sessions, limits: SttLimits) -> None:
        self._identity = identity
        self._models = models
        self._sessions = sessions
        self._limits = limits

    @typed_errors
    async def StartSession(self, request: stt_pb2.SttStartSessionRequest, context: Any) -> stt_pb2.SttStartSessionResponse:
        session = await self._sessions.start(request)
        return stt_pb2.SttStartSessionResponse(
            worker_id=self._identity.worker_id,
            instance_id=self._identity.instance_id,
            model=session.lease.info,
            effective=session.core.config,
        )

    @typed_errors
    async def EndSession(self, request: stt_pb2.SttEndSessionRequest, context: Any) -> stt_pb2.SttEndSessionResponse:
        session = self._sessions.get(request.session_id)
        if session.stream is not None:
            session.stream.finish()
        self._sessions.remove(session, ParleyError("SESSION_UNKNOWN", "the session has been ended"))
        return stt_pb2.SttEndSessionResponse(frames=session.core.intake.frames)

    @typed_errors
    async def Transcribe(self, _requests: Any, context: Any) -> None:
        first = await self._first_message(context)
        await self._sessions.get(first.session_id).transcribe(first, context)

    @typed_errors
    async def Control(self, request: stt_pb2.SttControlRequest, context: Any) -> stt_pb2.SttControlResponse:
        session = self._sessions.get(request.session_id)
        return stt_pb2.SttControlResponse(ack=await session.control_and_wait(request.control))

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
        return model_pb2.GetCapabilitiesResponse(
            worker_id=self._identity.worker_id,
            instance_id=self._identity.instance_id,
            abi="parley.v1",
            features=FEATURES,
            max_sessions=self._limits.max_sessions,
            max_frames_per_message=self._limits.max_frames_per_message,
            max_buffer_ms=self._limits.max_backlog_ms,
            models=self._models.list(False),
            device="cpu",
        )

    async def _first_message(self, context: Any) -> audio_pb2.AudioFrame:
        """The message that names the session; a stream that says nothing is not kept."""
        try:
            async with asyncio.timeout(self._limits.first_message_ms / 1000):
                message = await context.read()
        except TimeoutError:
            raise ParleyError("TIMEOUT", f"no message within {self._limits.first_message_ms} ms") from None
        if message is EOF or not message.session_id:
            raise ParleyError("BAD_REQUEST", "session_id: expected in the first message of the stream")
        first: audio_pb2.AudioFrame = message
        return first
