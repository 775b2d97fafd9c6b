"""Conversations through both tiers with speech that can be checked: what tone says is what tone heard, word for word."""

from __future__ import annotations

import asyncio

import pytest
from caller import Caller, calling, tone_speech, tone_text

WORDS = ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india", "juliet"]


async def _twenty_turns(caller: Caller, offset: int) -> None:
    for i in range(20):
        text = f"{WORDS[(i + offset) % 10]} {i}."
        heard, answer = await caller.turn(tone_speech(text))
        assert heard == text
        assert tone_text(answer) == text


@pytest.mark.timeout(150)
async def test_twenty_turns_word_for_word_while_another_talks_undisturbed(tone_url: str) -> None:
    async with calling(tone_url) as one, calling(tone_url) as other, asyncio.TaskGroup() as group:
        group.create_task(_twenty_turns(one, 0))
        group.create_task(_twenty_turns(other, 7))


async def test_a_turn_as_messages(tone_url: str) -> None:
    async with calling(tone_url) as caller:
        await caller.turn(tone_speech("Hello, you."))
        await caller.wait("state", state="WAITING_FOR_INPUT")
        kinds = [event["type"] for event in caller.events]
        order = [
            "connection",
            "state",
            "transcription",
            "response_text",
            "utterance_started",
            "latency",
            "utterance_ended",
            "conversation_complete",
        ]
        assert [kind for i, kind in enumerate(kinds) if kind in order and kind not in kinds[:i]] == order
        assert [event["state"] for event in caller.events if event["type"] == "state"] == [
            "LISTENING", "LISTENING", "SPEAKING", "WAITING_FOR_INPUT",
        ]  # fmt: skip
        partials = [event for event in caller.events if event["type"] == "transcription" and not event["final"]]
        assert partials
        assert all("Hello, you.".startswith(event["text"]) for event in partials)


async def test_marks_come_in_time_and_name_the_words(tone_url: str) -> None:
    text = "one two three."
    async with calling(tone_url) as caller:
        await caller.turn(tone_speech(text))
        marks = [event for event in caller.events if event["type"] == "mark"]
        assert [text[mark["char_begin"] : mark["char_end"]].strip(".") for mark in marks] == ["one", "two", "three"]
        assert [mark["at_ms"] for mark in marks] == sorted(mark["at_ms"] for mark in marks)


async def test_talking_over_the_answer_stops_it_and_is_answered(tone_url: str) -> None:
    long = "This is a rather long sentence which takes several seconds to say, so that there is time to interrupt it."
    async with calling(tone_url) as caller:
        caller.say(tone_speech(long))
        started = await caller.wait("utterance_started")
        await caller.wait("mark")
        since = len(caller.events)
        caller.say(tone_speech("Stop it now."))
        await caller.wait("flush", since, utterance_id=started["utterance_id"])
        await caller.wait("state", since, state="BARGED_IN")
        ended = await caller.wait("utterance_ended", since)
        assert ended["reason"] == "interrupted"
        assert long.startswith(ended["heard_text"])
        assert len(ended["heard_text"]) < len(long)
        assert len(caller.audio[started["utterance_id"]]) / 96 < ended["played_ms"] + 200
        final = await caller.wait("transcription", since, final=True)
        assert final["text"] == "Stop it now."
        done = await caller.wait("conversation_complete", caller.events.index(final))
        assert done["reason"] == "played"


async def test_two_bursts_with_a_breath_between_are_one_turn(tone_url: str) -> None:
    async with calling(tone_url) as caller:
        heard, _ = await caller.turn(tone_speech("First half") + bytes(96 * 160) + tone_speech("second half"))
        assert heard == "First half second half"


@pytest.mark.parametrize("rate_hz", [8000, 16000, 24000])
async def test_any_of_the_rates_in_and_out(tone_url: str, rate_hz: int) -> None:
    async with calling(tone_url, microphone=False) as caller:
        await caller.ws.send_json({"type": "configure", "input_rate_hz": rate_hz, "output_rate_hz": rate_hz})
        configured = await caller.wait("configured")
        assert (configured["input_rate_hz"], configured["output_rate_hz"]) == (rate_hz, rate_hz)
        size = rate_hz // 50 * 2
        caller.silence = bytes(size)
        caller.say(tone_speech("At any rate.", rate_hz), size)
        async with asyncio.TaskGroup() as group:
            microphone = group.create_task(caller.speak())
            assert (await caller.wait("transcription", final=True))["text"] == "At any rate."
            ended = await caller.wait("utterance_ended")
            microphone.cancel()
        assert tone_text(bytes(caller.audio[ended["utterance_id"]]), rate_hz) == "At any rate."


async def test_typed_words_are_answered_in_speech(tone_url: str) -> None:
    async with calling(tone_url) as caller:
        await caller.ws.send_json({"type": "text", "text": "Typed words."})
        ended = await caller.wait("utterance_ended")
        assert tone_text(bytes(caller.audio[ended["utterance_id"]])) == "Typed words."
        assert ended["heard_text"] == "Typed words."


async def test_the_interrupt_button(tone_url: str) -> None:
    async with calling(tone_url) as caller:
        await caller.ws.send_json({"type": "text", "text": "A long answer that goes on and on and on and on, without any end in sight."})
        await caller.wait("mark")
        since = len(caller.events)
        await caller.ws.send_json({"type": "interrupt"})
        assert (await caller.wait("utterance_ended", since))["reason"] == "interrupted"
        await caller.wait("state", since, state="WAITING_FOR_INPUT")


async def test_a_client_that_sends_nothing_but_audio_has_a_conversation(tone_url: str) -> None:
    """No text message at all: 20 ms frames in, 20 ms frames out."""
    async with calling(tone_url) as caller:
        _, answer = await caller.turn(tone_speech("No words needed."))
        assert len(answer) % 1920 == 0
        assert tone_text(answer) == "No words needed."


async def test_the_server_can_be_told_what_was_played(tone_url: str) -> None:
    """A client that has played nothing yet has heard nothing."""
    async with calling(tone_url) as caller:
        await caller.ws.send_json({"type": "text", "text": "Some words that will be cut short before they are heard by anybody."})
        started = await caller.wait("utterance_started")
        await caller.ws.send_json({"type": "playback", "utterance_id": started["utterance_id"], "played_ms": 0})
        await caller.wait("mark")
        await caller.ws.send_json({"type": "interrupt"})
        ended = await caller.wait("utterance_ended")
        assert (ended["heard_text"], ended["played_ms"]) == ("", 0)
