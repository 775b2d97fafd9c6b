"""Recognises a spoken request among a table of phrases, forgiving what a recogniser gets wrong and people add.

Whole sentences are compared, never single words in them: "what time is it" is a request, "it is time to go" is not. Case, punctuation,
contractions, number words and polite words around the request do not count; a word may be a near miss, small words may be missing or
extra. In a phrase `#` stands for a number, and `*` at the end for any further words. Pure: no state, no clock, no randomness.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

MIN_CLOSENESS: Final = 0.82
"""Above four words of five right (0.8): "how far did he get" must not be "how far did you get"."""
_MIN_WORD_RATIO: Final = 0.76
_SMALL_COST: Final = 0.3


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_SMALL_WORDS: Final = frozenset(_words("a an the me just to up then now again it so some please little bit and right"))
_POLITE_BEFORE: Final = (
    *map(_words, ("i would like you to", "i want you to", "can you", "could you", "would you", "will you", "hey parley")),
    *map(_words, _words("please kindly okay ok so well um uh er hey and now then parley just oh hm")),
)
_POLITE_AFTER: Final = (*map(_words, ("thank you", "for me")), *map(_words, _words("please now then parley thanks okay ok um uh")))

_WORD: Final = re.compile(r"\d{1,3}(?:,\d{3})+|\d+|[^\W\d_]+(?:['’][^\W\d_]+)*")
_CONTRACTION: Final = re.compile(r"(?P<head>\w+)(?P<tail>n't|'s|'m|'re|'d|'ll|'ve)\Z")
_TAILS: Final = {"n't": "not", "'s": "is", "'m": "am", "'re": "are", "'d": "would", "'ll": "will", "'ve": "have"}
_BARE: Final = {"whats": "what's", "thats": "that's", "im": "i'm", "didnt": "didn't", "lets": "let's", "youre": "you're"}

_ONES: Final = (
    *_words("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen"),
    *_words("sixteen seventeen eighteen nineteen"),
)
_TENS: Final = _words("twenty thirty forty fifty sixty seventy eighty ninety")


def spell(number: int) -> str:
    """0 ... 100 as one speaks it: "twenty-one", "one hundred"."""
    if not 0 <= number <= 100:
        raise ValueError(f"expected a number from 0 to 100, got {number}")
    if number < 20:
        return _ONES[number]
    if number == 100:
        return "one hundred"
    tens, ones = divmod(number, 10)
    return _TENS[tens - 2] + (f"-{_ONES[ones]}" if ones else "")


def is_number(text: str) -> bool:
    """Whether `text` is one number, in words or digits, and nothing else."""
    tokens = tokenize(text)
    return len(tokens) == 1 and tokens[0].word.isdecimal()


def _spoken_numbers() -> dict[tuple[str, ...], int]:
    table = {tuple(spell(number).split("-")): number for number in range(100)}
    for word, size in (("hundred", 100), ("thousand", 1000), ("million", 1_000_000)):
        table |= {(word,): size, ("a", word): size} | {(_ONES[times], word): times * size for times in range(1, 20)}
    return table


NUMBERS: Final[Mapping[tuple[str, ...], int]] = _spoken_numbers()
"""Words of a number -> its value."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word as it is compared, and where it stands in the text."""

    word: str
    begin: int
    end: int


_SLOT: Final = Token("#", 0, 0)


@dataclass(frozen=True, slots=True)
class Heard:
    """A request that was recognised: its name, its `#` and its `*` (in the user's own writing)."""

    name: str
    number: int = 0
    rest: str = ""


