"""Settings of the workers."""

from __future__ import annotations

from pathlib import Path

import pytest

from parley.settings import SettingsError, load
from workers.settings import SttWorkerSettings, TtsWorkerSettings, split_address, with_engine

CONFIGS = Path(__file__).parents[2] / "configs"
KINDS = {"stt": SttWorkerSettings, "tts": TtsWorkerSettings}


@pytest.mark.parametrize("kind", KINDS)
def test_the_documented_file_says_the_defaults_and_leaves_nothing_out(kind):
    settings, defaults = load(KINDS[kind], CONFIGS / f"{kind}.yaml"), load(KINDS[kind])
    assert settings == defaults
    assert settings.model_fields_set == set(KINDS[kind].model_fields)
    assert settings.limits.model_fields_set == set(type(settings.limits).model_fields)


@pytest.mark.parametrize("file", [file for kind in KINDS for file in CONFIGS.glob(f"*/{kind}.yaml")], ids=str)
def test_every_preset_loads(file):
    assert load(KINDS[file.stem], file).models


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(tmp_path, monkeypatch):
    file = tmp_path / "stt.yaml"
    file.write_text("drain_ms: 1\nstatus_interval_ms: 100\nlisten: 127.0.0.1:1")
    monkeypatch.setenv("PARLEY_STT_DRAIN_MS", "2")
    monkeypatch.setenv("PARLEY_STT_LISTEN", "127.0.0.1:2")
    settings = load(SttWorkerSettings, file, {"listen": "127.0.0.1:3"})
    assert (settings.status_interval_ms, settings.drain_ms, settings.listen) == (100, 2, "127.0.0.1:3")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"listen": "8080"}, "expected HOST:PORT"),
        ({"default_model": "x"}, "default_model: expected one of"),
        ({"models": [{"id": "a", "engine": "tone"}, {"id": "a", "engine": "tone"}]}, "every id may be there once"),
        ({"models": []}, "models"),
        ({"models": [{"id": "a", "engin": "tone"}]}, "did you mean 'engine'"),
    ],
)
def test_what_cannot_be_used_is_refused(given, message):
    with pytest.raises(SettingsError, match=message):
        load(SttWorkerSettings, None, given)


def test_engine_on_the_command_line_takes_the_configured_model_or_makes_one():
    settings = load(TtsWorkerSettings, None, {"models": [{"id": "voice", "engine": "espeak"}, {"id": "t", "engine": "tone", "ttl_ms": 5}]})
    assert settings.default_model == "voice"
    assert with_engine(settings, "tone").default_model == "t"
    added = with_engine(settings, "flite")
    assert added.default_model == "flite"
    assert added.models[0].engine == "flite"
    assert len(added.models) == 3


def test_addresses():
    assert split_address("[::1]:80") == ("[::1]", 80)
    for wrong in ("localhost", ":80", "a:b", "a:70000"):
        with pytest.raises(ValueError, match="HOST:PORT"):
            split_address(wrong)
