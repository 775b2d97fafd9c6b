"""The code in which the tone engines speak: text to chords and back, exactly.

A UTF-8 byte is one chord of three tones, each from a band of its own: the high nibble, the low nibble, and between them a tone that
holds a counter (mod 4) and a check of two bits. Because of the counter no chord follows itself, so a chord may last as long as it
likes, and a pause in its middle changes nothing: the listener needs no clock and no preamble, only two clear looks at each chord. A
spoken segment begins with the chord of byte 0xFF, which UTF-8 never uses: where a listener meets it, new text begins.

The tones lie on the bins of a 16 ms window (62.5 Hz) from 250 Hz to 3.3 kHz, so they survive telephone bandwidth, resampling, gain and
noise. Chords are separated by soft edges, words by a short silence, under it all lies a hum: a voice activity detector takes it for speech.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

SPEAK_HZ: Final = 24_000
HEAR_HZ: Final = 16_000
START: Final = 0xFF

_BIN_HZ: Final = 62.5
_HIGH_NIBBLE_BIN: Final = 4
_COUNT_BIN: Final = 21
_LOW_NIBBLE_BIN: Final = 38
_BAND_BINS: Final = 16
_HUM_BIN: Final = 2

_CHORD_MS: Final = 60.0
_SPACE_CHORD_MS: Final = 36.0
_SPACE_GAP_MS: Final = 34.0
_EDGE_MS: Final = 3.0
_SPACES: Final = frozenset(b" \t\r\n")

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Timbre:
    """How loud each part of a chord is, as amplitudes of full scale."""

    hum: float
    high_nibble: float
    count: float
    low_nibble: float


TIMBRES: Final = {
    "tone": Timbre(hum=0.040, high_nibble=0.095, count=0.080, low_nibble=0.060),
    "tone-low": Timbre(hum=0.045, high_nibble=0.115, count=0.055, low_nibble=0.040),
}


class Speaker:
    """The chords of one timbre at one speed, ready to be put together."""

    def __init__(self, timbre: Timbre, speed: float) -> None:
        self.chord_samples = _samples(_CHORD_MS / speed)
        space = _samples(_SPACE_CHORD_MS / speed**0.4)  # at twice the speed still 27 ms, which is enough to be heard
        total = _samples((_SPACE_CHORD_MS + _SPACE_GAP_MS) / speed)
        self.space_samples = total
        self._full = _chord_table(timbre, self.chord_samples, self.chord_samples)
        self._spaced = _chord_table(timbre, space, total)

    def samples(self, byte: int) -> int:
        """How long this byte's chord is, with the silence after it."""
        return self.space_samples if byte in _SPACES else self.chord_samples

    def speak(self, text: bytes, first_count: int) -> npt.NDArray[np.int16]:
        """The chords of `text`, the first one counted `first_count`."""
        parts: list[Floats] = []
        begin = 0
        while begin < len(text):  # stretches of equal length: words and the spaces between them
            spaced = text[begin] in _SPACES
            end = begin + 1
            while end < len(text) and (text[end] in _SPACES) == spaced:
                end += 1
            data = np.frombuffer(text, np.uint8, end - begin, begin).astype(np.int64)
            counts = (first_count + begin + np.arange(end - begin)) % 4
            high, count, low = self._spaced if spaced else self._full
            parts.append((high[data >> 4] + count[counts * 4 + _check(data)] + low[data & 15]).reshape(-1))
            begin = end
        return (np.concatenate(parts) * 32767).astype(np.int16)


@lru_cache(maxsize=32)
def speaker(voice: str, speed: float) -> Speaker:
    """The speaker of a voice, kept: the tables take a millisecond to compute."""
    return Speaker(TIMBRES[voice], speed)


def _chord_table(timbre: Timbre, sounding: int, total: int) -> tuple[Floats, Floats, Floats]:
    """Every tone of the three bands with its edges, each row `total` samples; the hum goes with the middle band."""
    edge = _samples(_EDGE_MS)
    envelope = np.zeros(total)
    envelope[:sounding] = 1.0
    envelope[:edge] = 0.5 - 0.5 * np.cos(np.pi * (np.arange(edge) + 0.5) / edge)
    envelope[sounding - edge : sounding] = envelope[:edge][::-1]
    seconds = np.arange(total) / SPEAK_HZ

    def tones(first_bin: int, amplitude: float) -> Floats:
        hertz = (first_bin + np.arange(_BAND_BINS)) * _BIN_HZ
        return (amplitude * np.sin(2 * np.pi * hertz[:, None] * seconds + hertz[:, None]) * envelope).astype(np.float32)

    hum = (timbre.hum * np.sin(2 * np.pi * _HUM_BIN * _BIN_HZ * seconds) * envelope).astype(np.float32)
    return (
        tones(_HIGH_NIBBLE_BIN, timbre.high_nibble),
        tones(_COUNT_BIN, timbre.count) + hum,
        tones(_LOW_NIBBLE_BIN, timbre.low_nibble),
    )


def _samples(ms: float) -> int:
    return round(ms * SPEAK_HZ / 1000)


def _check(data: Ints) -> Ints:
    """Two bits that depend on every bit of the byte."""
    mixed = data ^ (data >> 2) ^ (data >> 4) ^ (data >> 6)
    return (mixed ^ (data >> 5)) & 3


