"""Sessions that outlive a connection, and sessions that come to a limit."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from alone import orchestrator
from caller import Caller, calling, refused, tone_speech, tone_text

COUNTING = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen."


def back(url: str, caller: Caller) -> str:
    """Where this caller's session goes on."""
    return f"{url}?resume={caller.events[0]['resume_token']}"


async def parked(url: str, number: int) -> None:
    """Wait until so many sessions are held without a connection."""
    status = "http" + url.removeprefix("ws").split("/v1/")[0] + "/status"
    async with asyncio.timeout(20), aiohttp.ClientSession() as http:
        while True:
            async with http.get(status) as response:
                shown: dict[str, Any] = await response.json()
            if (shown["parked"], shown["sessions"]) == (number, 0):
                return
            await asyncio.sleep(0.02)


# ---------- coming back ----------


@pytest.mark.parametrize("breaks", [True, False], ids=["breaks", "is taken over"])
async def test_an_utterance_is_in_the_air_when_the_connection(breaks: bool, tone_url: str) -> None:
    async with calling(tone_url) as first:
        await first.ws.send_json({"type": "text", "text": COUNTING})
        await first.wait("utterance_started")
        await first.wait("mark", char_begin=COUNTING.index("four"))
        if breaks:
            first.break_off()
            await first.closed()
        async with calling(back(tone_url, first)) as second:
            greeting, state = second.events[0], await second.wait("state")
            assert greeting["resumed"]
            assert greeting["session_id"] == first.events[0]["session_id"]
            assert greeting["resume_token"] not in ("", first.events[0]["resume_token"])
            assert (state["state"], state["reason"]) == ("WAITING_FOR_INPUT", "connected")
            heard, answer = await second.turn(tone_speech("Hello again."))
            assert heard == "Hello again."
            assert tone_text(answer) == "Hello again."
            final = await second.wait("transcription", final=True)
            ended = await second.wait("utterance_ended")
            assert (final["turn_id"], ended["utterance_id"]) == (2, 2)
        if not breaks:
            cut = await first.wait("utterance_ended")
            assert cut["reason"] == "interrupted"
            assert COUNTING.startswith(cut["heard_text"])
            assert "three" in cut["heard_text"]


async def test_the_agent_knows_what_was_said_and_how_far_it_was_heard(embedded_url: str) -> None:
    async with calling(embedded_url, microphone=False) as first:
        await first.ws.send_json({"type": "text", "text": "count to thirty"})
        await first.wait("utterance_started")
        await first.wait("mark", char_begin=len("One, two, three, "))
        first.break_off()
        await first.closed()
    async with calling(back(embedded_url, first), microphone=False) as second:
        for question, knows in (("what did I say", "count to thirty"), ("how far did you get", "three")):
            since = len(second.events)
            await second.ws.send_json({"type": "text", "text": question})
            await second.wait("response_text", since, final=True)
            said = "".join(event["text"] for event in second.events[since:] if event["type"] == "response_text")
            assert knows in said.lower(), said
            assert "thirty" not in said or question == "what did I say"


async def test_settings_come_back_too(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "") as (_, url):
        async with calling(url, microphone=False) as first:
            wishes = {"input_rate_hz": 16000, "output_rate_hz": 24000, "speed": 1.5, "language": "de", "voice": "anna"}
            await first.ws.send_json({"type": "configure", **wishes})
            await first.wait("configured")
            first.break_off()
            await first.closed()
        async with calling(back(url, first), microphone=False) as second:
            assert (second.events[0]["input_rate_hz"], second.events[0]["output_rate_hz"]) == (16000, 24000)
            await second.ws.send_json({"type": "configure"})
            configured = await second.wait("configured")
            assert {name: configured[name] for name in wishes} == wishes
            await second.ws.send_bytes(bytes(640))  # 20 ms at 16 kHz
            await second.ws.send_json({"type": "ping"})
            await second.wait("pong")
            assert not [event for event in second.events if event["type"] == "error" and event["code"] == "BAD_FRAME"]


async def test_who_takes_over_closes_the_connection_before(tmp_path: Path) -> None:
    full = "limits: {sessions: 1}\n"
    async with orchestrator(tmp_path, full) as (_, url), calling(url) as first, calling(back(url, first)) as second:
        assert await first.closed() == 1008
        assert (first.events[-1]["code"], first.events[-1]["fatal"]) == ("SESSION_EXISTS", True)
        assert first.events[-2]["reason"] == "taken_over"
        assert second.events[0]["resumed"]
        assert second.events[0]["session_id"] == first.events[0]["session_id"]
        await second.ws.send_json({"type": "ping"})
        await second.wait("pong")


