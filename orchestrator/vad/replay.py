"""Recorded scenes through the ear, gate by gate: `python -m orchestrator.vad.replay SCENES.npz`. No server; `parley bench vad` runs it.

A scene is what a microphone heard and what the agent said meanwhile, in frames on one clock; the agent has the floor from `reply_at` on.
For each stage it prints on stdout, as JSON, at which frames speech was found to start over the agent, and what a frame costs.
It knows nothing of what is true in a scene.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from orchestrator.settings import VadSettings
from orchestrator.vad.api import Vad
from orchestrator.vad.ear import Ear, EarOptions
from orchestrator.vad.gate import Edge
from orchestrator.vad.registry import ear_options
from orchestrator.vad.silero import SileroVad
from orchestrator.vad.webrtc import WebrtcVad
from parley.audio import FRAME_MS, split_frames
from parley.settings import SettingsError

_ALL: Final = ear_options(VadSettings())
_PLAIN: Final = replace(
    _ALL, min_level_dbfs=-100, noise_margin_db=None, state_multipliers=False, echo_margin_db=None, own_level_db=None, voicing=None
)
STAGES: Final[dict[str, EarOptions]] = {
    "detector, 200 ms": replace(_PLAIN, barge_in_start_ms=200),
    "detector": _PLAIN,
    "+ level": (level := replace(_PLAIN, min_level_dbfs=_ALL.min_level_dbfs)),
    "+ noise gate": (noise := replace(level, noise_margin_db=_ALL.noise_margin_db)),
    "+ multipliers": (states := replace(noise, state_multipliers=True)),
    "+ echo gate": (echo := replace(states, echo_margin_db=_ALL.echo_margin_db)),
    "+ own level": (own := replace(echo, own_level_db=_ALL.own_level_db)),
    "+ voicing": replace(own, voicing=_ALL.voicing),
}


def onsets(ear: Ear, microphone: list[bytes], agent: list[bytes], reply_at: int) -> list[int]:
    """The frames at which speech was found to start over the agent."""
    found: list[int] = []
    for number, frame in enumerate(microphone):
        now_ms = float(number * FRAME_MS)
        speaking = number >= reply_at
        if speaking and number < len(agent):
            ear.sent(agent[number], now_ms)
        if ear.push(frame, now_ms, "SPEAKING" if speaking else "LISTENING") is Edge.STARTED and speaking:
            found.append(number)
    return found


def replay(file: Path, silero_model: str = "") -> dict[str, Any]:
    """All scenes of a file through all stages."""
    with np.load(file, allow_pickle=False) as saved:
        reply_at = [int(number) for number in saved["reply_at"]]
        scenes = [
            (list(split_frames(saved[f"mic{i}"].tobytes())), list(split_frames(saved[f"agent{i}"].tobytes())), at)
            for i, at in enumerate(reply_at)
        ]
    rows = [_row(name, scenes, options, lambda: WebrtcVad(VadSettings().mode)) for name, options in STAGES.items()]
    try:
        SileroVad(0.5, silero_model)
    except SettingsError as error:
        return {"rows": rows, "silero": str(error)}
    for name, options in (("silero alone", _PLAIN), ("silero, all gates", _ALL)):
        rows.append(_row(name, scenes, options, lambda: SileroVad(0.5, silero_model)))
    return {"rows": rows, "silero": ""}


def _row(name: str, scenes: list[tuple[list[bytes], list[bytes], int]], options: EarOptions, make: Any) -> dict[str, Any]:
    started_s, found, frames = time.process_time(), [], 0
    for microphone, agent, reply_at in scenes:
        vad: Vad = make()
        found.append(onsets(Ear(vad, options), microphone, agent, reply_at))
        frames += len(microphone)
    return {"stage": name, "onsets": found, "us_per_frame": round((time.process_time() - started_s) / frames * 1e6, 2)}


if __name__ == "__main__":
    json.dump(replay(Path(sys.argv[1]), *sys.argv[2:3]), sys.stdout)
