"""Cutting text for synthesisers that speak a whole text in one call: slices of a bounded length, and the pause that follows each."""

from __future__ import annotations

import re
from typing import Final

_SENTENCE: Final = re.compile(r"[.!?…。！？]+[\"'”’)\]]*\s+|\n+|[。！？]")
_CLAUSE: Final = re.compile(r"[,;:—、，；]\s*")
_SPACE: Final = re.compile(r"\s+")
_PAUSES_MS: Final = ((re.compile(r"[.!?…。！？][\"'”’)\]]*\s*$"), 180), (re.compile(r"[,;:—–、，；]\s*$"), 80))
_LEAST_PAUSE_MS: Final = 30


def cut(text: str, max_weight: int) -> list[tuple[int, int]]:
    """Where to cut `text` (code points): whole if it is light enough, else behind the last sentence, clause or word that fits."""
    slices = []
    begin = 0
    while begin < len(text):
        end = _fitting(text, begin, max_weight)
        if end < len(text):
            for boundary in (_SENTENCE, _CLAUSE, _SPACE):
                if cuts := [match.end() for match in boundary.finditer(text, begin, end)]:
                    end = cuts[-1]
                    break
        slices.append((begin, end))
        begin = end
    return slices


def pause_ms(text: str) -> int:
    """The silence that belongs after `text`."""
    return next((ms for ending, ms in _PAUSES_MS if ending.search(text)), _LEAST_PAUSE_MS)


def _fitting(text: str, begin: int, max_weight: int) -> int:
    """The end of what weighs no more: digits and characters that are words weigh four times a letter, for they sound as much longer."""
    weight = 0
    for at in range(begin, len(text)):
        weight += 1 if text[at] < "\u0250" and not text[at].isdigit() else 4
        if weight > max_weight and at > begin:
            return at
    return len(text)
