"""What happens to samples between the engine and the wire."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from parley.audio import FRAME_BYTES, SAMPLE_RATE_HZ
from workers.audio.chain import SpeechChain
from workers.audio.framing import FrameBuffer
from workers.audio.loudness import CEILING, Limiter, gain_db_for, integrated_lufs
from workers.audio.resample import Resampler

RATES_HZ = [8_000, 16_000, 22_050, 24_000, 44_100, 48_000]


def noise(samples: int, seed: int = 1, level: float = 0.2) -> bytes:
    rng = np.random.default_rng(seed)
    envelope = np.repeat(rng.random(samples // 200 + 1), 200)[:samples]
    return (rng.standard_normal(samples) * envelope * level * 32767).clip(-32768, 32767).astype("<i2").tobytes()


def sine(hz: float, amplitude: float, seconds: float, rate_hz: int = SAMPLE_RATE_HZ) -> bytes:
    return (np.sin(2 * np.pi * hz * np.arange(int(seconds * rate_hz)) / rate_hz) * amplitude * 32767).astype("<i2").tobytes()


def run(pcm: bytes, rate_hz: int, gain_db: float, cuts: list[int]) -> bytes:
    chain = SpeechChain(rate_hz, gain_db)
    places = [0, *sorted(2 * (cut % (len(pcm) // 2 + 1)) for cut in cuts), len(pcm)]
    return b"".join([chain.push(pcm[a:b]) for a, b in itertools.pairwise(places)] + [chain.push(b"", last=True)])


@settings(max_examples=40, deadline=None)
@given(
    rate_hz=st.sampled_from(RATES_HZ),
    samples=st.integers(0, 12_000),
    gain_db=st.floats(-20, 20),
    cuts=st.lists(st.integers(0), max_size=12),
)
def test_any_chunking_gives_the_same_bytes(rate_hz: int, samples: int, gain_db: float, cuts: list[int]) -> None:
    pcm = noise(samples)
    assert run(pcm, rate_hz, gain_db, cuts) == run(pcm, rate_hz, gain_db, [])


@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("samples", [0, 1, 7, 999, 22_051])
def test_the_length_is_right_to_one_sample(rate_hz: int, samples: int) -> None:
    resampler = Resampler(rate_hz)
    got = resampler.push(noise(samples)).size + resampler.push(b"", last=True).size
    assert abs(got - samples * SAMPLE_RATE_HZ / rate_hz) <= 1


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_keeps_its_level_and_its_place(rate_hz: int) -> None:
    out = np.frombuffer(run(sine(1000, 0.5, 1.0, rate_hz), rate_hz, 0.0, [100, 5000]), dtype="<i2").astype(float)
    expected = np.sin(2 * np.pi * 1000 * np.arange(out.size) / SAMPLE_RATE_HZ) * 0.5 * 32767
    middle = slice(4800, -4800)
    assert np.abs(out[middle] - expected[middle]).max() < 8


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), gain_db=st.floats(0, 20), chunk=st.integers(1, 3000))
def test_no_peak_passes_the_limiter_and_its_gain_never_jumps(seed: int, gain_db: float, chunk: int) -> None:
    samples = np.frombuffer(noise(9_600, seed, 0.5), dtype="<i2").astype(np.float32) / 32768
    samples[np.abs(samples) < 0.05] = 0.05
    limiter = Limiter(gain_db)
    out = np.concatenate(
        [limiter.push(samples[i : i + chunk]) for i in range(0, samples.size, chunk)] + [limiter.push(samples[:0], last=True)]
    )
    assert out.size == samples.size
    assert np.abs(out).max() <= CEILING * 1.0001
    gain = out / samples
    assert np.abs(np.diff(gain)).max() <= gain.max() * 1.1 / 120 + 1e-4


def test_what_is_quiet_enough_is_not_touched() -> None:
    pcm = noise(48_000, level=0.1)
    assert run(pcm, SAMPLE_RATE_HZ, 0.0, [77, 40_000]) == pcm


def test_loudness_is_that_of_the_standard() -> None:
    """EBU Tech 3341: a 1 kHz sine of -23 dBFS per channel is -23 LUFS in stereo, so 3 LU less in one channel; and the relative gate."""
    at_minus_23 = 10 ** (-23 / 20)
    for rate_hz in (16_000, 22_050, 24_000, 48_000):
        assert integrated_lufs(sine(1000, at_minus_23, 5, rate_hz), rate_hz) == pytest.approx(-23 - 3.01, abs=0.1)
    loud, quiet = sine(1000, at_minus_23, 12), sine(1000, 10 ** (-36 / 20), 2)
    assert integrated_lufs(quiet + loud + quiet, SAMPLE_RATE_HZ) == pytest.approx(-26.0, abs=0.15)
    assert integrated_lufs(sine(100, at_minus_23, 5), SAMPLE_RATE_HZ) == pytest.approx(-23 - 3.01 - 1.1 - 0.69, abs=0.6)


def test_silence_and_scraps_have_no_loudness_and_get_no_gain() -> None:
    assert integrated_lufs(bytes(96_000), SAMPLE_RATE_HZ) == -math.inf
    assert integrated_lufs(sine(1000, 0.5, 0.3), SAMPLE_RATE_HZ) == -math.inf
    assert gain_db_for(-math.inf) == 0.0
    assert gain_db_for(-20.0) == pytest.approx(4.0)
    assert gain_db_for(-80.0) == 20.0
    assert gain_db_for(30.0) == -20.0


def test_the_gain_brings_speech_to_the_target() -> None:
    pcm = noise(96_000, level=0.05)
    gain_db = gain_db_for(integrated_lufs(pcm, SAMPLE_RATE_HZ))
    assert integrated_lufs(run(pcm, SAMPLE_RATE_HZ, gain_db, []), SAMPLE_RATE_HZ) == pytest.approx(-16.0, abs=0.7)


@given(sizes=st.lists(st.integers(0, 3000), max_size=6))
def test_frames_are_whole_and_only_the_last_one_is_padded(sizes: list[int]) -> None:
    buffer, pcm, taken = FrameBuffer(), noise(sum(sizes)), b""
    at = 0
    for size in sizes:
        buffer.push(pcm[at : at + 2 * size])
        at += 2 * size
        taken += buffer.take(buffer.frames)
    buffer.finish()
    taken += buffer.take(buffer.frames)
    assert len(taken) % FRAME_BYTES == 0
    assert taken[: len(pcm)] == pcm
    assert not any(taken[len(pcm) :])
    assert buffer.padded == (len(pcm) % FRAME_BYTES != 0)
    assert buffer.samples == 0
