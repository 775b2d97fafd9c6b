"""Sounds that are no words, made by arithmetic: the same for the same seed. 48 kHz, any loudness; `scenes.py` sets the levels.

They are caricatures with the traits that detectors go by: a cough is a burst with formants, a laugh is voiced and rhythmic, a door a low
thud, keys are clicks, a hum in the throat ("mm-hm") has pitch and no consonant.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np

from parley.audio import SAMPLE_RATE_HZ

Wave = np.ndarray[Any, np.dtype[np.float64]]
Chance = np.random.Generator

_HZ = SAMPLE_RATE_HZ


def cough(chance: Chance) -> Wave:
    """One to three bursts: a sharp start, a rough tail that may be voiced at its end."""
    bursts = []
    for _ in range(int(chance.integers(1, 4))):
        size = _samples(chance.uniform(180, 320))
        seconds = np.arange(size) / _HZ
        rough = _formants(chance.normal(0, 1, size), (chance.uniform(450, 700), chance.uniform(1100, 1600), chance.uniform(2300, 3000)))
        shape = np.exp(-seconds / chance.uniform(0.04, 0.09)) * np.minimum(1, seconds / 0.004)
        voiced = 0.3 * np.sin(2 * np.pi * chance.uniform(140, 260) * seconds) * np.exp(-(((seconds - 0.14) / 0.05) ** 2))
        bursts += [rough * shape + voiced * np.abs(rough).max(), np.zeros(_samples(chance.uniform(60, 160)))]
    return np.concatenate(bursts[:-1])


def laugh(chance: Chance) -> Wave:
    """Four to seven "ha": breath, then voice, five a second, falling."""
    pitch_hz = chance.uniform(170, 300)
    parts = []
    for number in range(int(chance.integers(4, 8))):
        size = _samples(200)
        seconds = np.arange(size) / _HZ
        voice = _voice(np.full(size, pitch_hz * 0.96**number), (800, 1250, 2600)) * np.exp(-(((seconds - 0.11) / 0.045) ** 2))
        breath = _formants(chance.normal(0, 1, size), (900, 1800, 3000)) * np.exp(-(((seconds - 0.04) / 0.03) ** 2))
        parts.append((_unit(voice) + 0.25 * _unit(breath)) * 0.9**number)
    return np.concatenate(parts)


def door(chance: Chance) -> Wave:
    """A slam: a low thud with a rattle."""
    size = _samples(chance.uniform(350, 600))
    seconds = np.arange(size) / _HZ
    thud = _low(chance.normal(0, 1, size), 260) * np.exp(-seconds / 0.07)
    rattle = _formants(chance.normal(0, 1, size), (600, 1400)) * np.exp(-seconds / 0.025)
    return _unit(thud) + 0.35 * _unit(rattle)


def keyboard(chance: Chance) -> Wave:
    """A dozen keys or more, six to nine a second."""
    wave = np.zeros(_samples(2200))
    at = 0
    while at < len(wave) - _samples(40):
        seconds = np.arange(_samples(30)) / _HZ
        click = _band(chance.normal(0, 1, len(seconds)), 1200, 5500) * np.exp(-seconds / 0.004) * chance.uniform(0.4, 1.0)
        wave[at : at + len(click)] += click
        at += _samples(chance.uniform(90, 200))
    return wave


def fan(chance: Chance) -> Wave:
    """Air: steady brown noise with a blade's tone."""
    size = _samples(2600)
    seconds = np.arange(size) / _HZ
    return _swell(_unit(_low(chance.normal(0, 1, size), 500)) + 0.15 * np.sin(2 * np.pi * chance.uniform(90, 180) * seconds))


def hum(chance: Chance) -> Wave:
    """Mains and a motor: harmonics of 50 Hz, beating slowly."""
    seconds = np.arange(_samples(2600)) / _HZ
    tones = [np.sin(2 * np.pi * (50 * k + chance.uniform(-0.4, 0.4)) * seconds + chance.uniform(0, 6)) / k**0.7 for k in range(1, 13)]
    return _swell(np.sum(tones, axis=0))


def street(chance: Chance) -> Wave:
    """Traffic: noise that rises and falls as something passes."""
    size = _samples(2600)
    seconds = np.arange(size) / _HZ
    passing = 0.4 + np.exp(-(((seconds - 1.4) / 0.6) ** 2))
    return _swell(_unit(_low(chance.normal(0, 1, size), 1200)) * passing)