WINDOW_SAMPLES: Final = 256
HOP_SAMPLES: Final = 80
SILENT: Final = -2  # a window below the level of any voice
UNCLEAR: Final = -1  # a window with sound and no chord
_MIN_LEVEL: Final = 0.001  # RMS of full scale: -60 dBFS
_MIN_BAND_PURITY: Final = 0.75
_MIN_PURITY: Final = 0.7
_HANN: Final = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW_SAMPLES) / WINDOW_SAMPLES)).astype(np.float32)
_FIRST_BINS: Final = np.array((_HIGH_NIBBLE_BIN, _COUNT_BIN, _LOW_NIBBLE_BIN))
_BAND_PITCH: Final = _COUNT_BIN - _HIGH_NIBBLE_BIN  # a band and the empty bin above it
_END_BIN: Final = _LOW_NIBBLE_BIN + _BAND_PITCH
_MIN_POWER: Final = WINDOW_SAMPLES * float((_HANN**2).sum()) / 2 * (_MIN_LEVEL * 32768) ** 2  # of the positive bins, by Parseval
_MAX_APART_WINDOWS: Final = 40  # 0.2 s between the first looks at two chords that follow each other, at the slowest speed


def windows_in(samples: int) -> int:
    """How many whole windows `samples` hold."""
    return max(0, (samples - WINDOW_SAMPLES) // HOP_SAMPLES + 1)


def hear(parts: Sequence[bytes]) -> list[list[int]]:
    """For each part (s16le, one window at least), each of its windows: byte * 4 + counter of the chord in it, or UNCLEAR, or SILENT.

    Parts are heard together because one large transform costs little more than one small.
    """
    counts = [windows_in(len(part) // 2) for part in parts]
    shapes = [(count, WINDOW_SAMPLES) for count in counts]
    views = [np.ndarray(shape, np.int16, part, strides=(HOP_SAMPLES * 2, 2)) for shape, part in zip(shapes, parts, strict=True)]
    symbols = _chords((np.concatenate(views) if len(views) > 1 else views[0]) * _HANN).tolist()
    ends = list(itertools.accumulate(counts))
    return [symbols[end - count : end] for count, end in zip(counts, ends, strict=True)]


def _chords(windows: Floats) -> Ints:
    spectrum = np.fft.rfft(windows)
    power = spectrum.real**2 + spectrum.imag**2
    total = power[:, 1:].sum(axis=1)
    bands = power[:, _HIGH_NIBBLE_BIN:_END_BIN].reshape(-1, 3, _BAND_PITCH)[:, :, :_BAND_BINS]
    tones = bands.argmax(axis=2)
    at = tones + _FIRST_BINS + (np.arange(len(power)) * power.shape[1])[:, None]
    flat = power.reshape(-1)
    peaks = flat[at - 1] + flat[at] + flat[at + 1]  # a windowed tone on a bin shows in its neighbours too
    clear = (peaks > _MIN_BAND_PURITY * bands.sum(axis=2)).all(axis=1)
    clear &= peaks.sum(axis=1) > _MIN_PURITY * power[:, _HIGH_NIBBLE_BIN:].sum(axis=1)
    high, count, low = tones.T
    data = high * 16 + low
    clear &= (count & 3) == _check(data)
    return np.where(total < _MIN_POWER, SILENT, np.where(clear, data * 4 + (count >> 2), UNCLEAR))


class Listener:
    """The text of one segment, from the windows that `hear` made of it.

    A chord counts once it is seen in two windows running. Until three chords have followed each other as a speaker counts them, or
    one the start of a text, the segment is `foreign`: speech, perhaps, but not in this code.
    """

    def __init__(self) -> None:
        self.foreign = True
        self.foreign_windows = 0  # with sound and without a chord
        self.words: list[tuple[bytes, int, int]] = []  # UTF-8, first window, last window
        self._text = bytearray()
        self._windows = 0
        self._before = SILENT  # the window before
        self._chord = SILENT  # the chord that sounds, or sounded last
        self._chord_window = -1000
        self._unproven: list[tuple[int, int]] = []  # chords heard while still foreign, with their windows
        self._new_text = False
        self._new_word = True

    @property
    def text(self) -> str:
        """What was said so far, in whole characters."""
        return self._text.decode("utf-8", "ignore")

    def listen(self, symbols: list[int]) -> None:
        """The windows that follow those before."""
        for symbol in symbols:
            if symbol >= 0 and symbol == self._before:
                if symbol == self._chord:
                    self._go_on()
                else:
                    self._begin(symbol)
            elif symbol == UNCLEAR:
                self.foreign_windows += 1
            self._before = symbol
            self._windows += 1

    def _go_on(self) -> None:
        self._chord_window = self._windows
        if self.words and not self._new_word:
            data, first, _ = self.words[-1]
            self.words[-1] = (data, first, self._windows)

    def _begin(self, symbol: int) -> None:
        follows = (symbol - self._chord) % 4 == 1 and self._windows - self._chord_window < _MAX_APART_WINDOWS
        self._chord, self._chord_window = symbol, self._windows
        if not self.foreign:
            self._take(symbol >> 2, self._windows)
            return
        self._unproven = [*(self._unproven[-2:] if follows else ()), (symbol >> 2, self._windows)]
        if len(self._unproven) == 3 or (len(self._unproven) == 2 and self._unproven[0][0] == START):
            self.foreign = False
            for byte, window in self._unproven:
                self._take(byte, window)

    def _take(self, byte: int, window: int) -> None:
        if byte == START:
            self._new_text = self._new_word = True
            return
        space = byte in _SPACES
        if self._new_text and self._text and not space and self._text[-1] not in _SPACES:
            self._text += b" "
        self._new_text = False
        self._text.append(byte)
        if not space:
            data, first, _ = (b"", window, window) if self._new_word else self.words.pop()
            self.words.append((data + bytes([byte]), first, window))
        self._new_word = space
