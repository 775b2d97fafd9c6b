from google.protobuf import struct_pb2 as _struct_pb2
from parley.v1 import audio_pb2 as _audio_pb2
from parley.v1 import model_pb2 as _model_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EndKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    END_KIND_UNSPECIFIED: _ClassVar[EndKind]
    END_KIND_ACOUSTIC: _ClassVar[EndKind]
    END_KIND_SEMANTIC: _ClassVar[EndKind]
    END_KIND_FORCED: _ClassVar[EndKind]
END_KIND_UNSPECIFIED: EndKind
END_KIND_ACOUSTIC: EndKind
END_KIND_SEMANTIC: EndKind
END_KIND_FORCED: EndKind

class SttConfig(_message.Message):
    __slots__ = ("model_id", "revision", "languages", "input", "interim", "word_times", "interim_min_interval_ms", "hotwords", "endpointing", "options")
    MODEL_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    LANGUAGES_FIELD_NUMBER: _ClassVar[int]
    INPUT_FIELD_NUMBER: _ClassVar[int]
    INTERIM_FIELD_NUMBER: _ClassVar[int]
    WORD_TIMES_FIELD_NUMBER: _ClassVar[int]
    INTERIM_MIN_INTERVAL_MS_FIELD_NUMBER: _ClassVar[int]
    HOTWORDS_FIELD_NUMBER: _ClassVar[int]
    ENDPOINTING_FIELD_NUMBER: _ClassVar[int]
    OPTIONS_FIELD_NUMBER: _ClassVar[int]
    model_id: str
    revision: str
    languages: _containers.RepeatedScalarFieldContainer[str]
    input: _audio_pb2.AudioFormat
    interim: bool
    word_times: bool
    interim_min_interval_ms: int
    hotwords: _containers.RepeatedScalarFieldContainer[str]
    endpointing: Endpointing
    options: _struct_pb2.Struct
    def __init__(self, model_id: _Optional[str] = ..., revision: _Optional[str] = ..., languages: _Optional[_Iterable[str]] = ..., input: _Optional[_Union[_audio_pb2.AudioFormat, _Mapping]] = ..., interim: _Optional[bool] = ..., word_times: _Optional[bool] = ..., interim_min_interval_ms: _Optional[int] = ..., hotwords: _Optional[_Iterable[str]] = ..., endpointing: _Optional[_Union[Endpointing, _Mapping]] = ..., options: _Optional[_Union[_struct_pb2.Struct, _Mapping]] = ...) -> None: ...

class Endpointing(_message.Message):
    __slots__ = ("silence_ms", "eager_threshold", "final_threshold", "disabled")
    SILENCE_MS_FIELD_NUMBER: _ClassVar[int]
    EAGER_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    FINAL_THRESHOLD_FIELD_NUMBER: _ClassVar[int]
    DISABLED_FIELD_NUMBER: _ClassVar[int]
    silence_ms: int
    eager_threshold: float
    final_threshold: float
    disabled: bool
    def __init__(self, silence_ms: _Optional[int] = ..., eager_threshold: _Optional[float] = ..., final_threshold: _Optional[float] = ..., disabled: _Optional[bool] = ...) -> None: ...

class SttStartSessionRequest(_message.Message):
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
    config: SttConfig
    idle_ttl_ms: int
    allow_load: bool
    def __init__(self, session_id: _Optional[str] = ..., tenant: _Optional[str] = ..., priority: _Optional[int] = ..., config: _Optional[_Union[SttConfig, _Mapping]] = ..., idle_ttl_ms: _Optional[int] = ..., allow_load: _Optional[bool] = ...) -> None: ...

class SttStartSessionResponse(_message.Message):
    __slots__ = ("worker_id", "instance_id", "model", "effective")
    WORKER_ID_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_ID_FIELD_NUMBER: _ClassVar[int]
    MODEL_FIELD_NUMBER: _ClassVar[int]
    EFFECTIVE_FIELD_NUMBER: _ClassVar[int]
    worker_id: str
    instance_id: str
    model: _model_pb2.ModelInfo
    effective: SttConfig
    def __init__(self, worker_id: _Optional[str] = ..., instance_id: _Optional[str] = ..., model: _Optional[_Union[_model_pb2.ModelInfo, _Mapping]] = ..., effective: _Optional[_Union[SttConfig, _Mapping]] = ...) -> None: ...

class SttEndSessionRequest(_message.Message):
    __slots__ = ("session_id",)
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    def __init__(self, session_id: _Optional[str] = ...) -> None: ...

class SttEndSessionResponse(_message.Message):
    __slots__ = ("frames", "gpu_us")
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    GPU_US_FIELD_NUMBER: _ClassVar[int]
    frames: int
    gpu_us: int
    def __init__(self, frames: _Optional[int] = ..., gpu_us: _Optional[int] = ...) -> None: ...

class Word(_message.Message):
    __slots__ = ("text", "pts_begin", "pts_end", "confidence", "stable", "speaker")
    TEXT_FIELD_NUMBER: _ClassVar[int]
    PTS_BEGIN_FIELD_NUMBER: _ClassVar[int]
    PTS_END_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    STABLE_FIELD_NUMBER: _ClassVar[int]
    SPEAKER_FIELD_NUMBER: _ClassVar[int]
    text: str
    pts_begin: int
    pts_end: int
    confidence: float
    stable: bool
    speaker: str
    def __init__(self, text: _Optional[str] = ..., pts_begin: _Optional[int] = ..., pts_end: _Optional[int] = ..., confidence: _Optional[float] = ..., stable: _Optional[bool] = ..., speaker: _Optional[str] = ...) -> None: ...

