"""A pause that was no interruption: what the client plays equals the uninterrupted answer, sample for sample."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest
from caller import Caller, calling, tone_speech, tone_text

TEXT = "A long answer, which is paused in the middle by a sound that means nothing, and goes on as if nothing had been."


def _hum(ms: int) -> bytes:
    """A voice without words: harmonics of 130 Hz with a slow tremor, which the VAD takes for speech and no recogniser for words."""
    t = np.arange(48 * ms) / 48_000
    wave = sum(np.sin(2 * np.pi * 130 * k * t + k) / k for k in range(1, 25)) * (1 + 0.5 * np.sin(2 * np.pi * 5 * t))
    return (wave * 4000).astype(np.int16).tobytes()


async def _answer(caller: Caller, sounds_ms: list[int]) -> bytes:
    """The answer to TEXT as the client plays it, with these sounds made over it."""
    await caller.ws.send_json({"type": "text", "text": TEXT})
    since = len(caller.events)
    started = await caller.wait("utterance_started")
    for ms in sounds_ms:
        await caller.wait("mark", since)
        since = len(caller.events)
        caller.say(_hum(ms))
        await caller.wait("pause", since)
        verdict = await caller.wait("verdict", since)
        assert verdict["verdict"] == "noise"
        await caller.wait("resume", since)
        since = len(caller.events)
    ended = await caller.wait("utterance_ended")
    assert (ended["reason"], ended["heard_text"]) == ("played", TEXT)
    return bytes(caller.audio[started["utterance_id"]])


@pytest.mark.parametrize("sounds_ms", [[300], [500, 900]])
async def test_a_resumed_answer_is_the_uninterrupted_one_sample_for_sample(tone_url: str, sounds_ms: list[int]) -> None:
    async with calling(tone_url) as undisturbed, calling(tone_url) as disturbed, asyncio.TaskGroup() as group:
        whole = group.create_task(_answer(undisturbed, []))
        resumed = group.create_task(_answer(disturbed, sounds_ms))
    assert resumed.result() == whole.result()
    assert tone_text(resumed.result()) == TEXT


async def test_nothing_is_sent_between_pause_and_verdict(tone_url: str) -> None:
    async with calling(tone_url) as caller:
        await caller.ws.send_json({"type": "text", "text": TEXT})
        started = await caller.wait("utterance_started")
        await caller.wait("mark")
        caller.say(_hum(400))
        await caller.wait("pause")
        before = len(caller.audio[started["utterance_id"]])
        await caller.wait("verdict")
        assert len(caller.audio[started["utterance_id"]]) == before


async def test_words_over_the_answer_are_an_interruption_with_their_reason(tone_url: str) -> None:
    async with calling(tone_url) as caller:
        await caller.ws.send_json({"type": "text", "text": TEXT})
        await caller.wait("mark")
        since = len(caller.events)
        caller.say(tone_speech("No, wait."))
        verdict = await caller.wait("verdict", since)
        assert (verdict["verdict"], verdict["reason"]) == ("interruption", "words")
        await caller.wait("flush", since)
        kinds = [event["type"] for event in caller.events[since:]]
        assert kinds.index("pause") < kinds.index("verdict") < kinds.index("flush") + 2


async def test_a_backchannel_is_none(tone_url: str) -> None:
    async with calling(tone_url) as caller:
        await caller.ws.send_json({"type": "text", "text": TEXT})
        await caller.wait("mark")
        since = len(caller.events)
        caller.say(tone_speech("okay"))
        verdict = await caller.wait("verdict", since)
        assert verdict["verdict"] == "backchannel"
        assert (await caller.wait("utterance_ended", since))["reason"] == "played"