async def test_a_token_is_good_once(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "") as (_, url), calling(url) as first:
        first.break_off()
        async with calling(back(url, first)) as second:
            await second.ws.send_json({"type": "ping"})
            await second.wait("pong")
            error, code = await refused(back(url, first))
            assert (error["code"], error["fatal"], code) == ("SESSION_UNKNOWN", True, 1008)
            await second.ws.send_json({"type": "ping"})
            await second.wait("pong", since=len(second.events))


async def test_a_client_that_never_saw_its_new_token_comes_with_the_old_one(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "") as (_, url), calling(url) as first:
        first.break_off()
        async with calling(back(url, first), microphone=False) as lost:
            lost.break_off()
            async with calling(back(url, first)) as second:
                assert second.events[0]["session_id"] == first.events[0]["session_id"]


async def test_a_token_of_nobody_is_refused(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "") as (_, url):
        for token in ("", "nobody", "%00"):
            error, code = await refused(f"{url}?resume={token}")
            assert (error["code"], error["fatal"], code) == ("SESSION_UNKNOWN", True, 1008)


async def test_who_said_goodbye_is_not_waited_for(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "") as (_, url):
        async with calling(url, microphone=False) as ended, calling(url, microphone=False) as closed:
            await ended.ws.send_json({"type": "end"})
            assert await ended.closed() == 1000
        await parked(url, 0)
        for caller in (ended, closed):
            assert (await refused(back(url, caller)))[0]["code"] == "SESSION_UNKNOWN"


async def test_a_page_that_was_closed_may_come_back(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "") as (_, url), calling(url, microphone=False) as first:
        await first.ws.close(code=1001)
        async with calling(back(url, first)) as second:
            assert second.events[0]["resumed"]


async def test_it_is_not_held_for_ever(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "limits: {resume_s: 0.3}\n") as (_, url), calling(url) as first:
        first.break_off()
        await parked(url, 0)
        assert (await refused(back(url, first)))[0]["code"] == "SESSION_UNKNOWN"


async def test_of_too_many_the_oldest_goes(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "limits: {parked: 1}\n") as (_, url):
        async with calling(url) as oldest:
            oldest.break_off()
            await parked(url, 1)
        async with calling(url) as newest:
            newest.break_off()
            await parked(url, 1)
        assert (await refused(back(url, oldest)))[0]["code"] == "SESSION_UNKNOWN"
        async with calling(back(url, newest)):
            pass


async def test_where_nobody_may_come_back_there_is_no_token(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "limits: {resume_s: 0}\n") as (_, url), calling(url) as caller:
        assert caller.events[0]["resume_token"] == ""
        caller.break_off()
        await parked(url, 0)


# ---------- limits ----------


async def test_idle_time_is_announced_and_then_over(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "limits: {idle_s: 0.6, announce_s: 0.2}\n") as (_, url), calling(url) as caller:
        assert await caller.closed() == 1000
        limit = await caller.wait("limit")
        assert (limit["what"], limit["left_ms"], limit["left"]) == ("idle", 200, None)
        assert (caller.events[-2]["state"], caller.events[-2]["reason"]) == ("TERMINATED", "idle_timeout")
        assert (caller.events[-1]["code"], caller.events[-1]["fatal"]) == ("SESSION_LIMIT", True)
        assert (await refused(back(url, caller)))[0]["code"] == "SESSION_UNKNOWN"


async def test_duration_goes_on_while_the_client_is_away(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "limits: {duration_s: 1.6}\n") as (_, url), calling(url) as first:
        first.break_off()
        await parked(url, 1)
        async with calling(back(url, first)) as second:
            assert await second.closed() == 1000
            limit = await second.wait("limit")
            assert limit["what"] == "duration"
            assert 0 < limit["left_ms"] <= 800
            assert second.events[-2]["reason"] == "duration_limit"


async def test_exchanges_are_counted_over_connections(tmp_path: Path) -> None:
    config = "limits: {messages: 2}\nturn: {first_audio_ms: 50}\n"
    async with orchestrator(tmp_path, config) as (_, url), calling(url, microphone=False) as first:
        assert (await first.wait("limit", what="messages"))["left"] == 2
        await first.ws.send_json({"type": "text", "text": "hello"})  # nobody can speak the answer: it fails, and counts
        assert (await first.wait("limit", what="messages", left=1))["left_ms"] is None
        first.break_off()
        async with calling(back(url, first), microphone=False) as second:
            await second.wait("limit", what="messages", left=1)
            await second.ws.send_json({"type": "text", "text": "hello"})
            assert await second.closed() == 1000
            assert second.events[-2]["reason"] == "message_limit"
            assert second.events[-1]["code"] == "SESSION_LIMIT"
