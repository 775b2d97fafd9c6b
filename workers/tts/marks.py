"""Which words of a segment are spoken where: from the engine's own marks, or interpolated. Pure.

Positions are samples at 48 kHz since the segment's first sample, and code points of the utterance's text. Words leave through `take`
no later than the audio that they begin in. Interpolation spreads the words over the segment by their lengths; while the segment's
length is not known it goes by the speaker's pace so far, and catches up with the truth at the first word after it is known.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from workers.engines.api import WordMark

DEFAULT_SAMPLES_PER_WEIGHT: Final = 2_700.0  # 15 to 16 characters a second, the spaces between words included
_WORD: Final = re.compile(r"\S+")
_PAUSE_WEIGHT: Final = {",": 2, ";": 3, ":": 3, ".": 4, "!": 4, "?": 4, "…": 4, "—": 3, "–": 2}


@dataclass(frozen=True, slots=True)
class Word:
    """Code points [char_begin, char_end) are spoken by samples [begin, end)."""

    char_begin: int
    char_end: int
    begin: int
    end: int
    estimated: bool


class WordTrack:
    """The words of one segment, in order."""

    def __init__(self, text: str, char_begin: int, estimate: bool, samples_per_weight: float) -> None:
        self._char_begin = char_begin
        self._char_end = char_begin + len(text)
        self._estimate = estimate
        self._taken: list[Word] = []
        self._waiting: list[Word] = []  # the engine's, not yet taken
        self._spans = _weighted(text) if estimate else []  # ours, not yet placed: (begin, end, weight before, weight after)
        self.weight = self._spans[-1][3] if self._spans else 0
        self._pace = samples_per_weight
        self._anchor = (0.0, 0.0)  # the place (samples, weight) up to which words have left

    def add(self, marks: Sequence[WordMark], ratio: float) -> None:
        """The engine's own marks, in samples that become ours times `ratio`."""
        if self._estimate:
            return
        for mark in marks:
            begin = self._char_begin + max(0, mark.char_begin)
            end = min(self._char_end, self._char_begin + mark.char_end)
            if begin < end:
                at = max(0, round(mark.sample_begin * ratio))
                self._waiting.append(Word(begin, end, at, max(at, round(mark.sample_end * ratio)), False))

    def take(self, emitted: int, until: int, total: int | None) -> list[Word]:
        """The words that begin before `until`, of which audio up to `emitted` has left already.

        `total` is the segment's length once it is known; the message that reaches it takes the rest.
        """
        rest = total is not None and until >= total
        words = self._take_estimated(emitted, until, total, rest) if self._estimate else self._take_true(until, total, rest)
        self._taken += words
        return words

    def reached(self, emitted: int) -> int:
        """The text position at `emitted`: the end of the last word that is wholly spoken."""
        for word in reversed(self._taken):
            if word.end <= emitted:
                return word.char_end
        return self._char_begin

    def _take_true(self, until: int, total: int | None, rest: bool) -> list[Word]:
        words = []
        while self._waiting and (rest or self._waiting[0].begin < until):
            word = self._waiting.pop(0)
            if total is not None and word.end > total:
                word = Word(word.char_begin, word.char_end, min(word.begin, total), total, False)
            words.append(word)
        return words

    def _take_estimated(self, emitted: int, until: int, total: int | None, rest: bool) -> list[Word]:
        words = []
        while self._spans:
            begin, end, before, after = self._spans[0]
            place, weight = self._anchor
            pace = self._pace if total is None else max(0.0, total - place) / (self.weight - weight)
            at = max(float(emitted), place + (before - weight) * pace)
            if at >= until and not rest:
                break
            stop = at + (after - before) * pace
            if total is not None:
                at, stop = min(at, total), min(stop, total)
            self._anchor = (stop, after)
            words.append(Word(self._char_begin + begin, self._char_begin + end, round(at), round(stop), True))
            self._spans.pop(0)
        return words


def _weighted(text: str) -> list[tuple[int, int, int, int]]:
    """Each word's place and the weight before and after it: its characters, one for the space, more for a pause."""
    spans, weight = [], 0
    for found in _WORD.finditer(text):
        own = len(found.group()) + 1
        spans.append((found.start(), found.end(), weight, weight + own))
        weight += own + _PAUSE_WEIGHT.get(found.group()[-1], 0)
    return spans
