"""Cuts a stream of text pieces into what is sent to be spoken: the first clause as soon as it stands, then whole sentences.

A piece of a language model often ends with the full stop, and the next one is a token (some 20 ms) away. So a terminator at the end
of what has come cuts at once when nothing that could follow would change its meaning; where it would ("3." may become "3.5", "Dr.",
"e.g.", an open quote), the next character decides. Nothing is changed: the cuts joined are the pieces joined. White space between two
cuts belongs to the second. Where the cuts fall does not depend on how the text was cut into pieces, as long as every terminator is
followed by white space or the end. No clock, no knowledge of voices or markup.
"""

from __future__ import annotations

import re
from typing import Final

_CANDIDATE: Final = re.compile(r"[.!?…。！？\n,;:—–，；：、]")
_RUN: Final = re.compile(r"[.!?…。！？]+")
_CLOSERS: Final = re.compile(r"[\"'”’»)\]*_]*")
_LAST_WORD: Final = re.compile(r"[^\s\"'“‘«(\[*_—–]*\Z")
_LIST_NUMBER: Final = re.compile(r"\s*\d+\Z")
_INNER_STOP: Final = re.compile(r"[,;:—–](?=\s)")
_SPACE: Final = re.compile(r"\s")
_WIDE: Final = frozenset("。！？，；：、")
_CLAUSE: Final = frozenset(",;:—–，；：、")
_NEVER_ENDS: Final = re.compile(
    r"(?:dr|mr|mrs|ms|prof|st|mt|sr|jr|vs|cf|gen|col|sgt|capt|lt|rev|hon|fig|approx|dept|est|ca|nr|e\.g|i\.e"
    r"|bzw|usw|sog|vgl|z\.b|d\.h|[^\W\d_])\Z",
    re.IGNORECASE,
)
"""Titles, the abbreviations that are in the middle of a sentence, initials."""
_MAY_END: Final = re.compile(r"(?:etc|inc|ltd|co|corp|(?:[^\W\d_]\.)+[^\W\d_])\Z", re.IGNORECASE)
"""Abbreviations that are also found at the end: etc., a.m., U.S."""

_NO: Final = -1
_WAIT: Final = -2


class ClauseSplitter:
    """One reply's text. `push` and `finish` return the cuts that are ready, none of them empty."""

    def __init__(self, min_first_chars: int = 12, max_first_chars: int = 80, max_chars: int = 240) -> None:
        """A first clause shorter than `min_first_chars` waits for more, a sentence does not; the limits are for text without an end."""
        self._min_first_chars = min_first_chars
        self._max_first_chars = max_first_chars
        self._max_chars = max_chars
        self._text = ""
        self._at = 0
        self._first = True

    def push(self, piece: str) -> list[str]:
        """Take the next piece; what can be spoken now."""
        self._text += piece
        cuts: list[str] = []
        while (end := self._next_end()) > 0:
            cuts.append(self._text[:end])
            self._text = self._text[end:]
            self._at = 0
            self._first = False
        return cuts

    def finish(self) -> list[str]:
        """The text has ended: what is left, be it white space."""
        rest, self._text, self._at = self._text, "", 0
        return [rest] if rest else []

    def _next_end(self) -> int:
        """Length of the next cut, or 0 when more text must come first."""
        limit = self._max_first_chars if self._first else self._max_chars
        while (match := _CANDIDATE.search(self._text, self._at, limit)) is not None:
            end = self._judge(match.start())
            if end > 0:
                return end
            if end == _WAIT:
                self._at = match.start()
                return 0
            run = _RUN.match(self._text, match.start())
            self._at = run.end() if run is not None else match.end()
        self._at = max(self._at, min(len(self._text), limit))
        return _cut_by_length(self._text, limit) if len(self._text) > limit else 0

    def _judge(self, at: int) -> int:
        """What the candidate at `at` means: the end of a cut, _NO, or _WAIT for another character."""
        mark, text = self._text[at], self._text
        if not any(map(str.isalnum, text[:at])):
            return _NO
        if mark == "\n":
            return at
        if mark in _CLAUSE:
            return self._judge_clause(at, mark)
        return _judge_sentence(text, at)

    def _judge_clause(self, at: int, mark: str) -> int:
        text, end = self._text, _closed(self._text, at + 1)
        if not self._first or len(text[:end].strip()) < self._min_first_chars:
            return _NO
        if mark in _WIDE:
            return end
        if end == len(text):
            return _WAIT if text[at - 1].isdigit() or _is_open(text) else end
        return end if mark in ";—" or text[end].isspace() else _NO


def _judge_sentence(text: str, at: int) -> int:
    found = _RUN.match(text, at)
    assert found is not None, "a candidate that is no clause mark is a terminator"
    run, end = found.group(), _closed(text, found.end())
    if run[-1] in _WIDE:
        return end
    if end < len(text) and text[end].isalnum():
        return _NO  # inside a word: 3.5, example.com
    if end == len(text) and _is_open(text):
        return _WAIT
    if run == ".":
        return _judge_full_stop(text, at, end)
    return end if run.strip("!?") == "" else _unless_it_goes_on(text, end)


def _judge_full_stop(text: str, at: int, end: int) -> int:
    found = _LAST_WORD.search(text, 0, at)
    word = found.group() if found is not None else ""
    if _NEVER_ENDS.match(word) or _LIST_NUMBER.match(text, 0, at):
        return _NO  # "1." before an item is none either
    if _MAY_END.match(word):
        return _unless_it_goes_on(text, end)
    return _WAIT if end == len(text) and word[-1:].isdigit() else end


def _unless_it_goes_on(text: str, end: int) -> int:
    """The next word decides: in lower case it carries on the sentence."""
    following = text[end:].lstrip()[:1]
    if not following:
        return _WAIT
    return _NO if following.islower() or following in ",;:" else end


def _closed(text: str, end: int) -> int:
    closers = _CLOSERS.match(text, end)
    return closers.end() if closers is not None else end


def _is_open(text: str) -> bool:
    """A quote or bracket waits for its partner, which may follow the full stop."""
    return text.count('"') % 2 == 1 or text.count("“") > text.count("”") or text.count("(") > text.count(")")


def _cut_by_length(text: str, limit: int) -> int:
    """Where to cut text that has no end within `limit`: after an inner stop of its second half, else at white space, else anywhere."""
    stops = [match.end() for match in _INNER_STOP.finditer(text, limit // 2, limit)]
    if stops:
        return stops[-1]
    spoken = next((at for at, character in enumerate(text) if character.isalnum()), limit)
    for at in range(limit, spoken, -1):
        if text[at].isspace():
            return at
    beyond = _SPACE.search(text, max(limit, spoken) + 1, 2 * limit)
    if beyond is not None:
        return beyond.start()
    return 2 * limit if len(text) > 2 * limit else 0
