"""What a session needs of its model. `workers.models.ModelLease` is one; tests of the pure core bring their own."""

from __future__ import annotations

from typing import Protocol

from parley.v1 import model_pb2
from workers.engines.api import EngineCard, TtsRequest
from workers.host.process import Speech, SpeechSink


class Lease(Protocol):
    """One session's reference on a `model@revision`, which stays loaded until `release`."""

    @property
    def info(self) -> model_pb2.ModelInfo:
        """The model as clients are told of it."""

    @property
    def card(self) -> EngineCard:
        """What its engine can do."""

    def gain_db(self, voice: str) -> float:
        """The voice's fixed gain towards the target loudness, 0 while it has not been measured."""

    def speak(self, request: TtsRequest, sink: SpeechSink, allow_samples: int) -> Speech:
        """Begin a job. Raises ParleyError where the engine is down."""

    def release(self) -> None:
        """Give the reference back; once."""
