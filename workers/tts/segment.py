"""Text as it comes, cut into segments to speak: the first clause early, then sentences. Pure: it knows no time and no engine.

The segments of an utterance tile its text: each begins where the last one ended, and nothing is left out, so positions in a segment
are positions in the original text (Unicode code points). A tile without a letter or digit has nothing to speak and only carries its
characters; such text joins its neighbour wherever there is one.

A cut is made as soon as it is certain. `!`, `?` and the ends of other scripts are certain at once. A full stop is when white space and
the next word have shown that it is no abbreviation; after a plain word it is taken at its word at once, since waiting for the next
token of a language model costs more than a rare cut inside "example.com" that was typed letter by letter.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

FIRST_CLAUSE_CHARS: Final = 12
"""A first clause shorter than that is not worth a segment of its own: its audio would be over before the rest has begun."""
MAX_SEGMENT_CHARS: Final = 300
"""A sentence longer than that is cut at a clause, else between words, else anywhere."""

_ENDS: Final = "!?‼⁇⁈⁉…。！？｡؟۔।॥።፧։។။"  # certain ends of a sentence, whatever the script
_CLAUSE_ENDS: Final = ",;:—–"  # only before white space
_WIDE_CLAUSE_ENDS: Final = "、，；：،؛"  # scripts that put no space behind it
_CLOSERS: Final = "\"'”’»›)]}」』）】》〉"
_TITLES: Final = frozenset(  # something always follows them
    {"mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "mt", "gen", "col", "sgt", "capt", "lt", "rev", "hon"}
    | {"vs", "fig", "nr", "vol", "approx", "dept", "univ", "ca", "bzw", "usw", "evtl", "bspw"}
)
_ABBREVIATIONS: Final = frozenset(  # these may end a sentence
    {"etc", "inc", "ltd", "co", "corp", "al", "cf", "ed", "eds", "est"}
    | {"jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec"}
)
_WORD_BEFORE: Final = re.compile(r"[^\W_]+(?:\.[^\W_]+)*$")
_PARAGRAPH: Final = re.compile(r"\n[ \t]*(?:\n|(?=[-*•] |\d+[.)] ))")


@dataclass(frozen=True, slots=True)
class Segment:
    """Code points [char_begin, char_end) of the utterance. `text` is what is spoken of them, from `text_begin` on; "" is nothing."""

    char_begin: int
    char_end: int
    text_begin: int
    text: str


class Segmenter:
    """One utterance's text. `feed` any number of times, `flush` in between where the client asks for it, `end` once."""

    def __init__(self, first_clause_chars: int = FIRST_CLAUSE_CHARS, max_chars: int = MAX_SEGMENT_CHARS) -> None:
        self._pending = ""
        self._begin = 0  # of the pending text, in the utterance
        self._from = 0  # what lies before it in the pending text has no cut
        self._first_clause_chars = first_clause_chars
        self._max_chars = max_chars
        self._first = True

    @property
    def chars(self) -> int:
        """Code points received."""
        return self._begin + len(self._pending)

    @property
    def waiting(self) -> bool:
        """There is something to speak that waits for its end."""
        return speakable(self._pending)

    def feed(self, text: str) -> list[Segment]:
        """Take text; the segments that are certain now."""
        self._pending += text
        segments = []
        while (cut := self._find_cut()) is not None:
            segments.append(self._cut(cut))
        return segments

    def flush(self) -> list[Segment]:
        """Speak all text so far. What has nothing to speak stays and is carried by what comes next."""
        return [self._cut(len(self._pending))] if self.waiting else []

    def end(self) -> list[Segment]:
        """No more text comes: the rest, whatever it is."""
        return [self._cut(len(self._pending))] if self._pending else []

    def _cut(self, size: int) -> Segment:
        raw, self._pending = self._pending[:size], self._pending[size:]
        begin, self._begin, self._from = self._begin, self._begin + size, 0
        text = raw.strip() if speakable(raw) else ""
        self._first = self._first and not text
        return Segment(begin, self._begin, begin + len(raw) - len(raw.lstrip()), text)

    def _find_cut(self) -> int | None:
        """Where the next segment ends, or None while that is not certain."""
        text = self._pending
        for index in range(self._from, len(text)):
            end = self._end_at(index)
            if end is None:
                self._from = index
                break
            if end and speakable(text[:end]):
                return end
            if index + 1 >= self._max_chars:
                return self._forced_cut(index + 1)
        else:
            self._from = len(text)
        return self._forced_cut(self._max_chars) if len(text) >= self._max_chars + 40 else None

    def _forced_cut(self, limit: int) -> int:
        """Somewhere in the second half before `limit`: after a clause, else after a space, else at the limit."""
        text = self._pending
        spaces = [i for i in range(limit // 2, limit) if text[i].isspace()]
        clauses = [i for i in spaces if text[i - 1] in _CLAUSE_ENDS]
        return (clauses or spaces or [limit - 1])[-1] + 1

    def _end_at(self, index: int) -> int | None:
        """The cut that the character at `index` makes: its place, 0 for none, None if the next characters must tell."""
        text, char = self._pending, self._pending[index]
        if char in _ENDS:
            return self._sentence_end(index)
        if char == ".":
            return self._full_stop(index)
        if char == "\n":
            found = _PARAGRAPH.match(text, index)
            return found.end() if found else 0
        if self._first and (char in _CLAUSE_ENDS or char in _WIDE_CLAUSE_ENDS):
            return self._first_clause(index)
        return 0

    def _first_clause(self, index: int) -> int | None:
        text = self._pending
        if len(text[: index + 1].strip()) < self._first_clause_chars:
            return 0
        if text[index] in _WIDE_CLAUSE_ENDS:
            return index + 1
        if index + 1 >= len(text):
            return None
        return index + 2 if text[index + 1].isspace() else 0

    def _sentence_end(self, index: int) -> int | None:
        """A certain end, with the ends and closing marks that follow it; "…" and "?" in mid-sentence go on in lower case."""
        text, end = self._pending, index + 1
        while end < len(text) and (text[end] in _ENDS or text[end] in _CLOSERS or text[end] == "."):
            end += 1
        if text[index] == "…":
            return self._unless_lower_case(end)
        if end < len(text) and (text[end].isalnum() and text[end].isascii()):
            return 0  # "what?cat": an address or a slip, not a sentence
        return end

    def _full_stop(self, index: int) -> int | None:
        text, end = self._pending, index + 1
        if text[index - 1 : index] == ".":
            return 0  # the first dot of a run has told
        while end < len(text) and text[end] == ".":
            end += 1
        dots = end - index
        while end < len(text) and (text[end] in _CLOSERS or text[end] in _ENDS):
            end += 1
        found = _WORD_BEFORE.search(text, 0, index)
        word = found.group().lower() if found else ""
        if end < len(text) and not text[end].isspace():
            return 0  # 3.5, example.com
        if dots > 1:
            return self._unless_lower_case(end)
        if word in _TITLES:
            return 0 if end < len(text) else None
        if _is_list_number(text, word, index):
            return 0 if end < len(text) else None
        if word in _ABBREVIATIONS or len(word) == 1 or "." in word:
            return self._unless_lower_case(end, initial=len(word) == 1)
        return end if end < len(text) or not word.isdigit() else None

    def _unless_lower_case(self, end: int, initial: bool = False) -> int | None:
        """A cut at `end` if the next word begins like a sentence; an initial ("J. Smith") never ends one before a capital either."""
        rest = self._pending[end:].lstrip()
        if not rest:
            return None
        if rest[0].islower() or rest[0] in ",;:" or (initial and self._pending[end - 1] == "."):
            return 0
        return end


def speakable(text: str) -> bool:
    """Whether there is anything to say: a letter or a digit of any script, or a symbol with a name of its own."""
    return any(char.isalnum() or char in "%&€$£¥+=@#°" for char in text)


def _is_list_number(text: str, word: str, index: int) -> bool:
    """ "1." at the beginning of a line numbers what follows."""
    return word.isdigit() and len(word) <= 2 and text[: index - len(word)].rpartition("\n")[2].strip() == ""
