"""The faint tones by which the `tone` recogniser knows a sound of the benchmarks and how far into it one is.

The recogniser's end, and what the tones mean: `workers/engines/tone_pilot.py`. Five sines of -82 dBFS above 6 kHz are below what any
listener or detector makes anything of.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from parley.audio import SAMPLE_RATE_HZ

FIRST_HZ = 6_100
GRID_HZ = 20
DIGITS = 4
BASE = 4
STEPS = 40
STEP_S = 0.12
LEVEL_DBFS = -82.0
CLEAR_BELOW_HZ = 5_900
"""A sound that carries a pilot has nothing from here on: `band_limited`."""
MOST_SOUNDS = BASE**DIGITS

Wave = np.ndarray[Any, np.dtype[np.float64]]


def pilot(number: int, samples: int) -> Wave:
    """The pilot of the sound `number` (0 to 255), at 48 kHz, in units of 16-bit samples."""
    if not 0 <= number < MOST_SOUNDS:
        raise ValueError(f"a pilot's number is 0 to {MOST_SOUNDS - 1}, and not {number}")
    seconds = np.arange(samples) / SAMPLE_RATE_HZ
    step = (seconds // STEP_S).astype(np.int64) % STEPS
    places = [digit * BASE + number // BASE ** (DIGITS - 1 - digit) % BASE for digit in range(DIGITS)]
    amplitude = 32768 * 10 ** (LEVEL_DBFS / 20) * np.sqrt(2)
    steady = sum(np.sin(2 * np.pi * (FIRST_HZ + GRID_HZ * place) * seconds) for place in places)
    stepping = np.sin(2 * np.pi * np.cumsum(FIRST_HZ + GRID_HZ * (DIGITS * BASE + step)) / SAMPLE_RATE_HZ)
    return np.asarray(amplitude * (steady + stepping), np.float64)


def band_limited(wave: Wave) -> Wave:
    """`wave` (48 kHz) without what lies above CLEAR_BELOW_HZ."""
    spectrum = np.fft.rfft(wave)
    hertz = np.fft.rfftfreq(len(wave), 1 / SAMPLE_RATE_HZ)
    return np.asarray(np.fft.irfft(spectrum * np.clip((CLEAR_BELOW_HZ - hertz) / 300, 0, 1), len(wave)), np.float64)
