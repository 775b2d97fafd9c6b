"""Silero's detector with its real model, where it is installed; without, readable refusals."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import numpy as np
import pytest

from orchestrator.settings import VadSettings
from orchestrator.vad.registry import make_vad
from orchestrator.vad.silero import SileroVad, find_model
from parley.audio import split_frames
from parley.settings import SettingsError

PROMPT = Path("/usr/share/asterisk/sounds/en_US_f_Allison/one-moment-please.g722")
INSTALLED = importlib.util.find_spec("onnxruntime") is not None and importlib.util.find_spec("silero_vad") is not None
needs_model = pytest.mark.skipif(
    not INSTALLED and "PARLEY_COMPLETE" not in os.environ, reason="needs: pip install --no-deps silero-vad; pip install onnxruntime"
)


def test_a_named_file_that_is_none_is_refused() -> None:
    with pytest.raises(SettingsError, match="that is no file"):
        make_vad(VadSettings(name="silero", silero_model="/nowhere/silero.onnx"))


def test_without_a_model_it_says_how_to_get_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)  # as on a machine without the package
    with pytest.raises(SettingsError, match="pip install --no-deps silero-vad"):
        find_model("")


@needs_model
def test_it_hears_speech_and_not_noise() -> None:
    from client.bench.speech import read

    speech = np.asarray(read(PROMPT))[: 48_000 * 2]
    noise = np.random.default_rng(1).normal(0, 1500, 48_000 * 2).astype(np.int16)

    def share(pcm: bytes) -> float:
        vad = SileroVad(0.5)
        found = [vad.is_speech(frame) for frame in split_frames(pcm)]
        return sum(found) / len(found)

    assert share(speech[: len(speech) // 960 * 960].tobytes()) > 0.5
    assert share(noise.tobytes()) < 0.05


@needs_model
def test_sessions_share_the_network_and_not_the_memory() -> None:
    one, two = SileroVad(0.5), SileroVad(0.5)
    noise = np.random.default_rng(1).normal(0, 3000, 48_000).astype(np.int16).tobytes()
    first = [one.is_speech(frame) for frame in split_frames(noise)]
    assert [two.is_speech(frame) for frame in split_frames(noise)] == first
