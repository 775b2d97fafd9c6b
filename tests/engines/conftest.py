"""Speech for the recognisers under test."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import pytest
import soxr

from workers.engines.api import EngineCard, EngineInputError, TtsEngine, TtsRequest
from workers.engines.conformance import speak
from workers.engines.flite import FliteTts
from workers.engines.tone import ToneTts


def resampled(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    return soxr.resample(np.frombuffer(pcm, np.int16), from_hz, to_hz).tobytes()


@lru_cache
def flite() -> tuple[FliteTts, EngineCard]:
    engine = FliteTts()
    try:
        return engine, engine.load({})
    except EngineInputError as error:
        pytest.skip(str(error))


def said_by(engine: TtsEngine, card: EngineCard, request: TtsRequest) -> Callable[[int], bytes]:
    pcm = speak(engine, card, request).pcm
    return lambda rate_hz: resampled(pcm, card.sample_rate_hz, rate_hz)


@pytest.fixture
def tone_speech() -> Callable[[str], Callable[[int], bytes]]:
    engine = ToneTts()
    card = engine.load({})
    return lambda text: said_by(engine, card, TtsRequest(text))


@pytest.fixture
def flite_speech() -> Callable[..., Callable[[int], bytes]]:
    engine, card = flite()
    return lambda text, voice="rms": said_by(engine, card, TtsRequest(text, voice=voice))
