from google.protobuf import struct_pb2 as _struct_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ModelState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MODEL_STATE_UNSPECIFIED: _ClassVar[ModelState]
    MODEL_STATE_AVAILABLE: _ClassVar[ModelState]
    MODEL_STATE_LOADING: _ClassVar[ModelState]
    MODEL_STATE_WARMING: _ClassVar[ModelState]
    MODEL_STATE_READY: _ClassVar[ModelState]
    MODEL_STATE_DRAINING: _ClassVar[ModelState]
    MODEL_STATE_UNLOADING: _ClassVar[ModelState]
    MODEL_STATE_FAILED: _ClassVar[ModelState]
MODEL_STATE_UNSPECIFIED: ModelState
MODEL_STATE_AVAILABLE: ModelState
MODEL_STATE_LOADING: ModelState
MODEL_STATE_WARMING: ModelState
MODEL_STATE_READY: ModelState
MODEL_STATE_DRAINING: ModelState
MODEL_STATE_UNLOADING: ModelState
MODEL_STATE_FAILED: ModelState

class ModelInfo(_message.Message):
    __slots__ = ("model_id", "revision", "state", "state_reason", "languages", "voices", "native_sample_rate_hz", "features", "refs", "pinned", "vram_bytes", "max_sessions", "idle_ms", "ttl_ms", "load_ms", "rtf_p95")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STATE_REASON_FIELD_NUMBER: _ClassVar[int]
    LANGUAGES_FIELD_NUMBER: _ClassVar[int]
    VOICES_FIELD_NUMBER: _ClassVar[int]
    NATIVE_SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    REFS_FIELD_NUMBER: _ClassVar[int]
    PINNED_FIELD_NUMBER: _ClassVar[int]
    VRAM_BYTES_FIELD_NUMBER: _ClassVar[int]
    MAX_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    IDLE_MS_FIELD_NUMBER: _ClassVar[int]
    TTL_MS_FIELD_NUMBER: _ClassVar[int]
    LOAD_MS_FIELD_NUMBER: _ClassVar[int]
    RTF_P95_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    revision: str
    state: ModelState
    state_reason: str
    languages: _containers.RepeatedScalarFieldContainer[str]
    voices: _containers.RepeatedScalarFieldContainer[str]
    native_sample_rate_hz: int
    features: _containers.RepeatedScalarFieldContainer[str]
    refs: int
    pinned: bool
    vram_bytes: int
    max_sessions: int
    idle_ms: int
    ttl_ms: int
    load_ms: int
    rtf_p95: float
    def __init__(self, model_id: _Optional[str] = ..., revision: _Optional[str] = ..., state: _Optional[_Union[ModelState, str]] = ..., state_reason: _Optional[str] = ..., languages: _Optional[_Iterable[str]] = ..., voices: _Optional[_Iterable[str]] = ..., native_sample_rate_hz: _Optional[int] = ..., features: _Optional[_Iterable[str]] = ..., refs: _Optional[int] = ..., pinned: _Optional[bool] = ..., vram_bytes: _Optional[int] = ..., max_sessions: _Optional[int] = ..., idle_ms: _Optional[int] = ..., ttl_ms: _Optional[int] = ..., load_ms: _Optional[int] = ..., rtf_p95: _Optional[float] = ...) -> None: ...

class ListModelsRequest(_message.Message):
    __slots__ = ("ready_only",)
    READY_ONLY_FIELD_NUMBER: _ClassVar[int]
    ready_only: bool
    def __init__(self, ready_only: _Optional[bool] = ...) -> None: ...

class ListModelsResponse(_message.Message):
    __slots__ = ("models",)
    MODELS_FIELD_NUMBER: _ClassVar[int]
    models: _containers.RepeatedCompositeFieldContainer[ModelInfo]
    def __init__(self, models: _Optional[_Iterable[_Union[ModelInfo, _Mapping]]] = ...) -> None: ...

class LoadModelRequest(_message.Message):
    __slots__ = ("model_id", "revision", "options", "pin", "ttl_ms", "wait_ready", "allow_evict")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    PIN_FIELD_NUMBER: _ClassVar[int]
    TTL_MS_FIELD_NUMBER: _ClassVar[int]
    WAIT_READY_FIELD_NUMBER: _ClassVar[int]
    ALLOW_EVICT_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    revision: str
    options: _struct_pb2.Struct
    pin: bool
    ttl_ms: int
    wait_ready: bool
    allow_evict: bool
    def __init__(self, model_id: _Optional[str] = ..., revision: _Optional[str] = ..., options: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ..., pin: _Optional[bool] = ..., ttl_ms: _Optional[int] = ..., wait_ready: _Optional[bool] = ..., allow_evict: _Optional[bool] = ...) -> None: ...

class LoadModelResponse(_message.Message):
    __slots__ = ("model", "evicted")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EVICTED_FIELD_NUMBER: _ClassVar[int]
    model: ModelInfo
    evicted: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, model: _Optional[_Union[ModelInfo, _Mapping]] = ..., evicted: _Optional[_Iterable[str]] = ...) -> None: ...

