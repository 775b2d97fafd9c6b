"""How `ToneStt` knows what a recorded sound says: faint tones in the sound itself name it and tell how far into it one is.

For benchmarks that measure what is made of a transcript and not the transcript: the recogniser is told the words of each sound
(option `sounds`), and gives them when a perfect one would, however the sound came to it: late, cut, or mixed with others.

A pilot is five sines on a grid of 20 Hz, each from a band of its own: four of 4 tones for the sound's number (two bits each, the highest
first) and one of 40 that goes on to the next every 120 ms, round and round. It lies above what a detector of voices listens to and below
all levels at which one looks. The other end is `client/bench/pilot.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from workers.engines.api import EngineInputError

RATE_HZ: Final = 16_000
FIRST_HZ: Final = 6_100
GRID_HZ: Final = 20
DIGITS: Final = 4
BASE: Final = 4
STEPS: Final = 40
STEP_MS: Final = 120.0

_WINDOW: Final = RATE_HZ // 10
_WINDOW_MS: Final = 100.0
_HOP: Final = RATE_HZ // 50
_BIN_HZ: Final = RATE_HZ // _WINDOW
_HANN: Final = np.hanning(_WINDOW + 1)[:-1].astype(np.float32)
_BANDS: Final = (*((digit * BASE, (digit + 1) * BASE) for digit in range(DIGITS)), (DIGITS * BASE, DIGITS * BASE + STEPS))
_CLEAR: Final = 12.0
"""A band speaks when its loudest tone has so many times the power of the next."""
_SLACK_MS: Final = 42.0
"""A window whose step is clear lies, with nearly all its weight, in that step: so much of it may be outside, at most."""
_LOST_MS: Final = 150.0
_JUMP_MS: Final = 100.0
"""A sound whose time does not go on as it should is another one; by less, a step was misheard."""
_EDGE_MS: Final = 80.0
"""A word of which so much is missing at the beginning or at the end is still understood."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PilotWord:
    """A word and when it is spoken, since the sound's first sample."""

    text: str
    begin_ms: float
    end_ms: float


Sounds = Mapping[int, Sequence[PilotWord]]


def read_sounds(option: Mapping[str, Any]) -> dict[int, tuple[PilotWord, ...]]:
    """The engine's option: sound's number -> [[word, begin_ms, end_ms], ...].

    Raises:
        EngineInputError: it is something else.
    """
    try:
        return {int(number): tuple(PilotWord(str(t), float(b), float(e)) for t, b, e in words) for number, words in option.items()}
    except (TypeError, ValueError):
        raise EngineInputError("sounds must be like {7: [[stop, 40, 380], [please, 380, 900]]}") from None


@dataclass
class _Sound:
    """One sound in the stream. Its time is the stream's plus something between `low_ms` and `high_ms`, which close in as it is heard."""

    number: int
    first_ms: float
    last_ms: float
    low_ms: float = -1e9
    high_ms: float = 1e9

    @property
    def located(self) -> bool:
        return self.high_ms < 1e9

    @property
    def offset_ms(self) -> float:
        return (self.low_ms + self.high_ms) / 2


@dataclass
class PilotListener:
    """The sounds of one segment, and their words as far as they have been spoken."""

    sounds: Sounds
    _rest: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    _hops: int = 0
    _end_ms: float = 0.0
    _heard: list[_Sound] = field(default_factory=list)

    def listen(self, pcm: bytes) -> None:
        """The samples that follow those before (s16le, 16 kHz)."""
        self._end_ms += len(pcm) / 2 * 1000 / RATE_HZ
        data = np.concatenate([self._rest, np.frombuffer(pcm, np.int16).astype(np.float32)])
        count = max(0, (len(data) - _WINDOW) // _HOP + 1)
        self._rest = data[count * _HOP :]
        if not count:
            return
        windows = np.lib.stride_tricks.sliding_window_view(data, _WINDOW)[: count * _HOP : _HOP]
        for *digits, step in _tones(windows):
            number = _number(digits)
            if number in self.sounds:
                self._meet(number, step, self._hops * _HOP * 1000 / RATE_HZ)
            self._hops += 1

    @property
    def foreign(self) -> bool:
        """No sound with a pilot has been heard."""
        return not self._heard

    @property
    def words(self) -> list[PilotWord]:
        """What has been spoken to its end by now, and of which the beginning was heard; times are the segment's."""
        found = []
        for sound in self._heard:
            if not sound.located:
                continue
            over = self._end_ms - sound.last_ms > _LOST_MS
            heard_from = sound.first_ms + sound.high_ms - _EDGE_MS  # from the safe sides: what was told once is not taken back
            heard_to = (sound.last_ms + _EDGE_MS if over else self._end_ms) + sound.low_ms
            found += [
                PilotWord(word.text, word.begin_ms - sound.offset_ms, word.end_ms - sound.offset_ms)
                for word in self.sounds[sound.number]
                if word.begin_ms >= heard_from and word.end_ms <= heard_to
            ]
        return found

    def _meet(self, number: int, step: int | None, at_ms: float) -> None:
        """The window that begins at `at_ms` is within the sound."""
        end_ms = at_ms + _WINDOW_MS
        sound = self._heard[-1] if self._heard else None
        if sound is None or sound.number != number or at_ms - sound.last_ms > _LOST_MS:
            if step is None:
                return
            sound = self._begin(number, at_ms)
        if step is not None:
            low_ms, high_ms = _bounds(sound, step, at_ms)
            if low_ms > sound.high_ms + _JUMP_MS or high_ms < sound.low_ms - _JUMP_MS:
                sound = self._begin(number, at_ms)
                low_ms, high_ms = _bounds(sound, step, at_ms)
            if low_ms <= sound.high_ms and high_ms >= sound.low_ms:
                sound.low_ms, sound.high_ms = max(sound.low_ms, low_ms), min(sound.high_ms, high_ms)
        sound.last_ms = end_ms

    def _begin(self, number: int, at_ms: float) -> _Sound:
        sound = _Sound(number, at_ms, at_ms)
        self._heard.append(sound)
        return sound


def _bounds(sound: _Sound, step: int, at_ms: float) -> tuple[float, float]:
    """Between which offsets the sound's time lies, if the window at `at_ms` hears `step`; of the rounds, the nearest."""
    offset_ms = step * STEP_MS - at_ms
    if sound.located:
        period_ms = STEPS * STEP_MS
        offset_ms += round((sound.offset_ms - offset_ms) / period_ms) * period_ms
    return offset_ms - _SLACK_MS, offset_ms + STEP_MS - _WINDOW_MS + _SLACK_MS


def _number(digits: Sequence[int | None]) -> int:
    """The sound's number, or -1 where a digit is unclear."""
    number = 0
    for digit in digits:
        if digit is None:
            return -1
        number = number * BASE + digit
    return number


def _tones(windows: Floats) -> list[tuple[int | None, ...]]:
    """For each window, the tone of each band, or None where none stands out."""
    first = FIRST_HZ // _BIN_HZ
    stride = GRID_HZ // _BIN_HZ
    spectrum = np.fft.rfft(windows * _HANN)[:, first : first + _BANDS[-1][1] * stride : stride]
    power = spectrum.real**2 + spectrum.imag**2
    columns = []
    for begin, end in _BANDS:
        band = power[:, begin:end]
        two = np.partition(band, -2, axis=1)[:, -2:]
        clear = two[:, 1] > _CLEAR * two[:, 0]
        columns.append([int(tone) if sure else None for tone, sure in zip(band.argmax(axis=1), clear, strict=True)])
    return list(zip(*columns, strict=True))
