"""The generated stubs, which carry no types: the one place that knows it."""

from __future__ import annotations

from typing import Any, Final

import grpc

from parley.v1 import model_pb2_grpc, stt_pb2_grpc, tts_pb2_grpc

EOF: Final[object] = grpc.aio.EOF  # type: ignore[attr-defined]
"""What `read` gives when the peer has ended a stream."""


def worker_stub(channel: grpc.aio.Channel) -> Any:
    return model_pb2_grpc.WorkerServiceStub(channel)  # type: ignore[no-untyped-call]


def stt_stub(channel: grpc.aio.Channel) -> Any:
    return stt_pb2_grpc.SttServiceStub(channel)  # type: ignore[no-untyped-call]


def tts_stub(channel: grpc.aio.Channel) -> Any:
    return tts_pb2_grpc.TtsServiceStub(channel)  # type: ignore[no-untyped-call]