class UnloadModelRequest(_message.Message):
    __slots__ = ("model_id", "revision", "force", "drain_ms")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    FORCE_FIELD_NUMBER: _ClassVar[int]
    DRAIN_MS_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    revision: str
    force: bool
    drain_ms: int
    def __init__(self, model_id: _Optional[str] = ..., revision: _Optional[str] = ..., force: _Optional[bool] = ..., drain_ms: _Optional[int] = ...) -> None: ...

class UnloadModelResponse(_message.Message):
    __slots__ = ("model", "sessions_left")
    MODEL_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_LEFT_FIELD_NUMBER: _ClassVar[int]
    model: ModelInfo
    sessions_left: int
    def __init__(self, model: _Optional[_Union[ModelInfo, _Mapping]] = ..., sessions_left: _Optional[int] = ...) -> None: ...

class GetCapabilitiesRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetCapabilitiesResponse(_message.Message):
    __slots__ = ("worker_id", "instance_id", "abi", "features", "max_sessions", "max_frames_per_message", "max_buffer_ms", "max_lead_ms", "max_text_bytes", "models", "device")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    ABI_FIELD_NUMBER: _ClassVar[int]
    FEATURES_FIELD_NUMBER: _ClassVar[int]
    MAX_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_FRAMES_PER_MESSAGE_FIELD_NUMBER: _ClassVar[int]
    MAX_BUFFER_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_LEAD_MS_FIELD_NUMBER: _ClassVar[int]
    MAX_TEXT_BYTES_FIELD_NUMBER: _ClassVar[int]
    MODELS_FIELD_NUMBER: _ClassVar[int]
    DEVICE_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    instance_id: str
    abi: str
    features: _containers.RepeatedScalarFieldContainer[str]
    max_sessions: int
    max_frames_per_message: int
    max_buffer_ms: int
    max_lead_ms: int
    max_text_bytes: int
    models: _containers.RepeatedCompositeFieldContainer[ModelInfo]
    device: str
    def __init__(self, worker_id: _Optional[str] = ..., instance_id: _Optional[str] = ..., abi: _Optional[str] = ..., features: _Optional[_Iterable[str]] = ..., max_sessions: _Optional[int] = ..., max_frames_per_message: _Optional[int] = ..., max_buffer_ms: _Optional[int] = ..., max_lead_ms: _Optional[int] = ..., max_text_bytes: _Optional[int] = ..., models: _Optional[_Iterable[_Union[ModelInfo, _Mapping]]] = ..., device: _Optional[str] = ...) -> None: ...

class WatchStatusRequest(_message.Message):
    __slots__ = ("min_interval_ms",)
    MIN_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    min_interval_ms: int
    def __init__(self, min_interval_ms: _Optional[int] = ...) -> None: ...

class WorkerStatus(_message.Message):
    __slots__ = ("worker_id", "instance_id", "status_seq", "draining", "sessions", "max_sessions", "ready_queue", "min_slack_ms", "gpu_busy", "vram_free_bytes", "ready_models", "loading_models", "step_ms_p95")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    STATUS_SEQ_FIELD_NUMBER: _ClassVar[int]
    DRAINING_FIELD_NUMBER: _ClassVar[int]
    SESSIONS_FIELD_NUMBER: _ClassVar[int]
    MAX_SESSIONS_FIELD_NUMBER: _ClassVar[int]
    READY_QUEUE_FIELD_NUMBER: _ClassVar[int]
    MIN_SLACK_MS_FIELD_NUMBER: _ClassVar[int]
    GPU_BUSY_FIELD_NUMBER: _ClassVar[int]
    VRAM_FREE_BYTES_FIELD_NUMBER: _ClassVar[int]
    READY_MODELS_FIELD_NUMBER: _ClassVar[int]
    LOADING_MODELS_FIELD_NUMBER: _ClassVar[int]
    STEP_MS_P95_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    instance_id: str
    status_seq: int
    draining: bool
    sessions: int
    max_sessions: int
    ready_queue: int
    min_slack_ms: int
    gpu_busy: float
    vram_free_bytes: int
    ready_models: _containers.RepeatedScalarFieldContainer[str]
    loading_models: _containers.RepeatedScalarFieldContainer[str]
    step_ms_p95: float
    def __init__(self, worker_id: _Optional[str] = ..., instance_id: _Optional[str] = ..., status_seq: _Optional[int] = ..., draining: _Optional[bool] = ..., sessions: _Optional[int] = ..., max_sessions: _Optional[int] = ..., ready_queue: _Optional[int] = ..., min_slack_ms: _Optional[int] = ..., gpu_busy: _Optional[float] = ..., vram_free_bytes: _Optional[int] = ..., ready_models: _Optional[_Iterable[str]] = ..., loading_models: _Optional[_Iterable[str]] = ..., step_ms_p95: _Optional[float] = ...) -> None: ...

class DrainRequest(_message.Message):
    __slots__ = ("deadline_ms",)
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    deadline_ms: int
    def __init__(self, deadline_ms: _Optional[int] = ...) -> None: ...

class DrainResponse(_message.Message):
    __slots__ = ("sessions_left",)
    SESSIONS_LEFT_FIELD_NUMBER: _ClassVar[int]
    sessions_left: int
    def __init__(self, sessions_left: _Optional[int] = ...) -> None: ...
