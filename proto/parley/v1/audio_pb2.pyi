from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SampleEncoding(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SAMPLE_ENCODING_UNSPECIFIED: _ClassVar[SampleEncoding]
    SAMPLE_ENCODING_S16LE: _ClassVar[SampleEncoding]
    SAMPLE_ENCODING_F32LE: _ClassVar[SampleEncoding]

class FrameFlag(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    FRAME_FLAG_UNSPECIFIED: _ClassVar[FrameFlag]
    FRAME_FLAG_UTTERANCE_END: _ClassVar[FrameFlag]
    FRAME_FLAG_DISCONTINUITY: _ClassVar[FrameFlag]
    FRAME_FLAG_SILENCE: _ClassVar[FrameFlag]
    FRAME_FLAG_PADDED: _ClassVar[FrameFlag]

class MarkKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    MARK_KIND_UNSPECIFIED: _ClassVar[MarkKind]
    MARK_KIND_SEGMENT: _ClassVar[MarkKind]
    MARK_KIND_WORD: _ClassVar[MarkKind]
    MARK_KIND_CHAR: _ClassVar[MarkKind]
    MARK_KIND_PHONEME: _ClassVar[MarkKind]
    MARK_KIND_NAMED: _ClassVar[MarkKind]

class ControlVerb(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CONTROL_VERB_UNSPECIFIED: _ClassVar[ControlVerb]
    CONTROL_VERB_PAUSE: _ClassVar[ControlVerb]
    CONTROL_VERB_RESUME: _ClassVar[ControlVerb]
    CONTROL_VERB_STOP: _ClassVar[ControlVerb]
    CONTROL_VERB_RELOAD: _ClassVar[ControlVerb]
    CONTROL_VERB_FINALIZE: _ClassVar[ControlVerb]

class PauseMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    PAUSE_MODE_UNSPECIFIED: _ClassVar[PauseMode]
    PAUSE_MODE_HOLD: _ClassVar[PauseMode]
    PAUSE_MODE_FREEZE: _ClassVar[PauseMode]

class SessionState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SESSION_STATE_UNSPECIFIED: _ClassVar[SessionState]
    SESSION_STATE_IDLE: _ClassVar[SessionState]
    SESSION_STATE_SPEAKING: _ClassVar[SessionState]
    SESSION_STATE_PAUSED: _ClassVar[SessionState]
    SESSION_STATE_DRAINING: _ClassVar[SessionState]
SAMPLE_ENCODING_UNSPECIFIED: SampleEncoding
SAMPLE_ENCODING_S16LE: SampleEncoding
SAMPLE_ENCODING_F32LE: SampleEncoding
FRAME_FLAG_UNSPECIFIED: FrameFlag
FRAME_FLAG_UTTERANCE_END: FrameFlag
FRAME_FLAG_DISCONTINUITY: FrameFlag
FRAME_FLAG_SILENCE: FrameFlag
FRAME_FLAG_PADDED: FrameFlag
MARK_KIND_UNSPECIFIED: MarkKind
MARK_KIND_SEGMENT: MarkKind
MARK_KIND_WORD: MarkKind
MARK_KIND_CHAR: MarkKind
MARK_KIND_PHONEME: MarkKind
MARK_KIND_NAMED: MarkKind
CONTROL_VERB_UNSPECIFIED: ControlVerb
CONTROL_VERB_PAUSE: ControlVerb
CONTROL_VERB_RESUME: ControlVerb
CONTROL_VERB_STOP: ControlVerb
CONTROL_VERB_RELOAD: ControlVerb
CONTROL_VERB_FINALIZE: ControlVerb
PAUSE_MODE_UNSPECIFIED: PauseMode
PAUSE_MODE_HOLD: PauseMode
PAUSE_MODE_FREEZE: PauseMode
SESSION_STATE_UNSPECIFIED: SessionState
SESSION_STATE_IDLE: SessionState
SESSION_STATE_SPEAKING: SessionState
SESSION_STATE_PAUSED: SessionState
SESSION_STATE_DRAINING: SessionState

class AudioFormat(_message.Message):
    __slots__ = ("encoding", "sample_rate_hz", "channels", "frame_samples")
    ENCODING_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_RATE_HZ_FIELD_NUMBER: _ClassVar[int]
    CHANNELS_FIELD_NUMBER: _ClassVar[int]
    FRAME_SAMPLES_FIELD_NUMBER: _ClassVar[int]
    encoding: SampleEncoding
    sample_rate_hz: int
    channels: int
    frame_samples: int
    def __init__(self, encoding: _Optional[_Union[SampleEncoding, str]] = ..., sample_rate_hz: _Optional[int] = ..., channels: _Optional[int] = ..., frame_samples: _Optional[int] = ...) -> None: ...

class AudioFrame(_message.Message):
    __slots__ = ("session_id", "seq", "pts", "pcm", "frame_count", "epoch", "utterance_id", "flags", "capture_unix_us", "marks", "event", "control")
    SESSION_ID_FIELD_NUMBER: _ClassVar[int]
    SEQ_FIELD_NUMBER: _ClassVar[int]
    PTS_FIELD_NUMBER: _ClassVar[int]
    PCM_FIELD_NUMBER: _ClassVar[int]
    FRAME_COUNT_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    FLAGS_FIELD_NUMBER: _ClassVar[int]
    CAPTURE_UNIX_US_FIELD_NUMBER: _ClassVar[int]
    MARKS_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    CONTROL_FIELD_NUMBER: _ClassVar[int]
    session_id: str
    seq: int
    pts: int
    pcm: bytes
    frame_count: int
    epoch: int
    utterance_id: int
    flags: int
    capture_unix_us: int
    marks: _containers.RepeatedCompositeFieldContainer[Mark]
    event: TtsEvent
    control: Control
    def __init__(self, session_id: _Optional[str] = ..., seq: _Optional[int] = ..., pts: _Optional[int] = ..., pcm: _Optional[bytes] = ..., frame_count: _Optional[int] = ..., epoch: _Optional[int] = ..., utterance_id: _Optional[int] = ..., flags: _Optional[int] = ..., capture_unix_us: _Optional[int] = ..., marks: _Optional[_Iterable[_Union[Mark, _Mapping]]] = ..., event: _Optional[_Union[TtsEvent, _Mapping]] = ..., control: _Optional[_Union[Control, _Mapping]] = ...) -> None: ...

class Mark(_message.Message):
    __slots__ = ("utterance_id", "kind", "char_begin", "char_end", "pts_begin", "pts_end", "estimated", "label")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CHAR_BEGIN_FIELD_NUMBER: _ClassVar[int]
    CHAR_END_FIELD_NUMBER: _ClassVar[int]
    PTS_BEGIN_FIELD_NUMBER: _ClassVar[int]
    PTS_END_FIELD_NUMBER: _ClassVar[int]
    ESTIMATED_FIELD_NUMBER: _ClassVar[int]
    LABEL_FIELD_NUMBER: _ClassVar[int]
    utterance_id: int
    kind: MarkKind
    char_begin: int
    char_end: int
    pts_begin: int
    pts_end: int
    estimated: bool
    label: str
    def __init__(self, utterance_id: _Optional[int] = ..., kind: _Optional[_Union[MarkKind, str]] = ..., char_begin: _Optional[int] = ..., char_end: _Optional[int] = ..., pts_begin: _Optional[int] = ..., pts_end: _Optional[int] = ..., estimated: _Optional[bool] = ..., label: _Optional[str] = ...) -> None: ...

class Control(_message.Message):
    __slots__ = ("control_id", "verb", "through_epoch", "pause_mode", "max_pause_ms", "sent_unix_us")
    CONTROL_ID_FIELD_NUMBER: _ClassVar[int]
    VERB_FIELD_NUMBER: _ClassVar[int]
    THROUGH_EPOCH_FIELD_NUMBER: _ClassVar[int]
    PAUSE_MODE_FIELD_NUMBER: _ClassVar[int]
    MAX_PAUSE_MS_FIELD_NUMBER: _ClassVar[int]
    SENT_UNIX_US_FIELD_NUMBER: _ClassVar[int]
    control_id: int
    verb: ControlVerb
    through_epoch: int
    pause_mode: PauseMode
    max_pause_ms: int
    sent_unix_us: int
    def __init__(self, control_id: _Optional[int] = ..., verb: _Optional[_Union[ControlVerb, str]] = ..., through_epoch: _Optional[int] = ..., pause_mode: _Optional[_Union[PauseMode, str]] = ..., max_pause_ms: _Optional[int] = ..., sent_unix_us: _Optional[int] = ...) -> None: ...

class ControlAck(_message.Message):
    __slots__ = ("control_id", "verb", "applied", "state", "epoch", "utterance_id", "last_seq", "last_pts_end", "last_char_end", "generated_pts_end", "buffered_ms", "resumable", "applied_us", "model_revision")
    CONTROL_ID_FIELD_NUMBER: _ClassVar[int]
    VERB_FIELD_NUMBER: _ClassVar[int]
    APPLIED_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    LAST_PTS_END_FIELD_NUMBER: _ClassVar[int]
    LAST_CHAR_END_FIELD_NUMBER: _ClassVar[int]
    GENERATED_PTS_END_FIELD_NUMBER: _ClassVar[int]
    BUFFERED_MS_FIELD_NUMBER: _ClassVar[int]
    RESUMABLE_FIELD_NUMBER: _ClassVar[int]
    APPLIED_US_FIELD_NUMBER: _ClassVar[int]
    MODEL_REVISION_FIELD_NUMBER: _ClassVar[int]
    control_id: int
    verb: ControlVerb
    applied: bool
    state: SessionState
    epoch: int
    utterance_id: int
    last_seq: int
    last_pts_end: int
    last_char_end: int
    generated_pts_end: int
    buffered_ms: int
    resumable: bool
    applied_us: int
    model_revision: str
    def __init__(self, control_id: _Optional[int] = ..., verb: _Optional[_Union[ControlVerb, str]] = ..., applied: _Optional[bool] = ..., state: _Optional[_Union[SessionState, str]] = ..., epoch: _Optional[int] = ..., utterance_id: _Optional[int] = ..., last_seq: _Optional[int] = ..., last_pts_end: _Optional[int] = ..., last_char_end: _Optional[int] = ..., generated_pts_end: _Optional[int] = ..., buffered_ms: _Optional[int] = ..., resumable: _Optional[bool] = ..., applied_us: _Optional[int] = ..., model_revision: _Optional[str] = ...) -> None: ...

class Flow(_message.Message):
    __slots__ = ("played_seq", "allow_through_seq", "epoch")
    PLAYED_SEQ_FIELD_NUMBER: _ClassVar[int]
    ALLOW_THROUGH_SEQ_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    played_seq: int
    allow_through_seq: int
    epoch: int
    def __init__(self, played_seq: _Optional[int] = ..., allow_through_seq: _Optional[int] = ..., epoch: _Optional[int] = ...) -> None: ...

class UtteranceStarted(_message.Message):
    __slots__ = ("utterance_id", "first_seq", "queue_us", "first_audio_us")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    FIRST_SEQ_FIELD_NUMBER: _ClassVar[int]
    QUEUE_US_FIELD_NUMBER: _ClassVar[int]
    FIRST_AUDIO_US_FIELD_NUMBER: _ClassVar[int]
    utterance_id: int
    first_seq: int
    queue_us: int
    first_audio_us: int
    def __init__(self, utterance_id: _Optional[int] = ..., first_seq: _Optional[int] = ..., queue_us: _Optional[int] = ..., first_audio_us: _Optional[int] = ...) -> None: ...

class UtteranceDone(_message.Message):
    __slots__ = ("utterance_id", "last_seq", "pts_end", "char_end", "gpu_us")
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    LAST_SEQ_FIELD_NUMBER: _ClassVar[int]
    PTS_END_FIELD_NUMBER: _ClassVar[int]
    CHAR_END_FIELD_NUMBER: _ClassVar[int]
    GPU_US_FIELD_NUMBER: _ClassVar[int]
    utterance_id: int
    last_seq: int
    pts_end: int
    char_end: int
    gpu_us: int
    def __init__(self, utterance_id: _Optional[int] = ..., last_seq: _Optional[int] = ..., pts_end: _Optional[int] = ..., char_end: _Optional[int] = ..., gpu_us: _Optional[int] = ...) -> None: ...

class Underrun(_message.Message):
    __slots__ = ("seq", "late_ms")
    SEQ_FIELD_NUMBER: _ClassVar[int]
    LATE_MS_FIELD_NUMBER: _ClassVar[int]
    seq: int
    late_ms: int
    def __init__(self, seq: _Optional[int] = ..., late_ms: _Optional[int] = ...) -> None: ...

class Notice(_message.Message):
    __slots__ = ("code", "reason", "message", "retryable", "utterance_id")
    CODE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    MESSAGE_FIELD_NUMBER: _ClassVar[int]
    RETRYABLE_FIELD_NUMBER: _ClassVar[int]
    UTTERANCE_ID_FIELD_NUMBER: _ClassVar[int]
    code: int
    reason: str
    message: str
    retryable: bool
    utterance_id: int
    def __init__(self, code: _Optional[int] = ..., reason: _Optional[str] = ..., message: _Optional[str] = ..., retryable: _Optional[bool] = ..., utterance_id: _Optional[int] = ...) -> None: ...

class GoingAway(_message.Message):
    __slots__ = ("deadline_ms", "reason")
    DEADLINE_MS_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    deadline_ms: int
    reason: str
    def __init__(self, deadline_ms: _Optional[int] = ..., reason: _Optional[str] = ...) -> None: ...

class TtsEvent(_message.Message):
    __slots__ = ("ack", "started", "done", "underrun", "notice", "going_away")
    ACK_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    UNDERRUN_FIELD_NUMBER: _ClassVar[int]
    NOTICE_FIELD_NUMBER: _ClassVar[int]
    GOING_AWAY_FIELD_NUMBER: _ClassVar[int]
    ack: ControlAck
    started: UtteranceStarted
    done: UtteranceDone
    underrun: Underrun
    notice: Notice
    going_away: GoingAway
    def __init__(self, ack: _Optional[_Union[ControlAck, _Mapping]] = ..., started: _Optional[_Union[UtteranceStarted, _Mapping]] = ..., done: _Optional[_Union[UtteranceDone, _Mapping]] = ..., underrun: _Optional[_Union[Underrun, _Mapping]] = ..., notice: _Optional[_Union[Notice, _Mapping]] = ..., going_away: _Optional[_Union[GoingAway, _Mapping]] = ...) -> None: ...
