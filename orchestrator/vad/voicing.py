"""Does a voice make this sound? Whether it repeats with a period of human pitch where it is loud. About 10 us a frame, for rare frames.

Vowels do, and hardly a word comes without one in its first tenths of a second. Doors, keys, hiss and wind do not. A cough may end in a
pitch, but begins with a burst that is as loud and has none; speech is loudest where it has a pitch, so after such a burst much more of it
is asked for. A sound that goes on and on counts without. It says nothing about whose voice it is.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import as_strided

from parley.audio import FRAME_SAMPLES, SILENT_FRAME

_STEP: Final = 12  # 48 -> 4 kHz by plain averages
_FRAME: Final = FRAME_SAMPLES // _STEP  # 80
_AVERAGE: Final = np.full(_STEP, 1 / _STEP, np.float32)
_SHORTEST: Final = (
    33  # 8 ms. Any shorter period has a multiple from here to _LONGEST; a cough's or a door's resonance has died down by then
)
_LONGEST: Final = 65  # 62 Hz
_WINDOW: Final = 2 * _FRAME - _LONGEST  # 95 samples, 24 ms

_SOUND: Final = 16  # frames: what lies further back is another sound
_LOUD_DB: Final = 7.0
_VOICED: Final = 2
_NO_PITCH: Final = 0.65
_BURST: Final = 3
_BURST_DB: Final = 10.0
_BURST_PEAK_DB: Final = 4.0
"""A burst: three frames without pitch (one or two are how a vowel begins), one of them nearly as loud as the sound ever is. Hissed
consonants are weaker than the vowel after them."""
_VOICED_AFTER_BURST: Final = 8
_VOICED_WITHIN: Final = 10
_LASTING: Final = 100  # 2 s: by then the noise floor has risen to whatever is steady


class Voicing:
    """Judges the sound over the agent's speech; is shown every frame of it, and told which ones the detector takes for speech."""

    def __init__(self, periodicity: float) -> None:
        self._least = periodicity
        self._x = np.zeros(2 * _FRAME, np.float32)
        self._sums = np.zeros(2 * _FRAME + 1)
        self._last = SILENT_FRAME
        # Row k is the window shifted back by _LONGEST - k samples.
        self._shifted = as_strided(self._x, shape=(_LONGEST - _SHORTEST + 1, _WINDOW), strides=(4, 4))
        self._sound: deque[tuple[float, float]] = deque(maxlen=_SOUND)  # level and periodicity of its frames
        self._gap = 0
        self._lasts = 0

    def push(self, frame: bytes, level_dbfs: float, speech: bool) -> bool:
        """The next frame, 1920 bytes; whether the sound is a voice by now."""
        last, self._last = self._last, frame
        if not speech:
            self._gap += 1
            self._lasts = max(0, self._lasts - 5)
            if self._gap >= _SOUND // 2:
                self._sound.clear()
            elif self._sound and level_dbfs >= max(level for level, _ in self._sound) - _BURST_DB:
                self._sound.append((level_dbfs, self._periodicity(last, frame)))  # a gate took it for too weak, but it belongs to the sound
            return False
        self._gap = 0
        self._lasts += 1
        self._sound.append((level_dbfs, self._periodicity(last, frame)))
        return self._is_voice() or self._lasts >= _LASTING

    def forget(self) -> None:
        """The sound is over."""
        self._sound.clear()
        self._lasts = 0

    def _is_voice(self) -> bool:
        peak_dbfs = max(level for level, _ in self._sound)
        recent = list(self._sound)[-_VOICED_WITHIN:]
        voiced = sum(level >= peak_dbfs - _LOUD_DB and periodicity >= self._least for level, periodicity in recent)
        if voiced < _VOICED:
            return False
        unvoiced = [level for level, periodicity in self._sound if periodicity < _NO_PITCH and level >= peak_dbfs - _BURST_DB]
        burst = len(unvoiced) >= _BURST and max(unvoiced) >= peak_dbfs - _BURST_PEAK_DB
        return not burst or voiced >= _VOICED_AFTER_BURST

    def _periodicity(self, last: bytes, frame: bytes) -> float:
        """0 for noise to 1 for a vowel: the best normalised correlation of the last 24 ms with themselves some periods earlier."""
        x = self._x
        x[:] = np.frombuffer(last + frame, np.int16).astype(np.float32).reshape(2 * _FRAME, _STEP) @ _AVERAGE
        window = x[_LONGEST:]
        sums = self._sums
        np.cumsum(x * x, out=sums[1:])
        lags = _LONGEST - _SHORTEST + 1
        powers = sums[_WINDOW : _WINDOW + lags] - sums[:lags]
        products = self._shifted @ window
        return float((products / np.sqrt(powers * (sums[-1] - sums[_LONGEST]) + 1.0)).max())