def babble(voices: list[Wave], chance: Chance) -> Wave:
    """Many people at once, none of whom is understood."""
    size = _samples(2600)
    wave = np.zeros(size)
    for voice in voices:
        wave += np.roll(np.resize(_unit(voice), size), int(chance.integers(size)))
    return _swell(wave)


def throat(chance: Chance) -> Wave:
    """ "mm-hm": two hums, the second higher, with a breath between; as backchannels go, the one without any word in it."""
    low_hz = chance.uniform(110, 210)
    first, second = _samples(chance.uniform(170, 240)), _samples(chance.uniform(220, 320))
    one = _voice(np.linspace(low_hz, low_hz * 0.96, first), (260, 1000), tilt=2.0) * np.hanning(first) ** 0.5
    two = _voice(np.linspace(low_hz * 1.1, low_hz * 1.28, second), (260, 1000), tilt=2.0) * np.hanning(second) ** 0.5
    breath = 0.05 * _unit(_low(chance.normal(0, 1, _samples(70)), 2500))
    return np.concatenate([_unit(one), breath, _unit(two)])


def um(chance: Chance) -> Wave:
    """ "um": an open vowel that closes into a hum, level in pitch."""
    size = _samples(chance.uniform(320, 480))
    pitch = np.full(size, chance.uniform(110, 200)) * (1 + 0.01 * np.sin(np.arange(size) / _HZ * 30))
    closing = np.clip(np.linspace(-0.6, 1.6, size), 0, 1)
    voice = (1 - closing) * _unit(_voice(pitch, (620, 1200, 2500))) + closing * _unit(_voice(pitch, (260, 1000), tilt=2.0))
    return np.asarray(voice * np.hanning(size) ** 0.4)


def room(wave: Wave, chance: Chance) -> Wave:
    """`wave` from across a room: more echo than voice, and dull."""
    size = _samples(260)
    tail = chance.normal(0, 1, size) * np.exp(-np.arange(size) / _HZ / 0.07)
    tail[0] = 6.0
    whole = 1 << (len(wave) + size).bit_length()
    far = np.fft.irfft(np.fft.rfft(wave, whole) * np.fft.rfft(tail, whole), whole)[: len(wave) + size // 2]
    return _low(far, 3200)


NOISES: Final[dict[str, Callable[[Chance], Wave]]] = {"fan": fan, "hum": hum, "street": street}
BURSTS: Final[dict[str, Callable[[Chance], Wave]]] = {"cough": cough, "laugh": laugh, "door": door, "keyboard": keyboard}


def _samples(ms: float) -> int:
    return round(ms * _HZ / 1000)


def _unit(wave: Wave) -> Wave:
    return np.asarray(wave / (np.sqrt(np.mean(wave**2)) + 1e-12))


def _swell(wave: Wave) -> Wave:
    """Steady noise comes and goes within 150 ms, not with a click."""
    ramp = np.minimum(1, np.arange(len(wave)) / _samples(150))
    return np.asarray(wave * ramp * ramp[::-1])


def _voice(pitch_hz: Wave, formants_hz: tuple[float, ...], tilt: float = 1.2) -> Wave:
    """A buzz of that pitch through those formants."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / _HZ
    buzz = np.sum([np.sin(k * phase) / k**tilt for k in range(1, 25)], axis=0)
    return _formants(buzz, formants_hz)


def _formants(wave: Wave, formants_hz: tuple[float, ...]) -> Wave:
    hertz = np.fft.rfftfreq(len(wave), 1 / _HZ)
    gain = 0.02 + np.sum([np.exp(-(((hertz - f) / (80 + 0.08 * f)) ** 2)) / (1 + i) for i, f in enumerate(formants_hz)], axis=0)
    return np.asarray(np.fft.irfft(np.fft.rfft(wave) * gain, len(wave)))


def _low(wave: Wave, corner_hz: float) -> Wave:
    hertz = np.fft.rfftfreq(len(wave), 1 / _HZ)
    return np.asarray(np.fft.irfft(np.fft.rfft(wave) / (1 + (hertz / corner_hz) ** 2), len(wave)))


def _band(wave: Wave, from_hz: float, to_hz: float) -> Wave:
    hertz = np.fft.rfftfreq(len(wave), 1 / _HZ)
    return np.asarray(np.fft.irfft(np.fft.rfft(wave) * ((hertz > from_hz) & (hertz < to_hz)), len(wave)))
