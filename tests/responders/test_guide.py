"""The guide: what it understands, what it must not, and what it answers."""

from __future__ import annotations

from datetime import datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.responders.api import Act, EndConversation, ReplyRequest, Said, SetSpeed
from orchestrator.responders.guide import REQUESTS, GuideResponder, heard_words, speak_time, understand
from orchestrator.responders.phrases import spell, tokenize
from orchestrator.responders.stories import STORIES

History = tuple[Said, ...]
NOON = datetime(2026, 3, 1, 12, 0)
COUNT = "One, two, three, four, five. Six, seven, eight, nine, ten. Eleven, twelve."


async def pieces(text: str, history: History = (), session_id: str = "s") -> list[str | Act]:
    responder = GuideResponder(now=lambda: NOON)
    return [piece async for piece in responder.reply(ReplyRequest(session_id, 1, text, history))]


async def words(text: str, history: History = (), session_id: str = "s") -> str:
    return "".join(piece for piece in await pieces(text, history, session_id) if isinstance(piece, str))


def stopped(heard: str, meant: str = COUNT) -> Said:
    return Said("agent", heard, meant, interrupted=True)


@pytest.mark.parametrize(
    ("text", "request_name"),
    [
        ("can you please count to thirty", "count"),
        ("count too thirty", "count"),
        ("Count to 30.", "count"),
        ("count two thirty five", "count"),
        ("Okay, could you count up to a hundred for me, please?", "count"),
        ("counter thirty", "count"),
        ("What's the time?", "time"),
        ("whats the time", "time"),
        ("um what time is it now", "time"),
        ("do you know what time it is", "time"),
        ("Tell me a story!", "story"),
        ("tell me the story", "story"),
        ("tell me a store", "story"),
        ("please tell me another story", "story"),
        ("tell me a story about a dragon and a king", "story"),
        ("hey parley tell me a story", "story"),
        ("how far did you get", "how_far"),
        ("so how far did you get then", "how_far"),
        ("repeat after me the sky is blue", "repeat"),
        ("talk a bit slower please", "slower"),
        ("Speak faster.", "faster"),
        ("okay goodbye parley", "goodbye"),
        ("good-bye", "goodbye"),
        ("please be quiet", "stop"),
        ("that's enough", "stop"),
        ("hey", "hello"),
        ("Thank you!", "thanks"),
        ("what did I just say?", "what_did_i_say"),
        ("what did you say", "say_again"),
    ],
)
def test_requests_are_understood(text: str, request_name: str) -> None:
    assert understand(text) == request_name


@pytest.mark.parametrize(
    "text",
    [
        "it's time to go",
        "what time is dinner",
        "do you have time",
        "once upon a time there was a king",
        "let me tell you a story",
        "I have a story for you",
        "that is a nice story",
        "tell me the story of your life",
        "tell me your name",
        "i can count to ten",
        "you can count on me",
        "count to thirty people in the room",
        "stop the car",
        "do not stop",
        "can you help my brother with his homework",
        "how far did he get",
        "how far is it to berlin",
        "what did he say",
        "walk faster",
        "he said goodbye to me",
        "elk",
        "I am sorry, I do not understand what you want",
        "?!",
        "日本",
    ],
)
def test_free_talk_is_left_alone(text: str) -> None:
    assert understand(text) == ""


@pytest.mark.parametrize("name", sorted(REQUESTS))
def test_each_phrase_of_the_table_means_its_own_request(name: str) -> None:
    for phrase in REQUESTS[name][1]:
        said = phrase.replace("#", "twelve").replace("*", "some other words")
        assert understand(said) == name
        assert understand(f"Could you please {said}, please?") == name or name in ("hello", "thanks")


@given(st.text(max_size=80))
async def test_anything_is_answered(text: str) -> None:
    assert bool(await words(text)) == bool(text.strip()) or understand(text) == "stop"


async def test_free_talk_is_repeated_and_silence_is_not() -> None:
    assert await words("the weather is fine ") == "I heard: the weather is fine"
    assert await pieces("") == []
    assert await pieces("  \n") == []


async def test_counting() -> None:
    assert await words("count to twelve") == COUNT
    assert await words("count to one") == "One."
    assert (await words("count to a hundred")).endswith("ninety-nine, one hundred.")
    assert await words("count to zero") == "Zero. That was quick."
    for far in ("count to one hundred and one", "count to 1,000,000", "count to two hundred"):
        assert "one hundred at most" in await words(far) or await words(far) == f"I heard: {far}"


@given(st.integers(1, 100))
async def test_counting_reaches_any_number_once(last: int) -> None:
    expected = [str(number) for number in range(1, last + 1)]
    for asked in (f"count to {last}", f"count to {spell(last)}", f"count to {spell(last).replace('-', ' ')} please"):
        assert [token.word for token in tokenize(await words(asked))] == expected


