"""Presets and a person's own file over them."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from client.failure import Failure
from client.stack.presets import PLANNED, PRESETS, SERVICES, load, merge
from orchestrator.settings import OrchestratorSettings
from parley import settings
from workers.settings import SttWorkerSettings, TtsWorkerSettings


def written(folder: Path, text: str) -> Path:
    file = folder / "mine.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_is_whole(name: str, tmp_path: Path) -> None:
    files = load(name).write(tmp_path)
    assert set(files) == set(SERVICES)
    for file in files.values():
        assert isinstance(yaml.safe_load(file.read_text()), dict)


@pytest.mark.parametrize("name", PRESETS)
def test_the_services_accept_every_file(name: str) -> None:
    folder = Path(__file__).parents[2] / "configs" / name
    kinds = {"orchestrator": OrchestratorSettings, "stt": SttWorkerSettings, "tts": TtsWorkerSettings}
    for service, kind in kinds.items():
        settings.load(kind, folder / f"{service}.yaml")


def test_the_default_is_embedded() -> None:
    assert load().name == "embedded"


def test_merge_goes_key_by_key_and_replaces_lists() -> None:
    below = {"a": {"x": 1, "y": [1, 2]}, "b": 2}
    assert merge(below, {"a": {"y": [3]}, "c": {"z": 1}}) == {"a": {"x": 1, "y": [3]}, "b": 2, "c": {"z": 1}}
    assert below == {"a": {"x": 1, "y": [1, 2]}, "b": 2}


def test_own_sections_are_laid_over_the_preset(tmp_path: Path) -> None:
    file = written(tmp_path, "preset: tone\norchestrator: {turn: {silence_ms: 321}}\n")
    preset = load(None, file)
    assert preset.name == "tone"
    assert preset.trees["orchestrator"]["turn"]["silence_ms"] == 321
    assert preset.trees["orchestrator"]["responder"] == load("tone").trees["orchestrator"]["responder"]


def test_the_command_line_wins_over_the_file(tmp_path: Path) -> None:
    assert load("embedded", written(tmp_path, "preset: tone")).name == "embedded"


def test_files_named_in_a_configuration_stay_found(tmp_path: Path) -> None:
    (tmp_path / "words.gram").write_text("#JSGF V1.0;")
    preset = load("tone", written(tmp_path, "stt: {models: [{options: {grammar: words.gram, title: 'a b.c'}}]}"))
    options = preset.trees["stt"]["models"][0]["options"]
    assert options == {"grammar": str(tmp_path / "words.gram"), "title": "a b.c"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("orchestrater: {}", "did you mean 'orchestrator'?"),
        ("stt: 3", "stt: expected a mapping"),
        ("- 1", "expected a mapping of settings"),
        ("a: [", "cannot be read as YAML"),
    ],
)
def test_an_unusable_file_is_told_in_words(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Failure) as caught:
        load("tone", written(tmp_path, text))
    assert said in str(caught.value)


def test_unknown_and_planned_presets_are_refused() -> None:
    with pytest.raises(Failure, match="did you mean 'embedded'"):
        load("embeded")
    for name in PLANNED:
        with pytest.raises(Failure, match="engines that are not installed yet"):
            load(name)
