"""The stack that a benchmark starts for itself: the `tone` preset with the make-believe models and the turn rules of the common load.

What the arithmetic of this configuration gives a server that goes by the detector's word alone (bench/README.md says how to be faster):
    voice-to-voice   200 ms of silence + 80 transcript + 50 first word + 300 for the 15 words after it + 60 first audio = 690 ms
    barge-in         200 ms of speech, counted from the moment at which its first 20 ms have been sent                  = 180 ms
The first sentence of the reply has no inner stop, so that its first clause is the sentence, as it is for servers that wait for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from client.bench.usage import Pids
from client.stack.presets import SERVICES, Preset, load, merge
from client.stack.stack import Stack

FIRST_SENTENCE: Final = "I tell you that all of it is in the red box by the old door."
REST: Final = "You can take what you need there."
HEARD: Final = "this is what the caller said in this turn of the conversation"

MAX_SESSIONS: Final = 1000
_RECOGNISER: Final = {"foreign_text": HEARD, "partial_delay_ms": 80, "final_delay_ms": 80}
_VOICE: Final = {"first_audio_ms": 60, "realtime_factor": 0.05}

OVERLAY: Final[Mapping[str, Mapping[str, Any]]] = {
    "orchestrator": {
        "responder": {"name": "script", "options": {"replies": [f"{FIRST_SENTENCE} {REST}"], "delay_ms": 50, "words_per_s": 50}},
        # The peers' equal rules: a plain detector, 200 ms to start, 200 ms to stop, whatever was said.
        "vad": {
            "start_ms": 200,
            "barge_in_start_ms": 200,
            "stop_ms": 200,
            "noise_gate": False,
            "echo_gate": False,
            "own_level_db": 0,
            "voicing": 0,
        },
        "turn": {"silence_ms": 200, "closed_ms": 200, "open_ms": 200, "hesitating_ms": 200, "eager_ms": 0},
        "limits": {"sessions": MAX_SESSIONS},
        "log": {"level": "warning"},
    },
    "stt": {
        "models": [{"id": "tone", "engine": "tone", "pin": True, "options": _RECOGNISER}],
        "limits": {"max_sessions": MAX_SESSIONS},
        "log": {"level": "warning"},
    },
    "tts": {
        "models": [{"id": "tone", "engine": "tone", "pin": True, "options": _VOICE}],
        "limits": {"max_sessions": MAX_SESSIONS},
        "log": {"level": "warning"},
    },
}


def bench_preset() -> Preset:
    """The preset `tone` under the common load's settings."""
    base = load("tone")
    return Preset("bench", {service: merge(base.trees[service], OVERLAY[service]) for service in SERVICES})


def roles(stack: Stack) -> Pids:
    """The stack's processes as the report names them."""
    pids = stack.pids()
    return {"orchestrator": pids["orchestrator"], "fronts": pids["stt"] + pids["tts"], "engines": pids["engines"]}
