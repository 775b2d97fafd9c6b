"""Every way to fail, in one tree and one table.

    ParleyError              one class; its `reason` is a value of the contract's ErrorReason
      reason -> gRPC status, WebSocket close code, retryable      (TABLE, nowhere else)

Inside a process a `ParleyError` is raised; a servicer turns it into a status with `abort`, a gRPC client turns a status back with
`from_rpc`, a transport turns it into an `error` message or a close code. Messages say what was expected and what came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import grpc
from google.protobuf import any_pb2, duration_pb2
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from parley.v1 import errors_pb2

DOMAIN: Final = "parley"
Reason = errors_pb2.ErrorReason
_PREFIX: Final = "ERROR_REASON_"


@dataclass(frozen=True, slots=True)
class Row:
    """How one reason looks on each wire. `ws_close` is the close code used when the error ends the connection (RFC 6455, 7.4)."""

    status: grpc.StatusCode
    ws_close: int
    retryable: bool


_S = grpc.StatusCode
TABLE: Final[Mapping[str, Row]] = {
    "SESSION_UNKNOWN": Row(_S.NOT_FOUND, 1008, True),
    "SESSION_EXISTS": Row(_S.ALREADY_EXISTS, 1008, False),
    "MODEL_UNKNOWN": Row(_S.NOT_FOUND, 1008, False),
    "MODEL_NOT_READY": Row(_S.UNAVAILABLE, 1013, True),
    "CAPACITY": Row(_S.RESOURCE_EXHAUSTED, 1013, True),
    "VRAM": Row(_S.FAILED_PRECONDITION, 1013, True),
    "DRAINING": Row(_S.UNAVAILABLE, 1012, True),
    "BAD_SEQUENCE": Row(_S.INVALID_ARGUMENT, 1008, False),
    "BAD_REQUEST": Row(_S.INVALID_ARGUMENT, 1008, False),
    "BAD_FRAME": Row(_S.INVALID_ARGUMENT, 1003, False),
    "TEXT_TOO_LONG": Row(_S.RESOURCE_EXHAUSTED, 1009, False),
    "UNSUPPORTED_FORMAT": Row(_S.INVALID_ARGUMENT, 1003, False),
    "ENGINE_CRASHED": Row(_S.ABORTED, 1011, True),
    "ENGINE_FAILED": Row(_S.INTERNAL, 1011, False),
    "PAUSE_EXPIRED": Row(_S.FAILED_PRECONDITION, 1011, True),
    "TEXT_STARVED": Row(_S.DEADLINE_EXCEEDED, 1011, True),
    "DEGRADED": Row(_S.UNAVAILABLE, 1011, True),
    "TOO_FAST": Row(_S.RESOURCE_EXHAUSTED, 1008, False),
    "SLOW_CLIENT": Row(_S.RESOURCE_EXHAUSTED, 1008, False),
    "MESSAGE_INVALID": Row(_S.INVALID_ARGUMENT, 1007, False),
    "MESSAGE_TOO_LARGE": Row(_S.RESOURCE_EXHAUSTED, 1009, False),
    "BUSY": Row(_S.RESOURCE_EXHAUSTED, 1013, True),
    "NO_WORKER": Row(_S.UNAVAILABLE, 1013, True),
    "WORKER_LOST": Row(_S.UNAVAILABLE, 1011, True),
    "TIMEOUT": Row(_S.DEADLINE_EXCEEDED, 1011, True),
    "RESPONDER_FAILED": Row(_S.INTERNAL, 1011, True),
    "SESSION_LIMIT": Row(_S.RESOURCE_EXHAUSTED, 1000, False),
    "GOING_AWAY": Row(_S.UNAVAILABLE, 1001, True),
    "INTERNAL": Row(_S.INTERNAL, 1011, False),
}

_BY_STATUS: Final[Mapping[grpc.StatusCode, str]] = {  # a status without our details: a peer that is gone, or is not ours
    _S.UNAVAILABLE: "WORKER_LOST",
    _S.DEADLINE_EXCEEDED: "TIMEOUT",
    _S.CANCELLED: "WORKER_LOST",
    _S.RESOURCE_EXHAUSTED: "CAPACITY",
    _S.INVALID_ARGUMENT: "BAD_REQUEST",
}

_BROKEN_CALL: Final = "Internal error from Core"
"""What grpc.aio itself says, as INTERNAL, when a connection breaks while a message is being written or read."""


@dataclass(slots=True)
class ParleyError(Exception):
    """A failure with a name. `retry_after_ms` is a hint for retryable ones; `metadata` holds short strings for logs and clients."""

    reason: str
    message: str
    retry_after_ms: int | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.reason not in TABLE:
            raise ValueError(f"unknown error reason {self.reason!r}")
        Exception.__init__(self, self.reason, self.message)

    def __str__(self) -> str:
        return f"{self.reason}: {self.message}"

    @property
    def row(self) -> Row:
        return TABLE[self.reason]


def to_status(error: ParleyError) -> status_pb2.Status:
    """The google.rpc.Status of `error`: ErrorInfo always, RetryInfo where there is a hint."""
    details: list[any_pb2.Any] = []
    _pack(details, error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=dict(error.metadata)))
    if error.retry_after_ms is not None:
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(error.retry_after_ms)
        _pack(details, error_details_pb2.RetryInfo(retry_delay=delay))
    return status_pb2.Status(code=error.row.status.value[0], message=error.message, details=details)


async def abort(context: Any, error: ParleyError) -> NoReturn:
    """End an RPC with `error` (context: grpc.aio.ServicerContext)."""
    await context.abort_with_status(rpc_status.to_status(to_status(error)))
    raise AssertionError("abort_with_status returns never")


def from_rpc(error: grpc.aio.AioRpcError) -> ParleyError:
    """The ParleyError behind a failed RPC; a status that carries none of our details is mapped by its code."""
    status = rpc_status.from_call(error)  # type: ignore[arg-type]
    reason, retry, metadata = "", None, {}
    for detail in status.details if status is not None else ():
        info, delay = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        if detail.Unpack(info) and info.domain == DOMAIN and info.reason in TABLE:
            reason, metadata = info.reason, dict(info.metadata)
        elif detail.Unpack(delay):
            retry = delay.retry_delay.ToMilliseconds()
    code, text = error.code(), error.details() or ""
    if not reason:
        broken = text == _BROKEN_CALL
        reason = "WORKER_LOST" if broken else _BY_STATUS.get(code, "INTERNAL")
        text = f"{code.name}: {text}"
    return ParleyError(reason, text, retry, metadata)


def code_of(error: ParleyError) -> int:
    """The google.rpc.Code number for a Notice."""
    return int(code_pb2.Code.Value(error.row.status.name))


def reason_names() -> list[str]:
    """The contract's vocabulary, without prefix and without UNSPECIFIED."""
    return [name.removeprefix(_PREFIX) for name, number in Reason.items() if number != 0]


def _pack(details: list[any_pb2.Any], message: Any) -> None:
    packed = any_pb2.Any()
    packed.Pack(message)
    details.append(packed)