@pytest.mark.parametrize(
    ("heard", "answer"),
    [
        ("One, two, three", "You stopped me at three."),
        ("One, two, three, ", "You stopped me at three."),
        ("One, two, three, fo", "You stopped me at three."),
        (COUNT, "You stopped me at twelve."),
        ("On", "You stopped me before I had said a word."),
        ("", "You stopped me before I had said a word."),
    ],
)
async def test_how_far_a_count_got(heard: str, answer: str) -> None:
    assert await words("how far did you get?", (Said("user", "count to twelve"), stopped(heard))) == answer


def test_a_number_of_two_words_counts_when_both_were_heard() -> None:
    meant = "Nineteen, twenty, twenty-one, twenty-two."
    assert heard_words(stopped("Nineteen, twenty, twenty", meant))[-1] == "twenty"
    assert heard_words(stopped("Nineteen, twenty, twenty-", meant))[-1] == "twenty"
    assert heard_words(stopped("Nineteen, twenty, twenty-one", meant))[-1] == "twenty-one"
    assert heard_words(stopped("Nineteen", meant)) == ["Nineteen"]


async def test_how_far_looks_past_what_was_said_since() -> None:
    history = (Said("user", "count to twelve"), stopped("One, two, th"), Said("user", "stop"))
    assert await words("how far did you get", history) == "You stopped me at two."
    history += (Said("user", "how far did you get"), Said("agent", "You stopped me at two."))
    history += (Said("user", "talk slower"), Said("agent", "Slower it is. Like this."))
    assert await words("how far did you get", history) == "You stopped me at two."


async def test_how_far_when_nothing_was_stopped() -> None:
    assert await words("how far did you get") == "I have not said anything yet."
    assert await words("how far did you get", (Said("user", "count to twelve"), Said("agent", COUNT))) == "I got to the end, at twelve."


async def test_how_far_a_story_got() -> None:
    story = " ".join(STORIES[0])
    history = (Said("user", "tell me a story"), stopped(story[:60], story))
    heard = heard_words(history[-1])
    assert story.replace(",", "").replace(".", "").startswith(" ".join(heard))
    assert await words("where did I stop you", history) == f"You stopped me at the words: {' '.join(heard[-4:])}."


async def test_no_story_twice_in_a_row() -> None:
    history: History = ()
    told = []
    for _ in range(2 * len(STORIES)):
        told.append(await words("tell me a story", history))
        history += (Said("user", "tell me a story"), stopped("", told[-1]), Said("user", "hello"), Said("agent", "Hello."))
    assert all(one != two for one, two in pairwise(told))
    assert set(told) == {" ".join(story) for story in STORIES}


async def test_sessions_begin_with_different_stories() -> None:
    assert len({await words("tell me a story", session_id=f"session-{number}") for number in range(50)}) > 1


async def test_what_the_user_said() -> None:
    history = (
        Said("user", "I like tea"),
        Said("agent", "I heard: I like tea"),
        Said("user", "what did I say"),
        Said("agent", "You said: I like tea"),
    )
    assert await words("what did I say", history) == "You said: I like tea"
    assert await words("what did I say") == "You have not said anything before that."


async def test_what_the_agent_said() -> None:
    assert await words("say that again", (Said("user", "hi"), stopped("Hel", "Hello."))) == "Hello."
    assert await words("say that again") == "I have not said anything yet."


async def test_repeat_gives_the_users_own_writing() -> None:
    assert await words("Repeat after me: Hello, World! It's 3 o'clock.") == "Hello, World! It's 3 o'clock."
    assert await words("could you repeat after me one two three") == "one two three"
    assert (await words("repeat after me")).startswith("Repeat what?")


async def test_acts() -> None:
    assert (await pieces("talk slower"))[0] == SetSpeed(0.8)
    assert (await pieces("talk faster"))[0] == SetSpeed(1.25)
    assert (await pieces("goodbye"))[-1] == EndConversation()
    assert await pieces("stop") == []
    for text in ("talk slower", "talk faster", "goodbye"):
        assert await words(text)


@pytest.mark.parametrize(
    ("hour", "minute", "spoken"),
    [
        (0, 0, "midnight"),
        (12, 0, "noon"),
        (0, 30, "twelve thirty at night"),
        (12, 5, "twelve oh five in the afternoon"),
        (9, 0, "nine o'clock in the morning"),
        (15, 42, "three forty-two in the afternoon"),
        (23, 59, "eleven fifty-nine in the evening"),
    ],
)
def test_the_time_is_spoken(hour: int, minute: int, spoken: str) -> None:
    assert speak_time(NOON.replace(hour=hour, minute=minute)) == spoken


async def test_the_time_is_asked_when_it_is_wanted() -> None:
    assert await words("what time is it") == "It is noon."


async def test_help_names_requests_that_are_understood() -> None:
    text = await words("help")
    for said in ("count to thirty", "tell me a story", "what time is it", "what did i say", "how far did you get", "goodbye"):
        assert said in text.lower()
        assert understand(said)
