"""The responders for loops and load."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.responders.api import ReplyRequest, Said
from orchestrator.responders.echo import EchoResponder
from orchestrator.responders.script import ScriptOptions, ScriptResponder, create
from parley.settings import SettingsError


class VirtualClock:
    """Time that passes only by sleeping."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def read(self) -> float:
        return self.now_s

    async def sleep(self, wait_s: float) -> None:
        self.now_s += wait_s


def request(turn: int = 1) -> ReplyRequest:
    history = tuple(said for _ in range(turn - 1) for said in (Said("user", "more"), Said("agent", "yes")))
    return ReplyRequest("session", turn, "more", history)


async def text_of(responder: Any, asked: ReplyRequest) -> str:
    return "".join([piece async for piece in responder.reply(asked)])


@pytest.mark.parametrize("text", ["hello", "  One.  Two!\n", "ß ü 日本 🎈", "repeat after me"])
async def test_echo_is_word_for_word(text: str) -> None:
    assert [piece async for piece in EchoResponder().reply(ReplyRequest("s", 1, text))] == [text]


async def test_echo_says_nothing_to_nothing() -> None:
    assert [piece async for piece in EchoResponder().reply(ReplyRequest("s", 1, ""))] == []


async def test_script_cycles_by_user_turns() -> None:
    responder = create({"replies": ["one", "two", "three"]})
    assert [await text_of(responder, request(turn)) for turn in (1, 2, 3, 4)] == ["one", "two", "three", "one"]
    assert await text_of(responder, request(2)) == "two"


async def test_script_can_stay_with_the_last() -> None:
    responder = create({"replies": ["one", "two"], "then": "last"})
    assert [await text_of(responder, request(turn)) for turn in (1, 2, 3, 9)] == ["one", "two", "two", "two"]


async def test_script_comes_word_by_word_in_time() -> None:
    clock = VirtualClock()
    responder = ScriptResponder(ScriptOptions(replies=("one two, three.",), delay_ms=250, words_per_s=4), clock.read, clock.sleep)
    came = [(piece, round(clock.now_s - 100, 6)) async for piece in responder.reply(request())]
    assert came == [("one", 0.25), (" two,", 0.5), (" three.", 0.75)]


async def test_script_makes_up_for_a_late_wake_up() -> None:
    clock = VirtualClock()
    responder = ScriptResponder(ScriptOptions(replies=("a b c d",), words_per_s=10), clock.read, clock.sleep)
    times = []
    async for _ in responder.reply(request()):
        times.append(round(clock.now_s - 100, 6))
        if len(times) == 1:
            clock.now_s += 0.15
    assert times == [0.0, 0.15, 0.2, 0.3]


async def test_script_without_speed_does_not_sleep() -> None:
    async def never(_: float) -> None:
        raise AssertionError("slept")

    assert await text_of(ScriptResponder(ScriptOptions(replies=("a b c",)), sleep_s=never), request()) == "a b c"


@given(st.text(alphabet="ab.,\n \t", max_size=60))
async def test_script_changes_no_character(reply: str) -> None:
    assert await text_of(ScriptResponder(ScriptOptions(replies=(reply,))), request()) == reply


@pytest.mark.parametrize("options", [{"replies": []}, {"delay_ms": -1}, {"words_per_s": -1}, {"then": "stop"}, {"replies": "text"}])
def test_script_refuses_what_does_not_fit(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="responder 'script'"):
        create(options)
