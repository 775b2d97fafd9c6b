"""What a session gets for what it asks."""

from __future__ import annotations

import pytest

from parley.errors import ParleyError
from parley.v1 import audio_pb2, tts_pb2
from workers.engines.api import EngineCard
from workers.tts.config import effective_config
from workers.tts.limits import TtsLimits

CARD = EngineCard(22_050, languages=("af", "en-GB", "de"), voices=("anna", "bert"), speed_range=(0.5, 2.0))


def effective(card: EngineCard = CARD, **asked) -> tts_pb2.TtsConfig:
    return effective_config(tts_pb2.TtsConfig(**asked), card, TtsLimits())


def test_defaults_are_filled_in() -> None:
    config = effective()
    assert (config.voice, config.language, config.speed) == ("anna", "", 1.0)
    assert (config.pacing, config.lead_ms, config.buffer_ms, config.max_frames_per_message) == (tts_pb2.PACING_LEAD, 200, 4000, 1)
    assert config.marks == audio_pb2.MARK_KIND_SEGMENT


@pytest.mark.parametrize(("asked", "got"), [("en-gb", "en-GB"), ("en-US", "en-US"), ("DE", "de"), ("de-AT", "de-AT")])
def test_languages_match_by_tag_and_then_by_their_first_part(asked: str, got: str) -> None:
    config = effective(language=asked)
    assert (config.language, config.voice) == (got, ""), "the engine picks the voice for a language"


def test_a_buffer_holds_at_least_the_lead() -> None:
    assert effective(lead_ms=1500, buffer_ms=100).buffer_ms == 1500
    assert effective(lead_ms=1).lead_ms == 20


@pytest.mark.parametrize("speed", [0.5, 2.0, 1.1])
def test_speeds_of_the_range_are_taken(speed: float) -> None:
    assert effective(speed=speed).speed == pytest.approx(speed)


def test_an_engine_without_a_range_has_one_speed() -> None:
    card = EngineCard(16_000)
    assert effective(card).speed == 1.0
    with pytest.raises(ParleyError, match="speed"):
        effective(card, speed=1.2)


def test_an_engine_that_names_no_voices_takes_any() -> None:
    assert effective(EngineCard(16_000), voice="whoever").voice == "whoever"


def test_options_are_bounded() -> None:
    config = tts_pb2.TtsConfig()
    config.options.update({"x": "y" * 20_000})
    with pytest.raises(ParleyError, match="options"):
        effective_config(config, CARD, TtsLimits())
