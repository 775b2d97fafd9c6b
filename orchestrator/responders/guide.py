"""The responder of the first try: answers a handful of spoken requests without a language model, and repeats all else.

The requests stand in one table, `REQUESTS`; what they sound like is also in the recogniser's grammar (`configs/embedded/guide.gram`).
Everything is answered from the request and its history, so one guide serves all sessions.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from orchestrator.responders import stories
from orchestrator.responders.api import Act, EndConversation, ReplyRequest, Said, SetSpeed
from orchestrator.responders.options import read_options
from orchestrator.responders.phrases import Heard, Phrasebook, is_number, spell
from parley.settings import Section

_HELP: Final = (
    "You can say: count to thirty. Tell me a story. What time is it. Repeat after me, and some words. What did I say. "
    "Talk slower, or faster. Goodbye. And talk over me whenever you like: I stop, and then you can ask: how far did you get?"
)
_COUNT_MAX: Final = 100
_BREATH: Final = 5
"""Numbers between two full stops: about two seconds of speech, so that a place in it is known well even from a voice that times only
its sentences, and counting still has its rhythm."""


_WORD: Final = re.compile(r"\w+(?:['’-]\w+)*")
_IN_WORD: Final = re.compile(r"\w[\w'’-]|['’-]\w")


class GuideOptions(Section):
    """`guide` has nothing to set."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What an answer may use."""

    request: ReplyRequest
    heard: Heard
    now: datetime


Words = Iterator[str | Act]


def _help(turn: Turn) -> Words:
    yield _HELP


def _hello(turn: Turn) -> Words:
    yield "Hello. " + ("Say help to hear what I can do." if not turn.request.history else "I am still here.")


def _thanks(turn: Turn) -> Words:
    yield "You are welcome."


def _count(turn: Turn) -> Words:
    last = turn.heard.number
    if last > _COUNT_MAX:
        yield "That would take a while. I count to one hundred at most."
        return
    if last == 0:
        yield "Zero. That was quick."
    for first in range(1, last + 1, _BREATH):
        group = ", ".join(spell(number) for number in range(first, min(first + _BREATH, last + 1)))
        yield f"{' ' if first > 1 else ''}{group.capitalize()}."


def _story(turn: Turn) -> Words:
    told = [number for said in turn.request.history if (number := stories.find(_meant(said))) is not None]
    chosen = stories.pick(told[-1] if told else None, zlib.crc32(turn.request.session_id.encode()))
    yield " ".join(stories.STORIES[chosen])


def _time(turn: Turn) -> Words:
    yield f"It is {speak_time(turn.now)}."


def _repeat(turn: Turn) -> Words:
    yield turn.heard.rest or "Repeat what? Say: repeat after me, and then some words."


def _what_did_i_say(turn: Turn) -> Words:
    before = (said.text for said in reversed(turn.request.history) if said.role == "user" and said.text.strip())
    words = next((text for text in before if understand(text) != "what_did_i_say"), None)
    yield f"You said: {words}" if words is not None else "You have not said anything before that."


def _say_again(turn: Turn) -> Words:
    said = _last_reply(turn)
    yield _meant(said) if said is not None else "I have not said anything yet."


def _how_far(turn: Turn) -> Words:
    said = _last_reply(turn)
    if said is None:
        yield "I have not said anything yet."
        return
    words = heard_words(said)
    place = words[-1].lower() if words and is_number(words[-1]) else f"the words: {' '.join(words[-4:])}"
    if not words:
        yield "You stopped me before I had said a word."
    elif said.interrupted:
        yield f"You stopped me at {place}."
    else:
        yield f"I got to the end, at {place}."


def _slower(turn: Turn) -> Words:
    yield SetSpeed(0.8)
    yield "Slower it is. Like this."


def _faster(turn: Turn) -> Words:
    yield SetSpeed(1.25)
    yield "Faster it is. Like this."


def _goodbye(turn: Turn) -> Words:
    yield "Goodbye. It was nice to talk to you."
    yield EndConversation()


def _stop(turn: Turn) -> Words:
    yield from ()


