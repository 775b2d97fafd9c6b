"""Every engine passes the suite, in this process and in its own; and the suite sees what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from parley.errors import ParleyError
from workers.engines import registry
from workers.engines.api import TtsStep, WordMark
from workers.engines.conformance import check_process, check_stt, check_tts
from workers.engines.espeak import EspeakTts
from workers.engines.flite import FliteTts
from workers.engines.pocketsphinx import PocketsphinxStt
from workers.engines.tone import ToneStt, ToneTts
from workers.host.process import EngineSpec

PLUGIN = Path(__file__).parent.parent / "plugin"
SENTENCE = "what time is it in the morning"

Speech = Callable[..., Callable[[int], bytes]]


@pytest.mark.parametrize("options", [{}, {"burst_ms": 40}, {"burst_ms": 1000}])
def test_tone_speaks(options: Mapping[str, Any]) -> None:
    check_tts(ToneTts(), options)


def test_tone_hears(tone_speech: Speech) -> None:
    check_stt(ToneStt(), {}, speech=tone_speech(SENTENCE), transcript=SENTENCE)


def test_espeak_speaks() -> None:
    check_tts(EspeakTts(), {}, deterministic=False)


def test_flite_speaks() -> None:
    try:
        check_tts(FliteTts(), {})
    except Exception as error:
        if "not installed" in str(error):
            pytest.skip(str(error))
        raise


@pytest.mark.parametrize("options", [{}, {"words": ["help", "tell me a story"]}])
def test_pocketsphinx_hears(options: Mapping[str, Any], flite_speech: Speech) -> None:
    check_stt(PocketsphinxStt(), options, speech=flite_speech(SENTENCE))


@pytest.mark.parametrize("name", registry.BUILT_IN["tts"])
async def test_speaks_in_its_process(name: str) -> None:
    try:
        await check_process(EngineSpec("tts", name))
    except ParleyError as error:
        if "not installed" in error.message:
            pytest.skip(error.message)
        raise


async def test_tone_hears_in_its_process(tone_speech: Speech) -> None:
    await check_process(EngineSpec("stt", "tone"), speech=tone_speech(SENTENCE))


async def test_pocketsphinx_hears_in_its_process(flite_speech: Speech) -> None:
    await check_process(EngineSpec("stt", "pocketsphinx", {"words": ["help"]}), speech=flite_speech(SENTENCE))


async def test_engine_of_another_package_is_found_and_conforms(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "chirp" not in registry.names("tts")
    monkeypatch.syspath_prepend(str(PLUGIN))
    assert "chirp" in registry.names("tts")
    assert "chirp" not in registry.names("stt")
    from chirp.engine import ChirpTts

    check_tts(ChirpTts(), {"pitch_hz": 300})
    await check_process(EngineSpec("tts", "chirp", {"pitch_hz": 300}))


def test_unknown_engine_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ParleyError, match="did you mean 'pocketsphinx'") as caught:
        registry.resolve("stt", "pocketsphynx")
    assert caught.value.reason == "MODEL_UNKNOWN"


class Unmarked(ToneTts):
    def step(self, jobs: Sequence[Any]) -> list[TtsStep]:
        return [TtsStep(step.pcm, (), step.done, step.wait_ms) for step in super().step(jobs)]


class Late(ToneTts):
    def step(self, jobs: Sequence[Any]) -> list[TtsStep]:
        steps = super().step(jobs)
        return [TtsStep(step.pcm, (WordMark(0, 1, 0, 10),) if step.done else (), step.done) for step in steps]


class Forgetful(ToneTts):
    def step(self, jobs: Sequence[Any]) -> list[TtsStep]:
        return super().step(jobs)[:1]


@pytest.mark.parametrize(
    ("engine", "complaint"), [(Unmarked(), "got 0 marks"), (Late(), "came after its audio"), (Forgetful(), "got 1 results")]
)
def test_suite_sees_what_is_wrong(engine: ToneTts, complaint: str) -> None:
    with pytest.raises(AssertionError, match=complaint):
        check_tts(engine, {})
