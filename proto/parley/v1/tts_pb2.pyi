from google.protobuf import struct_pb2 as _struct_pb2
from parley.v1 import audio_pb2 as _audio_pb2
from parley.v1 import model_pb2 as _model_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Pacing(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PACING_UNSPECIFIED: _ClassVar[Pacing]
    PACING_LEAD: _ClassVar[Pacing]
    PACING_CREDIT: _ClassVar[Pacing]
    PACING_UNPACED: _ClassVar[Pacing]
PACING_UNSPECIFIED: Pacing
PACING_LEAD: Pacing
PACING_CREDIT: Pacing
PACING_UNPACED: Pacing

class TtsConfig(_message.Message):
    __slots__ = ("model_id", "revision", "voice", "language", "output", "speed", "options", "pacing", "lead_ms", "buffer_ms", "max_frames_per_message", "marks", "max_text_wait_ms")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    VOICE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    OUTPUT_FIELD_NUMBER: _ClassVar[int]
    SPEED_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PACING_FIELD_NUMBER: _ClassVar[int]
    LEAD_MS_FIELD_NUMBER: _ClassVar[int]
    BUFFER_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_FRAMES_PER_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MARKS_FIELD_NUMBER: _ClassVar[int]
    MAX_TEXT_WAIT_MS_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    revision: str
    voice: str
    language: str
    output: _audio_pb2.AudioFormat
    speed: float
    options: _struct_pb2.Struct
    pacing: Pacing
    lead_ms: int
    buffer_ms: int
    max_frames_per_message: int
    marks: _audio_pb2.MarkKind
    max_text_wait_ms: int
    def __init__(self, model_id: _Optional[str] = ..., revision: _Optional[str] = ..., voice: _Optional[str] = ..., language: _Optional[str] = ..., output: _Optional[_Union[_audio_pb2.AudioFormat, _Mapping]] = ..., speed: _Optional[float] = ..., options: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., pacing: _Optional[_Union[Pacing, str]] = ..., lead_ms: _Optional[int] = ..., buffer_ms: _Optional[int] = ..., max_frames_per_message: _Optional[int] = ..., marks: _Optional[_Union[_audio_pb2.MarkKind, str]] = ..., max_text_wait_ms: _Optional[int] = ...) -> None: ...

class StartSessionRequest(_message.Message):
    __slots__ = ("session_id", "tenant", "priority", "config", "idle_ttl_ms", "allow_load")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    TENANT_FIELD_NUMBER: _ClassVar[int]
    PRIORITY_FIELD_NUMBER: _ClassVar[int]
    CONFIG_FIELD_NUMBER: _ClassVar[int]
    IDLE_TTL_MS_FIELD_NUMBER: _ClassVar[int]
    ALLOW_LOAD_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    tenant: str
    priority: int
    config: TtsConfig
    idle_ttl_ms: int
    allow_load: bool
    def __init__(self, session_id: _Optional[str] = ..., tenant: _Optional[str] = ..., priority: _Optional[int] = ..., config: _Optional[_Union[TtsConfig, _Mapping]] = ..., idle_ttl_ms: _Optional[int] = ..., allow_load: _Optional[bool] = ...) -> None: ...

class StartSessionResponse(_message.Message):
    __slots__ = ("worker_id", "instance_id", "model", "effective", "expected_first_audio_ms")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FIELD_NUMBER: _ClassVar[int]
    EXPECTED_FIRST_AUDIO_MS_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    instance_id: str
    model: _model_pb2.ModelInfo
    effective: TtsConfig
    expected_first_audio_ms: int
    def __init__(self, worker_id: _Optional[str] = ..., instance_id: _Optional[str] = ..., model: _Optional[_Union[_model_pb2.ModelInfo, _Mapping]] = ..., effective: _Optional[_Union[TtsConfig, _Mapping]] = ..., expected_first_audio_ms: _Optional[int] = ...) -> None: ...

class EndSessionRequest(_message.Message):
    __slots__ = ("session_id", "drain")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    DRAIN_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    drain: bool
    def __init__(self, session_id: _Optional[str] = ..., drain: _Optional[bool] = ...) -> None: ...

class EndSessionResponse(_message.Message):
    __slots__ = ("frames_emitted", "underruns", "gpu_us")
    FRAMES_EMITTED_FIELD_NUMBER: _ClassVar[int]
    UNDERRUNS_FIELD_NUMBER: _ClassVar[int]
    GPU_US_FIELD_NUMBER: _ClassVar[int]
    frames_emitted: int
    underruns: int
    gpu_us: int
    def __init__(self, frames_emitted: _Optional[int] = ..., underruns: _Optional[int] = ..., gpu_us: _Optional[int] = ...) -> None: ...

class TextChunk(_message.Message):
    __slots__ = ("session_id", "utterance_id", "epoch", "text", "flush", "end_of_utterance", "char_begin", "control", "flow", "style")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    FLUSH_FIELD_NUMBER: _ClassVar[int]
    END_OF_UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    CHAR_BEGIN_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    FLOW_FIELD_NUMBER: _ClassVar[int]
    STYLE_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    utterance_id: int
    epoch: int
    text: str
    flush: bool
    end_of_utterance: bool
    char_begin: int
    control: _audio_pb2.Control
    flow: _audio_pb2.Flow
    style: _struct_pb2.Struct
    def __init__(self, session_id: _Optional[str] = ..., utterance_id: _Optional[int] = ..., epoch: _Optional[int] = ..., text: _Optional[str] = ..., flush: _Optional[bool] = ..., end_of_utterance: _Optional[bool] = ..., char_begin: _Optional[int] = ..., control: _Optional[_Union[_audio_pb2.Control, _Mapping]] = ..., flow: _Optional[_Union[_audio_pb2.Flow, _Mapping]] = ..., style: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class ControlRequest(_message.Message):
    __slots__ = ("session_id", "control")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    control: _audio_pb2.Control
    def __init__(self, session_id: _Optional[str] = ..., control: _Optional[_Union[_audio_pb2.Control, _Mapping]] = ...) -> None: ...

class ControlResponse(_message.Message):
    __slots__ = ("ack",)
    ACK_FIELD_NUMBER: _ClassVar[int]
    ack: _audio_pb2.ControlAck
    def __init__(self, ack: _Optional[_Union[_audio_pb2.ControlAck, _Mapping]] = ...) -> None: ...
