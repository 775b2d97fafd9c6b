"""The models of running workers: look at them, load, unload and reload them.

Without a worker's address a verb goes to every worker of the running stack that knows the model. RELOAD is a verb of a session in the
contract, so `reload` opens one for it: the worker loads the newest revision beside the old one, and new utterances use it.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc

from client.failure import Failure
from client.tier.workers import channel_to, running_workers
from parley.v1 import audio_pb2, model_pb2, stt_pb2, stt_pb2_grpc, tts_pb2, tts_pb2_grpc

LOOK_S: Final = 5.0
LOAD_S: Final = 600.0


@dataclass(frozen=True, slots=True)
class Tier:
    """A worker with an open connection, whichever of the two services it serves."""

    kind: str
    address: str
    stub: Any

    async def models(self) -> list[model_pb2.ModelInfo]:
        answer = await self.stub.ListModels(model_pb2.ListModelsRequest(), timeout=LOOK_S)
        return list(answer.models)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A model at a worker, after a verb or just as it is. `note` says what else happened."""

    kind: str
    address: str
    model: Mapping[str, Any]
    note: str = ""


async def list_models(worker: str | None, url: str | None = None) -> list[Outcome]:
    """The models of one worker or of all."""
    outcomes = []
    for address in await _addresses(worker, url):
        async with tier_at(address) as tier:
            outcomes += [_outcome(tier, model) for model in await tier.models()]
    return outcomes


async def load_model(name: str, worker: str | None, url: str | None, pin: bool, wait: bool) -> list[Outcome]:
    """Load `id` or `id@revision`."""
    model_id, _, revision = name.partition("@")
    outcomes = []
    async for tier in _knowing(model_id, worker, url):
        request = model_pb2.LoadModelRequest(model_id=model_id, revision=revision, pin=pin, wait_ready=wait)
        answer = await tier.stub.LoadModel(request, timeout=LOAD_S)
        outcomes.append(_outcome(tier, answer.model, f"in place of {', '.join(answer.evicted)}" if answer.evicted else ""))
    return outcomes


async def unload_model(name: str, worker: str | None, url: str | None, force: bool, drain_ms: int) -> list[Outcome]:
    """Unload `id` or `id@revision`; sessions that use it finish first, unless forced."""
    model_id, _, revision = name.partition("@")
    outcomes = []
    async for tier in _knowing(model_id, worker, url):
        request = model_pb2.UnloadModelRequest(model_id=model_id, revision=revision, force=force, drain_ms=drain_ms)
        answer = await tier.stub.UnloadModel(request, timeout=LOOK_S + drain_ms / 1000)
        outcomes.append(_outcome(tier, answer.model, f"{answer.sessions_left} sessions still use it" if answer.sessions_left else ""))
    return outcomes


async def reload_model(name: str, worker: str | None, url: str | None) -> list[Outcome]:
    """Load the newest revision beside the old one and switch to it."""
    outcomes = []
    async for tier in _knowing(name, worker, url):
        revision = await _reload(tier, name)
        model = next((model for model in await tier.models() if model.model_id == name and model.revision == revision), None)
        outcomes.append(_outcome(tier, model or model_pb2.ModelInfo(model_id=name, revision=revision), "new utterances use it"))
    return outcomes


@asynccontextmanager
async def tier_at(address: str) -> AsyncIterator[Tier]:
    """Connect to a worker and find out which service it serves."""
    async with channel_to(address) as channel:
        for kind, service in (("tts", tts_pb2_grpc.TtsServiceStub), ("stt", stt_pb2_grpc.SttServiceStub)):
            stub: Any = service(channel)
            try:
                await stub.GetCapabilities(model_pb2.GetCapabilitiesRequest(), timeout=LOOK_S)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                    raise
            else:
                yield Tier(kind, address, stub)
                return
        raise Failure(f"what answers at {address} is no worker of Parley")


async def _knowing(model_id: str, worker: str | None, url: str | None) -> AsyncIterator[Tier]:
    known: set[str] = set()
    found = False
    for address in await _addresses(worker, url):
        async with tier_at(address) as tier:
            names = {model.model_id for model in await tier.models()}
            known |= names
            if model_id in names:
                found = True
                yield tier
    if not found:
        raise Failure(f"no worker knows the model {model_id!r}", f"known: {', '.join(sorted(known)) or 'none'}")


async def _addresses(worker: str | None, url: str | None) -> list[str]:
    return [worker] if worker is not None else [str(row["address"]) for row in await running_workers(url=url)]


async def _reload(tier: Tier, model_id: str) -> str:
    session_id = uuid.uuid4().hex
    start: Any = tts_pb2.StartSessionRequest(session_id=session_id, config=tts_pb2.TtsConfig(model_id=model_id))
    control: Any = tts_pb2.ControlRequest
    end: Any = tts_pb2.EndSessionRequest
    if tier.kind == "stt":
        start = stt_pb2.SttStartSessionRequest(session_id=session_id, config=stt_pb2.SttConfig(model_id=model_id))
        control, end = stt_pb2.SttControlRequest, stt_pb2.SttEndSessionRequest
    await tier.stub.StartSession(start, timeout=LOOK_S)
    try:
        verb = audio_pb2.Control(control_id=1, verb=audio_pb2.CONTROL_VERB_RELOAD)
        answer = await tier.stub.Control(control(session_id=session_id, control=verb), timeout=LOAD_S)
        return str(answer.ack.model_revision)
    finally:
        await tier.stub.EndSession(end(session_id=session_id), timeout=LOOK_S)


def _outcome(tier: Tier, model: model_pb2.ModelInfo, note: str = "") -> Outcome:
    from google.protobuf.json_format import MessageToDict

    tree = MessageToDict(model, preserving_proto_field_name=True)
    tree["state"] = model_pb2.ModelState.Name(model.state).removeprefix("MODEL_STATE_")
    return Outcome(tier.kind, tier.address, tree, note)
