"""Who this worker is, and how its calls fail: what both services of a front share.

`typed_errors` is the top of every RPC: a ParleyError becomes its status, anything else is logged with its traceback and becomes
INTERNAL. Nothing below it knows a status.
"""

from __future__ import annotations

import functools
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar

import grpc
import structlog

from parley.errors import ParleyError, abort

MAX_HEX: Final = 4
F = TypeVar("F", bound=Callable[..., Awaitable[Any]])

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Identity:
    """`worker_id` is a name that may be configured; `instance_id` is new with every process."""

    kind: Literal["stt", "tts"]
    worker_id: str
    instance_id: str

    @classmethod
    def make(cls, kind: Literal["stt", "tts"], worker_id: str = "") -> Identity:
        """A worker without a configured name is called after its kind, host and process."""
        own = f"{kind}-{socket.gethostname().split('.')[0]}-{os.getpid()}-{secrets.token_hex(MAX_HEX // 2)}"
        return cls(kind, worker_id or own, secrets.token_hex(8))


def typed_errors(rpc: F) -> F:
    """Wrap a servicer's method `rpc(self, request, context)`."""

    @functools.wraps(rpc)
    async def wrapped(self: Any, request: Any, context: Any) -> Any:
        try:
            return await rpc(self, request, context)
        except ParleyError as failure:
            error = failure
        except grpc.aio.AbortError:
            raise
        except Exception:  # the top of an RPC
            log.exception("rpc_failed", rpc=rpc.__name__)
            error = ParleyError("INTERNAL", f"{rpc.__name__} failed here; the worker's log says why")
        return await abort(context, error)

    return wrapped  # type: ignore[return-value]
