"""The generated stub, which carries no types: the one place of the benchmarks that knows it."""

from __future__ import annotations

from typing import Any, Final

import grpc

from parley.v1 import tts_pb2_grpc

EOF: Final[object] = grpc.aio.EOF  # type: ignore[attr-defined]
"""What `read` gives when the worker has ended a stream."""


def tts_stub(channel: grpc.aio.Channel) -> Any:
    return tts_pb2_grpc.TtsServiceStub(channel)  # type: ignore[no-untyped-call]
