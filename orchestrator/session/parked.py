"""Who may come back: what a broken connection leaves behind is kept for a while, under the tokens that its client holds. Pure.

Bounded twice: nothing is kept for longer than `keep_ms`, and of more than `most` the oldest goes. What is kept it does not know.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Place(Generic[T]):
    tokens: tuple[str, ...]
    until_ms: float
    what: T


class Parked(Generic[T]):
    """Things by their tokens, each to be taken once. `now_ms` never goes back."""

    def __init__(self, keep_ms: float, most: int) -> None:
        self._keep_ms = keep_ms
        self._most = most
        self._places: dict[int, _Place[T]] = {}  # in the order of their coming, which is that of their going
        self._number_by_token: dict[str, int] = {}
        self._numbers = 0

    def __len__(self) -> int:
        return len(self._places)

    def park(self, tokens: Collection[str], what: T, now_ms: float) -> None:
        """Keep `what` until one of its tokens comes, or its time is over. Tokens are nobody else's; without any nothing is kept."""
        self.expire(now_ms)
        if not tokens or self._most == 0:
            return
        if len(self._places) == self._most:
            self._remove(next(iter(self._places)))
        self._numbers += 1
        self._places[self._numbers] = _Place(tuple(tokens), now_ms + self._keep_ms, what)
        self._number_by_token.update(dict.fromkeys(tokens, self._numbers))

    def take(self, token: str, now_ms: float) -> T | None:
        """What is kept under this token, and no longer; None if there is nothing."""
        self.expire(now_ms)
        number = self._number_by_token.get(token)
        return None if number is None else self._remove(number)

    def expire(self, now_ms: float) -> None:
        """Forget what is over."""
        while self._places:
            number, place = next(iter(self._places.items()))
            if now_ms < place.until_ms:
                return
            self._remove(number)

    def clear(self) -> None:
        """Forget everything."""
        self._places.clear()
        self._number_by_token.clear()

    def _remove(self, number: int) -> T:
        place = self._places.pop(number)
        for token in place.tokens:
            del self._number_by_token[token]
        return place.what