REQUESTS: Final[Mapping[str, tuple[Callable[[Turn], Words], tuple[str, ...]]]] = {
    "help": (_help, ("help", "help me", "i need help", "what can you do", "what can i say", "what can i ask you", "what do you know")),
    "count": (_count, ("count to #", "count up to #", "count from one to #", "count two #", "count #", "start counting to #")),
    "story": (
        _story,
        (
            *("tell me a story", "tell us a story", "tell me another story", "tell another story", "another story", "one more story"),
            *("read me a story", "do you know a story", "i want to hear a story", "i would like to hear a story", "a story", "story"),
            *("tell me a different story", "tell me a new story", "tell me a short story", "tell me a story about *"),
        ),
    ),
    "time": (
        _time,
        (
            *("what time is it", "what is the time", "tell me the time", "do you know what time it is", "tell me what time it is"),
            *("what time is it right now", "how late is it"),
        ),
    ),
    "repeat": (_repeat, ("repeat after me", "say after me", "repeat after me *", "say after me *", "repeat this after me *")),
    "what_did_i_say": (
        _what_did_i_say,
        ("what did i say", "what did i just say", "what did i say before", "what did i tell you", "what did you hear", "what have i said"),
    ),
    "say_again": (
        _say_again,
        ("say that again", "say it again", "repeat that", "repeat it", "what did you say", "what did you just say", "come again", "pardon"),
    ),
    "how_far": (
        _how_far,
        (
            *("how far did you get", "how far did you come", "how far have you got", "how far were you", "how far did you count"),
            *("where did you stop", "where did i stop you", "where did i interrupt you", "where were you", "where were we"),
        ),
    ),
    "slower": (
        _slower,
        (
            *("talk slower", "speak slower", "slower", "slow down", "talk more slowly", "speak more slowly", "talk slowly", "speak slowly"),
            *("not so fast", "you talk too fast", "you are too fast", "go slower"),
        ),
    ),
    "faster": (
        _faster,
        (
            *("talk faster", "speak faster", "faster", "speed up", "talk more quickly", "speak more quickly", "hurry up"),
            *("not so slow", "you talk too slowly", "you are too slow", "go faster"),
        ),
    ),
    "goodbye": (_goodbye, ("goodbye", "good bye", "bye", "bye bye", "see you", "see you later", "good night", "hang up", "that is all")),
    "stop": (
        _stop,
        (
            *("stop", "stop it", "stop that", "stop talking", "stop counting", "be quiet", "quiet", "silence", "shut up", "enough"),
            *("that is enough", "never mind", "hold on", "wait"),
        ),
    ),
    "hello": (
        _hello,
        ("hello", "hello there", "hi", "hi there", "hey", "hey there", "good morning", "good afternoon", "good evening", "hello parley"),
    ),
    "thanks": (_thanks, ("thank you", "thanks", "thank you very much", "thanks a lot", "many thanks")),
}
_BOOK: Final = Phrasebook({name: phrases for name, (_, phrases) in REQUESTS.items()})
_NOT_A_PLACE: Final = frozenset({"how_far", "say_again", "slower", "faster", "what_did_i_say", "thanks"})
"""Requests whose answers nobody asks back about: "how far did you get?" looks past them."""


def understand(text: str) -> str:
    """The name of the request that `text` is, "" for free talk."""
    heard = _BOOK.match(text)
    return heard.name if heard is not None else ""


def speak_time(now: datetime) -> str:
    """The time of day in words that every voice reads right."""
    if now.minute == 0 and now.hour in (0, 12):
        return "noon" if now.hour else "midnight"
    part = "at night" if now.hour == 0 else "in the morning" if now.hour < 12 else "in the afternoon" if now.hour < 18 else "in the evening"
    minute = "o'clock" if now.minute == 0 else f"oh {spell(now.minute)}" if now.minute < 10 else spell(now.minute)
    return f"{spell((now.hour - 1) % 12 + 1)} {minute} {part}"


def heard_words(said: Said) -> list[str]:
    """The whole words of a reply that the user heard; one that was cut in the middle is not among them."""
    rest = _meant(said).removeprefix(said.text) if said.text else ""
    whole = not said.interrupted or not _IN_WORD.match(f"{said.text[-1:]}{rest[:1]}")
    words = _WORD.findall(said.text)
    return words if whole else words[:-1]


class GuideResponder:
    """See `REQUESTS`. `now` tells the time of day."""

    def __init__(self, now: Callable[[], datetime] = datetime.now) -> None:
        self._now = now

    async def reply(self, request: ReplyRequest) -> AsyncIterator[str | Act]:
        if not request.text.strip():
            return
        heard = _BOOK.match(request.text)
        if heard is None:
            yield f"I heard: {request.text.strip()}"
            return
        answer, _ = REQUESTS[heard.name]
        for piece in answer(Turn(request, heard, self._now())):
            yield piece

    async def close(self) -> None:
        """Nothing is held."""


def create(options: Mapping[str, Any]) -> GuideResponder:
    """Raises SettingsError."""
    read_options("guide", GuideOptions, options)
    return GuideResponder()


def _meant(said: Said) -> str:
    return said.meant or said.text if said.role == "agent" else ""


def _last_reply(turn: Turn) -> Said | None:
    """The last thing the agent had to say, answers about talking itself left out."""
    history = turn.request.history
    for at in range(len(history) - 1, -1, -1):
        asked = history[at - 1].text if at and history[at - 1].role == "user" else ""
        if _meant(history[at]) and understand(asked) not in _NOT_A_PLACE:
            return history[at]
    return None
