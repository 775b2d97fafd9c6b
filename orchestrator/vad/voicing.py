"""Does a voice make this sound? Whether 40 ms of it repeat with a period of human pitch. Pure numpy; about 10 us a frame.

Vowels do, and hardly a word comes without one in its first tenths of a second. Coughs, doors, keys, hiss and wind do not. It says nothing
about whose voice it is. For frames over the agent's speech that all else takes for speech, so it is computed rarely.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from parley.audio import FRAME_SAMPLES

_STEP: Final = 12  # 48 -> 4 kHz by plain averages
_FRAME: Final = FRAME_SAMPLES // _STEP  # 80
_SHORTEST: Final = 9  # 444 Hz
_LONGEST: Final = 65  # 62 Hz
_WINDOW: Final = 2 * _FRAME - _LONGEST  # 95 samples, 24 ms


class Voicing:
    """Keeps one frame; must see every frame of the stretch it is asked about."""

    def __init__(self) -> None:
        self._x = np.zeros(2 * _FRAME, np.float32)
        lags = _LONGEST - _SHORTEST + 1
        # Row k is the window shifted back by _LONGEST - k samples.
        self._shifted = as_strided(self._x, shape=(lags, _WINDOW), strides=(4, 4))

    def push(self, frame: bytes) -> None:
        """The next frame, 1920 bytes."""
        x = self._x
        x[:_FRAME] = x[_FRAME:]
        x[_FRAME:] = np.frombuffer(frame, np.int16).reshape(_FRAME, _STEP).sum(1, dtype=np.int32)

    def periodicity(self) -> float:
        """0 for noise to 1 for a vowel: the best normalised correlation of the last 24 ms with themselves one period earlier."""
        window = self._x[_LONGEST:]
        shifted = self._shifted
        power = float(np.dot(window, window))
        if power < 1.0:
            return 0.0
        products = shifted @ window
        powers = np.einsum("ij,ij->i", shifted, shifted)
        return float((products / np.sqrt(powers * power + 1.0)).max())
