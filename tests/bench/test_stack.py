"""The stack of the common load: its arithmetic is the one that the documents promise."""

from __future__ import annotations

from pathlib import Path

from client.bench.stack import FIRST_SENTENCE, bench_preset
from orchestrator.settings import OrchestratorSettings
from parley.settings import load
from workers.settings import SttWorkerSettings, TtsWorkerSettings


def test_the_floors_follow_from_the_settings() -> None:
    trees = bench_preset().trees
    (voice,), (recogniser,) = trees["tts"]["models"], trees["stt"]["models"]
    script = trees["orchestrator"]["responder"]["options"]
    words_ms = (len(FIRST_SENTENCE.split()) - 1) * 1000 / script["words_per_s"]
    silence_ms = trees["orchestrator"]["turn"]["silence_ms"]
    assert trees["orchestrator"]["vad"]["stop_ms"] == silence_ms
    floor_ms = silence_ms + recogniser["options"]["final_delay_ms"] + script["delay_ms"] + words_ms + voice["options"]["first_audio_ms"]
    assert floor_ms == 690
    assert trees["orchestrator"]["vad"]["barge_in_start_ms"] - 20 == 180


def test_the_first_sentence_is_one_clause() -> None:
    assert len(FIRST_SENTENCE) < 80
    assert not set(",;:") & set(FIRST_SENTENCE)
    assert bench_preset().trees["orchestrator"]["responder"]["options"]["replies"][0].startswith(FIRST_SENTENCE)


def test_everything_else_is_the_tone_preset() -> None:
    assert bench_preset().trees["stt"]["http"] == "127.0.0.1:0"


def test_the_services_take_it(tmp_path: Path) -> None:
    files = bench_preset().write(tmp_path)
    assert load(OrchestratorSettings, files["orchestrator"]).responder.name == "script"
    assert load(SttWorkerSettings, files["stt"]).models[0].options["final_delay_ms"] == 80
    assert load(TtsWorkerSettings, files["tts"]).models[0].options["first_audio_ms"] == 60
