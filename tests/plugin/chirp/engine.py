"""An engine as a third party would ship it: one file, which knows `workers.engines.api` and nothing else of Parley."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from workers.engines.api import EngineCard, EngineInputError, TtsRequest, TtsStep

RATE_HZ = 22_050
CHARACTER_MS = 60


@dataclass
class Chirps:
    request: TtsRequest
    spoken: int = 0


class ChirpTts:
    """Every character is a chirp."""

    def load(self, options: Mapping[str, Any]) -> EngineCard:
        if set(options) - {"pitch_hz"}:
            raise EngineInputError(f"unknown options {sorted(set(options) - {'pitch_hz'})}")
        self.pitch_hz = float(options.get("pitch_hz", 440))
        return EngineCard(RATE_HZ, voices=("chirp",), max_batch=2)

    def open(self, request: TtsRequest) -> Chirps:
        if not request.text or request.options or request.speed != 1.0 or request.voice not in ("", "chirp"):
            raise EngineInputError("chirp has one voice, one speed, no options, and nothing to say to an empty text")
        return Chirps(request)

    def step(self, jobs: Sequence[Chirps]) -> list[TtsStep]:
        return [self.chirp(job) for job in jobs]

    def chirp(self, job: Chirps) -> TtsStep:
        phase = np.linspace(0, np.pi, RATE_HZ * CHARACTER_MS // 1000)
        tone = np.sin(phase * self.pitch_hz / 8) * np.sin(phase) * 0.2
        job.spoken += 1
        return TtsStep((tone * 32767).astype(np.int16).tobytes(), done=job.spoken == len(job.request.text))

    def close(self, job: Chirps) -> None:
        job.spoken = 0
