"""One session's hold on a model.

A lease follows the model at its revision, not a process: after a restart or a reload the session's next utterance or stream goes to
the new process. It must be released, once; a second release does nothing.
"""

from __future__ import annotations

from collections.abc import Callable

from parley.v1 import model_pb2
from workers.engines.api import EngineCard, SttRequest, TtsRequest
from workers.host.process import EngineProcess, Recognition, RecognitionSink, Speech, SpeechSink
from workers.models.model import Model


class ModelLease:
    """Made by `Models.lease`."""

    def __init__(self, model: Model, released: Callable[[Model], None]) -> None:
        assert model.card is not None, "a lease is given on a model that has been ready"
        self._model = model
        self._released: Callable[[Model], None] | None = released
        self.card: EngineCard = model.card

    @property
    def model(self) -> Model:
        """What it holds; for `Models`."""
        return self._model

    @property
    def info(self) -> model_pb2.ModelInfo:
        """The model as clients are told of it, as of now."""
        return self._model.info()

    @property
    def engine(self) -> EngineProcess:
        """The process that the next job will go to: another object after a restart or a reload.

        Raises:
            ParleyError: MODEL_NOT_READY, it is down just now.
        """
        return self._model.engine()

    def gain_db(self, voice: str) -> float:
        """The voice's fixed gain towards the target loudness, 0 while it has not been measured."""
        return self._model.known_gain_db(voice)

    def speak(self, request: TtsRequest, sink: SpeechSink, allow_samples: int) -> Speech:
        """Begin a speech job. Raises MODEL_NOT_READY while the engine is down."""
        return self._model.engine().speak(request, sink, allow_samples)

    def recognise(self, request: SttRequest, sink: RecognitionSink) -> Recognition:
        """Begin a recognition stream. Raises MODEL_NOT_READY while the engine is down."""
        return self._model.engine().recognise(request, sink)

    def on_moved(self, call: Callable[[], None] | None) -> None:
        """Have `call` called whenever a new process has taken over; None: no more."""
        self._model.on_moved(self, call)

    def release(self) -> None:
        """Give the model back."""
        released, self._released = self._released, None
        if released is not None:
            self._model.on_moved(self, None)
            released(self._model)
