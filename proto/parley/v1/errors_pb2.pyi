from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from typing import ClassVar as _ClassVar

DESCRIPTOR: _descriptor.FileDescriptor

class ErrorReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    ERROR_REASON_UNSPECIFIED: _ClassVar[ErrorReason]
    ERROR_REASON_SESSION_UNKNOWN: _ClassVar[ErrorReason]
    ERROR_REASON_SESSION_EXISTS: _ClassVar[ErrorReason]
    ERROR_REASON_MODEL_UNKNOWN: _ClassVar[ErrorReason]
    ERROR_REASON_MODEL_NOT_READY: _ClassVar[ErrorReason]
    ERROR_REASON_CAPACITY: _ClassVar[ErrorReason]
    ERROR_REASON_VRAM: _ClassVar[ErrorReason]
    ERROR_REASON_DRAINING: _ClassVar[ErrorReason]
    ERROR_REASON_BAD_SEQUENCE: _ClassVar[ErrorReason]
    ERROR_REASON_BAD_REQUEST: _ClassVar[ErrorReason]
    ERROR_REASON_BAD_FRAME: _ClassVar[ErrorReason]
    ERROR_REASON_TEXT_TOO_LONG: _ClassVar[ErrorReason]
    ERROR_REASON_UNSUPPORTED_FORMAT: _ClassVar[ErrorReason]
    ERROR_REASON_ENGINE_CRASHED: _ClassVar[ErrorReason]
    ERROR_REASON_ENGINE_FAILED: _ClassVar[ErrorReason]
    ERROR_REASON_PAUSE_EXPIRED: _ClassVar[ErrorReason]
    ERROR_REASON_TEXT_STARVED: _ClassVar[ErrorReason]
    ERROR_REASON_DEGRADED: _ClassVar[ErrorReason]
    ERROR_REASON_TOO_FAST: _ClassVar[ErrorReason]
    ERROR_REASON_SLOW_CLIENT: _ClassVar[ErrorReason]
    ERROR_REASON_MESSAGE_INVALID: _ClassVar[ErrorReason]
    ERROR_REASON_MESSAGE_TOO_LARGE: _ClassVar[ErrorReason]
    ERROR_REASON_BUSY: _ClassVar[ErrorReason]
    ERROR_REASON_NO_WORKER: _ClassVar[ErrorReason]
    ERROR_REASON_WORKER_LOST: _ClassVar[ErrorReason]
    ERROR_REASON_TIMEOUT: _ClassVar[ErrorReason]
    ERROR_REASON_RESPONDER_FAILED: _ClassVar[ErrorReason]
    ERROR_REASON_SESSION_LIMIT: _ClassVar[ErrorReason]
    ERROR_REASON_GOING_AWAY: _ClassVar[ErrorReason]
    ERROR_REASON_INTERNAL: _ClassVar[ErrorReason]
ERROR_REASON_UNSPECIFIED: ErrorReason
ERROR_REASON_SESSION_UNKNOWN: ErrorReason
ERROR_REASON_SESSION_EXISTS: ErrorReason
ERROR_REASON_MODEL_UNKNOWN: ErrorReason
ERROR_REASON_MODEL_NOT_READY: ErrorReason
ERROR_REASON_CAPACITY: ErrorReason
ERROR_REASON_VRAM: ErrorReason
ERROR_REASON_DRAINING: ErrorReason
ERROR_REASON_BAD_SEQUENCE: ErrorReason
ERROR_REASON_BAD_REQUEST: ErrorReason
ERROR_REASON_BAD_FRAME: ErrorReason
ERROR_REASON_TEXT_TOO_LONG: ErrorReason
ERROR_REASON_UNSUPPORTED_FORMAT: ErrorReason
ERROR_REASON_ENGINE_CRASHED: ErrorReason
ERROR_REASON_ENGINE_FAILED: ErrorReason
ERROR_REASON_PAUSE_EXPIRED: ErrorReason
ERROR_REASON_TEXT_STARVED: ErrorReason
ERROR_REASON_DEGRADED: ErrorReason
ERROR_REASON_TOO_FAST: ErrorReason
ERROR_REASON_SLOW_CLIENT: ErrorReason
ERROR_REASON_MESSAGE_INVALID: ErrorReason
ERROR_REASON_MESSAGE_TOO_LARGE: ErrorReason
ERROR_REASON_BUSY: ErrorReason
ERROR_REASON_NO_WORKER: ErrorReason
ERROR_REASON_WORKER_LOST: ErrorReason
ERROR_REASON_TIMEOUT: ErrorReason
ERROR_REASON_RESPONDER_FAILED: ErrorReason
ERROR_REASON_SESSION_LIMIT: ErrorReason
ERROR_REASON_GOING_AWAY: ErrorReason
ERROR_REASON_INTERNAL: ErrorReason
