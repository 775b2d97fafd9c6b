"""The conversation's messages on `/v1/session`: JSON text messages as pydantic models. `docs/protocol.md` is checked against them.

Binary messages are audio and nothing else: whole 20 ms frames, mono s16le, at the session's input or output rate.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

RateHz = Literal[8000, 16000, 24000, 48000]
PublicState = Literal["IDLE", "LISTENING", "WAITING_FOR_INPUT", "SPEAKING", "BARGED_IN", "TERMINATED"]


class Message(BaseModel):
    """Any message; `type` says which."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)


# ---------- client to server ----------


class Configure(Message):
    """Set what the defaults do not fit; only what is named changes. Answered by `configured`."""

    type: Literal["configure"] = "configure"
    input_rate_hz: RateHz | None = None
    """Sample rate of the client's binary messages, from the next one on."""
    output_rate_hz: RateHz | None = None
    """Sample rate of the server's binary messages, from the next utterance on."""
    voice: Annotated[str, Field(max_length=200)] | None = None
    """A voice of the TTS model, from the next utterance on."""
    language: Annotated[str, Field(max_length=35)] | None = None
    """BCP-47 tag of the conversation."""
    speed: Annotated[float, Field(ge=0.5, le=2.0)] | None = None
    """Speaking rate, 1.0 is the voice's own."""
    prompt: Annotated[str, Field(max_length=8000)] | None = None
    """An instruction for the responder (a language model's system prompt)."""


class Audio(Message):
    """A whole recording, answered as a whole.

    `transcription`, for `converse` also `response_text` and `speech_response`, then `conversation_complete`.
    """

    type: Literal["audio"] = "audio"
    audio_data: Annotated[str, Field(min_length=1)]
    """Base64 of a WAV, FLAC or Ogg file, or of raw mono s16le PCM when `sample_rate_hz` is given."""
    mode: Literal["converse", "transcribe"] = "converse"
    """`transcribe`: the transcript is the answer. `converse`: it is answered in text and speech, and both become history."""
    prompt: Annotated[str, Field(max_length=8000)] | None = None
    """An instruction for the responder, for this recording alone."""
    sample_rate_hz: Annotated[int, Field(ge=8000, le=192000)] | None = None
    """Rate of raw PCM."""


class Text(Message):
    """Typed words: a whole turn, answered like a spoken one."""

    type: Literal["text"] = "text"
    text: Annotated[str, Field(min_length=1, max_length=8000)]
    """What the user says."""


class Interrupt(Message):
    """Stop talking: what barge-in does, by a button."""

    type: Literal["interrupt"] = "interrupt"


class Playback(Message):
    """How far the client has really played an utterance; absolute, so repeats do no harm. Without it the server assumes what it sent."""

    type: Literal["playback"] = "playback"
    utterance_id: Annotated[int, Field(ge=1)]
    """The utterance that is playing."""
    played_ms: Annotated[float, Field(ge=0)]
    """Milliseconds of it that have left the loudspeaker."""


class Ping(Message):
    """Answered by `pong`."""

    type: Literal["ping"] = "ping"
    nonce: Annotated[str, Field(max_length=100)] = ""
    """Comes back in the pong."""


class End(Message):
    """Goodbye: the session ends and the connection is closed with 1000."""

    type: Literal["end"] = "end"


ClientMessage = Annotated[Configure | Audio | Text | Interrupt | Playback | Ping | End, Field(discriminator="type")]
CLIENT_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)


# ---------- server to client ----------


class Connection(Message):
    """The first message: the session has begun, or goes on."""

    type: Literal["connection"] = "connection"
    status: Literal["connected"] = "connected"
    session_id: str
    """Names the session in logs and metrics."""
    resume_token: str = ""
    """Comes back to this session over another connection, if this one breaks. It is good once; empty: there is no coming back."""
    resumed: bool = False
    """This is the session of before, with its history, its numbers and its settings."""
    protocol: Literal["parley.v1"] = "parley.v1"
    input_rate_hz: RateHz = 48000
    """Rate in which the client's audio is expected."""
    output_rate_hz: RateHz = 48000
    """Rate in which audio will come."""
    frame_ms: Literal[20] = 20
    """Length of a frame."""


class Configured(Message):
    """What is in force now, after a `configure`."""

    type: Literal["configured"] = "configured"
    input_rate_hz: RateHz
    output_rate_hz: RateHz
    voice: str
    language: str
    speed: float


class State(Message):
    """The session's state, whenever it changes."""

    type: Literal["state"] = "state"
    state: PublicState
    thinking: bool = False
    """LISTENING only: the turn has ended and an answer is being made."""
    reason: str = ""
    """Why, in one word: `connected`, `speech`, `turn_end`, `first_audio`, `played`, `barge_in`, `client_left`, ..."""