class Hypothesis(_message.Message):
    __slots__ = ("segment_id", "revision", "final", "text", "stable_chars", "stability", "confidence", "words", "language", "language_confidence", "pts_begin", "pts_end")
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    REVISION_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    TEXT_FIELD_NUMBER: _ClassVar[int]
    STABLE_CHARS_FIELD_NUMBER: _ClassVar[int]
    STABILITY_FIELD_NUMBER: _ClassVar[int]
    CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    WORDS_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_FIELD_NUMBER: _ClassVar[int]
    LANGUAGE_CONFIDENCE_FIELD_NUMBER: _ClassVar[int]
    PTS_BEGIN_FIELD_NUMBER: _ClassVar[int]
    PTS_END_FIELD_NUMBER: _ClassVar[int]
    segment_id: int
    revision: int
    final: bool
    text: str
    stable_chars: int
    stability: float
    confidence: float
    words: _containers.RepeatedCompositeFieldContainer[Word]
    language: str
    language_confidence: float
    pts_begin: int
    pts_end: int
    def __init__(self, segment_id: _Optional[int] = ..., revision: _Optional[int] = ..., final: _Optional[bool] = ..., text: _Optional[str] = ..., stable_chars: _Optional[int] = ..., stability: _Optional[float] = ..., confidence: _Optional[float] = ..., words: _Optional[_Iterable[_Union[Word, _Mapping]]] = ..., language: _Optional[str] = ..., language_confidence: _Optional[float] = ..., pts_begin: _Optional[int] = ..., pts_end: _Optional[int] = ...) -> None: ...

class SpeechBegin(_message.Message):
    __slots__ = ("pts", "probability")
    PTS_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    pts: int
    probability: float
    def __init__(self, pts: _Optional[int] = ..., probability: _Optional[float] = ...) -> None: ...

class SpeechEnd(_message.Message):
    __slots__ = ("pts",)
    PTS_FIELD_NUMBER: _ClassVar[int]
    pts: int
    def __init__(self, pts: _Optional[int] = ...) -> None: ...

class EndOfUtterance(_message.Message):
    __slots__ = ("pts", "probability", "kind", "eager", "segment_id")
    PTS_FIELD_NUMBER: _ClassVar[int]
    PROBABILITY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    EAGER_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    pts: int
    probability: float
    kind: EndKind
    eager: bool
    segment_id: int
    def __init__(self, pts: _Optional[int] = ..., probability: _Optional[float] = ..., kind: _Optional[_Union[EndKind, str]] = ..., eager: _Optional[bool] = ..., segment_id: _Optional[int] = ...) -> None: ...

class UtteranceResumed(_message.Message):
    __slots__ = ("pts", "segment_id")
    PTS_FIELD_NUMBER: _ClassVar[int]
    SEGMENT_ID_FIELD_NUMBER: _ClassVar[int]
    pts: int
    segment_id: int
    def __init__(self, pts: _Optional[int] = ..., segment_id: _Optional[int] = ...) -> None: ...

class TranscriptEvent(_message.Message):
    __slots__ = ("session_id", "event_seq", "pts_processed", "hypothesis", "speech_begin", "speech_end", "end_of_utterance", "resumed", "ack", "notice", "going_away")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    EVENT_SEQ_FIELD_NUMBER: _ClassVar[int]
    PTS_PROCESSED_FIELD_NUMBER: _ClassVar[int]
    HYPOTHESIS_FIELD_NUMBER: _ClassVar[int]
    SPEECH_BEGIN_FIELD_NUMBER: _ClassVar[int]
    SPEECH_END_FIELD_NUMBER: _ClassVar[int]
    END_OF_UTTERANCE_FIELD_NUMBER: _ClassVar[int]
    RESUMED_FIELD_NUMBER: _ClassVar[int]
    ACK_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    GOING_AWAY_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    event_seq: int
    pts_processed: int
    hypothesis: Hypothesis
    speech_begin: SpeechBegin
    speech_end: SpeechEnd
    end_of_utterance: EndOfUtterance
    resumed: UtteranceResumed
    ack: _audio_pb2.ControlAck
    notice: _audio_pb2.Notice
    going_away: _audio_pb2.GoingAway
    def __init__(self, session_id: _Optional[str] = ..., event_seq: _Optional[int] = ..., pts_processed: _Optional[int] = ..., hypothesis: _Optional[_Union[Hypothesis, _Mapping]] = ..., speech_begin: _Optional[_Union[SpeechBegin, _Mapping]] = ..., speech_end: _Optional[_Union[SpeechEnd, _Mapping]] = ..., end_of_utterance: _Optional[_Union[EndOfUtterance, _Mapping]] = ..., resumed: _Optional[_Union[UtteranceResumed, _Mapping]] = ..., ack: _Optional[_Union[_audio_pb2.ControlAck, _Mapping]] = ..., notice: _Optional[_Union[_audio_pb2.Notice, _Mapping]] = ..., going_away: _Optional[_Union[_audio_pb2.GoingAway, _Mapping]] = ...) -> None: ...

class SttControlRequest(_message.Message):
    __slots__ = ("session_id", "control")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    control: _audio_pb2.Control
    def __init__(self, session_id: _Optional[str] = ..., control: _Optional[_Union[_audio_pb2.Control, _Mapping]] = ...) -> None: ...

class SttControlResponse(_message.Message):
    __slots__ = ("ack",)
    ACK_FIELD_NUMBER: _ClassVar[int]
    ack: _audio_pb2.ControlAck
    def __init__(self, ack: _Optional[_Union[_audio_pb2.ControlAck, _Mapping]] = ...) -> None: ...
