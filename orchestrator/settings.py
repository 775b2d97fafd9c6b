"""The orchestrator's configuration: YAML, then `PARLEY_ORCHESTRATOR_...`, then the command line. Unknown keys are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field
from pydantic_settings import SettingsConfigDict

from parley.settings import Section, ServiceSettings
from parley.telemetry import LogFormat

Ms = Annotated[int, Field(ge=0)]


class DirectorySettings(Section):
    """Where the workers are."""

    provider: Literal["static", "redis"] = "static"
    """`static`: the two lists below. `redis`: what workers announce there."""
    stt: tuple[str, ...] = ()
    """HOST:PORT of each STT worker."""
    tts: tuple[str, ...] = ()
    """HOST:PORT of each TTS worker."""
    redis_url: str = "redis://127.0.0.1:6379/0"
    """The directory's Redis."""
    wait_s: Annotated[float, Field(ge=0)] = 5.0
    """How long `ready` waits for a worker of each kind; without, the orchestrator starts all the same."""


class ResponderSettings(Section):
    """Who answers."""

    name: str = "echo"
    """`echo`, `script`, `guide`, `openai`, or one that an installed package offers."""
    options: dict[str, Any] = Field(default_factory=dict)
    """Its own settings."""


class VadSettings(Section):
    """When is it speech?"""

    name: Literal["webrtc", "silero"] = "webrtc"
    """The detector. `silero` needs onnxruntime (`pip install 'parley[silero]'`) and its model file."""
    mode: Literal[0, 1, 2, 3] = 2
    """WebRTC's aggressiveness: 0 lets much through, 3 is strict."""
    silero_model: str = ""
    """Silero's ONNX file; empty: the one of an installed `silero-vad` package."""
    silero_threshold: Annotated[float, Field(gt=0.15, lt=1)] = 0.5
    """From this probability on it is speech."""
    min_level_dbfs: float = -52.0
    """Frames below are never speech."""
    noise_gate: bool = True
    """Learn the noise around, and ask that speech rises above it."""
    noise_margin_db: Annotated[float, Field(ge=0, le=40)] = 4.0
    """By how much; 6 dB more while the agent speaks, 1.6 dB more while it is paused."""
    echo_gate: bool = True
    """Learn how much of the agent's voice comes back through the microphone, and disregard it."""
    echo_margin_db: Annotated[float, Field(ge=0, le=40)] = 10.0
    """How far above the expected echo a frame must be; lower lets the user through sooner, and echo too."""
    own_level_db: Annotated[float, Field(ge=0, le=60)] = 10.0
    """Over the agent, sounds so far below the level of the user's own turns are somebody else's; 0: all count."""
    voicing: Annotated[float, Field(ge=0, lt=1)] = 0.7
    """Over the agent, a sound must be so periodic for a moment (1: a pure vowel), or last half a second; 0: all count."""
    start_ms: Annotated[int, Field(ge=20, le=640)] = 60
    """Speech has started after so much of it."""
    barge_in_start_ms: Annotated[int, Field(ge=20, le=640)] = 60
    """The same while the agent speaks."""
    stop_ms: Annotated[int, Field(ge=20, le=2000)] = 160
    """Speech has stopped after so much silence."""
    preroll_ms: Annotated[int, Field(ge=0, le=2000)] = 300
    """Audio from before the start of speech that the recogniser gets too."""


class BargeInSettings(Section):
    """When is a sound over the agent's speech an interruption?"""

    deadline_ms: Annotated[int, Field(ge=50, le=5000)] = 600
    """The agent is paused for no longer than this before a verdict."""
    words_after_ms: Annotated[int, Field(ge=0, le=5000)] = 500
    """How long after the end of a sound its words may still come, from a recogniser that does not say when it has said all."""
    min_words: Annotated[int, Field(ge=1)] = 1
    """Words that are no backchannel, to be an interruption."""
    min_speech_ms: Ms = 0
    """Shorter sounds are never one."""