class Transcription(Message):
    """What the user says or said."""

    type: Literal["transcription"] = "transcription"
    turn_id: int
    """Numbers the user's turns from 1."""
    text: str
    """The whole turn so far, not a difference."""
    final: bool
    """False: a partial, which may still change."""


class ResponseText(Message):
    """What the agent is about to say, as it is generated."""

    type: Literal["response_text"] = "response_text"
    turn_id: int
    utterance_id: int
    text: str
    """The next piece; the pieces joined are the utterance's text."""
    final: bool
    """True on the last message of the utterance, whose piece may be empty."""


class UtteranceStarted(Message):
    """The next binary message is the first frame of this utterance."""

    type: Literal["utterance_started"] = "utterance_started"
    turn_id: int
    utterance_id: int


class Mark(Message):
    """The frame that follows begins to speak these characters of the utterance's text."""

    type: Literal["mark"] = "mark"
    utterance_id: int
    char_begin: int
    """Unicode code points into the utterance's text."""
    char_end: int
    at_ms: float
    """Where in the utterance's audio, from its start."""
    estimated: bool = False
    """The engine has no alignment of its own; the place is interpolated."""


class Pause(Message):
    """Play nothing, now, and keep what was received: the user makes a sound. `resume` or `flush` follows within a second."""

    type: Literal["pause"] = "pause"
    utterance_id: int


class Resume(Message):
    """It was no interruption: play on with the very next sample."""

    type: Literal["resume"] = "resume"
    utterance_id: int


class Verdict(Message):
    """What the user's sound over the agent's speech was taken for."""

    type: Literal["verdict"] = "verdict"
    utterance_id: int
    verdict: Literal["interruption", "backchannel", "noise"]
    reason: str
    """Why, in one word: `words`, `backchannel`, `sound`, `no_words`."""
    after_ms: float
    """From the pause to the verdict; without a pause, from the onset."""
    speech_ms: float
    """How long the user was heard."""


class Limit(Message):
    """The session comes to a limit, and ends there. One in time is told once, the last exchanges one by one."""

    type: Literal["limit"] = "limit"
    what: Literal["idle", "duration", "messages"]
    """`idle`: nothing happens (a turn takes it back); `duration`: the session as a whole; `messages`: its exchanges."""
    left_ms: int | None = None
    """Milliseconds to the end, of `idle` and `duration`."""
    left: int | None = None
    """Exchanges to the end, of `messages`."""


class Flush(Message):
    """Throw away all audio that was received and has not been played, now: the user has the floor."""

    type: Literal["flush"] = "flush"
    utterance_id: int


class UtteranceEnded(Message):
    """No more audio of this utterance will come."""

    type: Literal["utterance_ended"] = "utterance_ended"
    utterance_id: int
    reason: Literal["played", "interrupted", "failed"]
    heard_text: str
    """The part of the text that the user heard."""
    played_ms: float
    """How much of its audio was played."""


class Latency(Message):
    """Where a turn's time went. All from the end of the user's speech, in milliseconds; null where a step did not happen."""

    type: Literal["latency"] = "latency"
    turn_id: int
    turn_end_ms: float
    """The silence that ended the turn was long enough."""
    transcript_ms: float | None
    """The final transcript was there."""
    first_text_ms: float | None
    """The responder gave its first words."""
    first_audio_ms: float | None
    """The first frame of the answer went out."""


class SpeechResponse(Message):
    """The spoken answer to an `audio` message, whole."""

    type: Literal["speech_response"] = "speech_response"
    turn_id: int
    utterance_id: int
    audio_data: str
    """Base64 of a mono 16-bit WAV file."""
    sample_rate_hz: RateHz


class ConversationComplete(Message):
    """The exchange is over: turn and answer.

    `played` and `interrupted` say how the answer ended; `empty`: no words were heard; `silent`: the responder had nothing to say.
    """

    type: Literal["conversation_complete"] = "conversation_complete"
    turn_id: int
    reason: Literal["played", "interrupted", "transcribed", "answered", "empty", "silent", "failed"]


class Error(Message):
    """Something went wrong. If `fatal`, the connection is closed next, with the code that belongs to the reason."""

    type: Literal["error"] = "error"
    code: str
    """A reason of the contract's ErrorReason, e.g. MESSAGE_INVALID."""
    message: str
    """What was expected and what came."""
    retryable: bool
    fatal: bool = False
    retry_after_ms: int | None = None


class Pong(Message):
    """Answer to `ping`."""

    type: Literal["pong"] = "pong"
    nonce: str = ""


ServerMessage = (
    Connection | Configured | State | Transcription | ResponseText | UtteranceStarted | Mark | Pause | Resume | Verdict | Flush | Limit
    | UtteranceEnded | Latency | SpeechResponse | ConversationComplete | Error | Pong
)  # fmt: skip
