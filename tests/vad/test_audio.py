"""Whole-factor resampling: level, delay, continuity, and what must not alias."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.audio import Decimator, Interpolator, level_dbfs
from parley.audio import FRAME_SAMPLES, split_frames


def _tone(hz: float, rate_hz: int, seconds: float = 0.5, amplitude: float = 10_000) -> bytes:
    t = np.arange(int(rate_hz * seconds)) / rate_hz
    return (amplitude * np.sin(2 * np.pi * hz * t)).astype(np.int16).tobytes()


def _down(pcm: bytes, factor: int) -> NDArray[np.int16]:
    decimator = Decimator(factor)
    return np.frombuffer(b"".join(decimator.push(frame) for frame in split_frames(pcm)), np.int16)


def _up(pcm: bytes, factor: int) -> NDArray[np.int16]:
    interpolator = Interpolator(factor)
    size = 2 * FRAME_SAMPLES // factor
    return np.frombuffer(b"".join(interpolator.push(frame) for frame in split_frames(pcm, size)), np.int16)


@pytest.mark.parametrize("factor", [2, 3, 6])
def test_a_tone_keeps_its_level_and_shape_down_and_up(factor: int) -> None:
    low = _down(_tone(440, 48_000), factor)
    assert len(low) == 24_000 // factor
    assert level_dbfs(low[200:].tobytes()) == pytest.approx(level_dbfs(_tone(440, 48_000)), abs=0.3)
    back = _up(low.tobytes(), factor)
    spectrum = np.abs(np.fft.rfft(back[4800:].astype(float) * np.hanning(len(back) - 4800)))
    peak = spectrum.argmax()
    elsewhere = np.delete(spectrum, slice(max(0, peak - 4), peak + 5))
    assert elsewhere.max() < spectrum[peak] / 300  # images and clicks are 50 dB down


def test_what_the_low_rate_cannot_hold_is_gone() -> None:
    assert level_dbfs(_down(_tone(12_000, 48_000), 3)[200:].tobytes()) < level_dbfs(_tone(12_000, 48_000)) - 40


def test_the_delay_to_the_vad_is_a_quarter_of_a_millisecond() -> None:
    decimator = Decimator(3)
    assert decimator.delay_ms < 0.3
    pulse = np.zeros(FRAME_SAMPLES, np.int16)
    pulse[300] = 20_000
    out = np.frombuffer(decimator.push(pulse.tobytes()), np.int16)
    assert abs(int(np.abs(out).argmax()) * 3 - 300) / 48 < 0.5


def test_full_scale_saturates_instead_of_wrapping() -> None:
    square = np.where(np.arange(4800) // 40 % 2, 32767, -32768).astype(np.int16)
    low = _down(square.tobytes(), 3).astype(int)
    assert np.abs(np.diff(low)).max() < 60_000


def test_silence_is_minus_a_hundred() -> None:
    assert level_dbfs(bytes(640)) == -100.0