class TurnSettings(Section):
    """When is it the agent's turn?"""

    silence_ms: Annotated[int, Field(ge=20)] = 550
    """Silence that ends a turn whose words do not tell whether it is over; longer for users who pause long within turns."""
    closed_ms: Annotated[int, Field(ge=20)] = 300
    """The same after a sentence that the recogniser closed (".", "?", "!")."""
    open_ms: Annotated[int, Field(ge=20)] = 1400
    """The same after words that want something after them ("because", "the")."""
    hesitating_ms: Annotated[int, Field(ge=20)] = 1800
    """The same after "um"."""
    eager_ms: Ms = 250
    """After so much silence the answer is begun, unheard, and taken back if the user goes on; 0: never before the turn's end."""
    limit_ms: Ms = 60_000
    """A turn longer than this is answered as it stands."""
    transcript_ms: Ms = 3_000
    """Longest wait for a final transcript."""
    first_audio_ms: Ms = 5_000
    """Longest wait for the first frame after the first text went to the synthesizer."""


class SpeechSettings(Section):
    """How the agent speaks."""

    model: str = ""
    """TTS model; empty is the worker's default."""
    voice: str = ""
    """Voice; empty is the model's default."""
    language: str = "en"
    """BCP-47 tag of the conversation."""
    speed: Annotated[float, Field(ge=0.5, le=2.0)] = 1.0
    """Speaking rate."""
    lead_ms: Annotated[int, Field(ge=0, le=1000)] = 60
    """How far the client gets audio ahead of its place."""
    worker_lead_ms: Annotated[int, Field(ge=20, le=5000)] = 200
    """How far the worker may run ahead of real time."""


class RecognitionSettings(Section):
    """How the agent hears."""

    model: str = ""
    """STT model; empty is the worker's default."""
    frames_per_message: Annotated[int, Field(ge=1, le=25)] = 5
    """20 ms frames that travel to the worker together: fewer cost CPU, more cost latency of partials."""


class LimitSettings(Section):
    """What one client may cost."""

    sessions: Annotated[int, Field(ge=1)] = 200
    """Sessions at a time; one more is refused with CAPACITY."""
    idle_s: Annotated[float, Field(gt=0)] = 300
    """A session in which nothing happens for so long ends."""
    duration_s: Annotated[float, Field(gt=0)] = 3600
    """A session ends after so long."""
    messages: Annotated[int, Field(ge=0)] = 0
    """A session ends after so many exchanges; 0: after any number."""
    announce_s: Annotated[float, Field(ge=0)] = 30
    """The end by idle time or duration is announced so long before (half of a limit that is shorter than twice this)."""
    announce_messages: Annotated[int, Field(ge=1)] = 3
    """The end by exchanges is announced when so many are left, and after each further one."""
    resume_s: Annotated[float, Field(ge=0)] = 30
    """A client whose connection broke may come back to its session for so long; 0: never."""
    parked: Annotated[int, Field(ge=0)] = 200
    """Sessions without a connection that are kept for that; of more, the oldest goes."""
    message_bytes: Annotated[int, Field(ge=1024)] = 8 * 1024 * 1024
    """Largest message of a client (an `audio` message carries a whole recording)."""
    text_bytes: Annotated[int, Field(ge=1024)] = 64 * 1024
    """Largest text message that is not `audio`."""
    recording_s: Annotated[float, Field(gt=0)] = 60
    """Longest recording in an `audio` message."""
    burst_ms: Ms = 2_000
    """Audio that may come faster than real time; what exceeds it is dropped."""
    unread_bytes: Annotated[int, Field(ge=16_384)] = 512 * 1024
    """A client that leaves more than this unread is cut off."""
    bad_messages: Annotated[int, Field(ge=1)] = 20
    """Unusable messages in a row, after which the connection is closed."""
    drain_s: Annotated[float, Field(ge=0)] = 20
    """How long live sessions may go on after SIGTERM."""


class LogSettings(Section):
    """Logs on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """Least severe level that is shown."""
    format: LogFormat = "console"
    """`json` or `console`."""


class OrchestratorSettings(ServiceSettings):
    """Everything the orchestrator can be told."""

    model_config = SettingsConfigDict(env_prefix="PARLEY_ORCHESTRATOR_")

    listen: str = "127.0.0.1:8765"
    """HOST:PORT of HTTP and WebSocket; port 0 picks one."""
    directory: DirectorySettings = DirectorySettings()
    responder: ResponderSettings = ResponderSettings()
    vad: VadSettings = VadSettings()
    barge_in: BargeInSettings = BargeInSettings()
    turn: TurnSettings = TurnSettings()
    speech: SpeechSettings = SpeechSettings()
    recognition: RecognitionSettings = RecognitionSettings()
    limits: LimitSettings = LimitSettings()
    log: LogSettings = LogSettings()
