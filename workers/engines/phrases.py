"""How near two phrases sound: the judgement behind `pocketsphinx`'s known requests. Pure functions over rows of phones (ARPAbet).

The rules were found on recordings: forty requests and two hundred other sentences, of four synthetic voices and one human. A request
that was dictated wrongly ("come to thirty", "the night" for "goodbye") lies up to 1.0 away from what was meant, but as long; another
sentence that lies so near is longer or shorter, or sounds otherwise where one listens again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

Verdict = Literal["near", "weigh", "far"]
NEAR: Final = "near"  # take the request
WEIGH: Final = "weigh"  # take it if it also sounds like it
FAR: Final = "far"  # take the dictation

_NEAR: Final = 0.34
_WEIGH: Final = 1.0
_LENGTHS: Final = (0.45, 1.6)  # of the dictation, as parts of the request's
_BEGINNING: Final = 0.34


def distance(first: Sequence[str], second: Sequence[str]) -> int:
    """How many phones must be put in, left out or changed (Levenshtein)."""
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(second, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def judge(dictated: Sequence[str], request: Sequence[str]) -> Verdict:
    """Whether what was dictated may have been the request."""
    if not dictated or not request:
        return FAR
    edits = distance(dictated, request)
    if edits <= _NEAR * max(len(dictated), len(request)):
        return NEAR
    low, high = _LENGTHS
    if edits <= _WEIGH * len(request) and low * len(request) <= len(dictated) <= high * len(request):
        return WEIGH
    return FAR


def beginning_words(dictated: Sequence[Sequence[str]], beginning: Sequence[str]) -> int:
    """How many of the dictated words make up `beginning`, 0 if they do not, or if nothing follows them."""
    best, best_edits = 0, int(_BEGINNING * len(beginning)) + 1
    phones: list[str] = []
    for count, word in enumerate(dictated[:-1], 1):
        phones += word
        edits = distance(phones, beginning)
        if edits < best_edits:
            best, best_edits = count, edits
    return best