class Phrasebook:
    """A table of requests: name -> phrases."""

    def __init__(self, table: Mapping[str, Sequence[str]]) -> None:
        self._whole: list[tuple[str, list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        for name, phrases in table.items():
            for phrase in phrases:
                words = [part if part == "#" else token.word for part in phrase.split() for token in tokenize(part) or [_SLOT]]
                if phrase.endswith("*"):
                    self._open.append((name, words[:-1]))
                else:
                    self._whole.append((name, words))

    def match(self, text: str) -> Heard | None:
        """The request that `text` is, or None."""
        tokens = tokenize(text)
        core = strip_polite(tokens)
        return self._match(text, tokens) or (self._match(text, core) if core != tokens else None)

    def _match(self, text: str, tokens: list[Token]) -> Heard | None:
        words = [token.word for token in tokens]
        best, name = max(((closeness(words, phrase), name) for name, phrase in self._whole), default=(0.0, ""))
        if best >= MIN_CLOSENESS:
            numbers = [int(word) for word in words if word.isdecimal()]
            return Heard(name, numbers[-1] if numbers else 0)
        for name, phrase in self._open:
            if closeness(words[: len(phrase)], phrase) >= MIN_CLOSENESS:
                after = tokens[len(phrase) :]
                return Heard(name, rest=text[after[0].begin :].strip() if after else "")
        return None


def tokenize(text: str) -> list[Token]:
    """The words of `text`: lower case, contractions taken apart, number words as digits."""
    tokens: list[Token] = []
    for match in _WORD.finditer(text):
        word = match.group().lower().replace("’", "'")
        for part in _expand(word):
            tokens.append(Token(part, match.start(), match.end()))
    return _join_numbers(tokens)


def strip_polite(tokens: list[Token]) -> list[Token]:
    """Without the polite and hesitant words around the request; what is nothing else stays."""
    words = tuple(token.word for token in tokens)
    begin, end = 0, len(words)
    while taken := next((len(polite) for polite in _POLITE_BEFORE if words[begin : begin + len(polite)] == polite), 0):
        if begin + taken >= end:
            break
        begin += taken
    while taken := next((len(polite) for polite in _POLITE_AFTER if words[begin:end][-len(polite) :] == polite), 0):
        if end - taken <= begin:
            break
        end -= taken
    return tokens[begin:end]


def closeness(words: Sequence[str], phrase: Sequence[str]) -> float:
    """1.0 for the phrase itself, falling with every word that differs, is missing or extra (edit distance over words)."""
    if abs(len(words) - len(phrase)) > 3 or (len(phrase) > 2 and not any(word in phrase for word in words)):
        return 0.0  # cannot be near: spares most of the table
    row = [0.0]
    for word in phrase:
        row.append(row[-1] + _extra_cost(word))
    for word in words:
        above, row = row, [row[0] + _extra_cost(word)]
        for column, wanted in enumerate(phrase, start=1):
            row.append(min(above[column - 1] + _swap_cost(word, wanted), above[column] + _extra_cost(word), row[-1] + _extra_cost(wanted)))
    return 1.0 - row[-1] / max(len(words), len(phrase), 1)


def _extra_cost(word: str) -> float:
    return _SMALL_COST if word in _SMALL_WORDS else 1.0


def _swap_cost(word: str, wanted: str) -> float:
    if word == wanted or (wanted == "#" and word.isdecimal()):
        return 0.0
    if wanted == "#" or word.isdecimal() or abs(len(word) - len(wanted)) > 2 or (word[0] != wanted[0] and word[-1] != wanted[-1]):
        return 1.0
    ratio = SequenceMatcher(None, word, wanted, autojunk=False).ratio()
    return 1.0 - ratio if ratio >= _MIN_WORD_RATIO else 1.0


def _expand(word: str) -> tuple[str, ...]:
    if word[0].isdecimal():
        return (word.replace(",", ""),)
    match = _CONTRACTION.match(_BARE.get(word, word))
    return (match["head"], _TAILS[match["tail"]]) if match is not None else (word,)


def _join_numbers(tokens: list[Token]) -> list[Token]:
    joined: list[Token] = []
    at = 0
    while at < len(tokens):
        pair = tokens[at : at + 2]
        for part in (pair, pair[:1]):
            value = NUMBERS.get(tuple(token.word for token in part))
            if value is not None:
                joined.append(Token(str(value), part[0].begin, part[-1].end))
                at += len(part)
                break
        else:
            joined.append(tokens[at])
            at += 1
    return joined
