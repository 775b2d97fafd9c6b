"""The responder for OpenAI-compatible endpoints, against a real HTTP server that speaks the protocol."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
from aiohttp import web

from orchestrator.responders.api import ReplyRequest, Said
from orchestrator.responders.openai import OpenAiOptions, OpenAiResponder, create, messages_of
from parley.errors import ParleyError
from parley.settings import SettingsError

pytest.importorskip("openai", reason="needs parley[openai]")

DONE = "data: [DONE]\n\n"


def event(**choice: Any) -> str:
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [{"index": 0, **choice}]}
    return f"data: {json.dumps(body)}\n\n"


def said(text: Any, finish: str | None = None) -> str:
    return event(delta={"content": text}, finish_reason=finish)


STOP = event(delta={}, finish_reason="stop")
NO_CHOICES = 'data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"total_tokens":3}}\n\n'


class Endpoint:
    """One endpoint whose next answer is `answer`: a status, or what is written (strings, and things to wait for)."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.headers: dict[str, str] = {}
        self.answer: list[str | Callable[[], Awaitable[object]]] = []
        self.break_off = False
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.peers: set[object] = set()
        self.gone = asyncio.Event()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.bodies.append(await request.json())
        self.keys.append(request.headers["Authorization"])
        assert request.transport is not None
        self.peers.add(request.transport.get_extra_info("peername"))
        if self.status != 200:
            return web.json_response({"error": {"message": "says the endpoint"}}, status=self.status, headers=self.headers)
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", **self.headers})
        try:
            await response.prepare(request)
            for step in self.answer:
                if isinstance(step, str):
                    await response.write(step.encode())
                else:
                    await step()
        except (ConnectionError, asyncio.CancelledError):
            self.gone.set()
            raise
        if self.break_off:
            request.transport.abort()
        return response


@pytest.fixture
async def endpoint() -> AsyncIterator[Endpoint]:
    served = Endpoint()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", served.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield served
    await runner.cleanup()


@pytest.fixture
async def make(endpoint: Endpoint) -> AsyncIterator[Callable[..., OpenAiResponder]]:
    made: list[OpenAiResponder] = []

    def factory(**options: Any) -> OpenAiResponder:
        made.append(create({"base_url": endpoint.url, "model": "m", **options}, {}))
        return made[-1]

    yield factory
    for responder in made:
        await responder.close()


Make = Callable[..., OpenAiResponder]


async def reply(responder: OpenAiResponder, text: str = "hello", **fields: Any) -> list[Any]:
    return [piece async for piece in responder.reply(ReplyRequest("s", 1, text, **fields))]


async def failure(responder: OpenAiResponder) -> ParleyError:
    with pytest.raises(ParleyError) as caught:
        await reply(responder)
    assert caught.value.reason == "RESPONDER_FAILED"
    return caught.value


async def forever() -> None:
    await asyncio.Event().wait()


async def test_words_come_as_they_are_streamed(endpoint: Endpoint, make: Make) -> None:
    second = asyncio.Event()
    endpoint.answer = [said("Hello"), second.wait, said(" there"), said("."), STOP, DONE]
    async with aclosing(make().reply(ReplyRequest("s", 1, "hi"))) as words:
        assert await anext(words) == "Hello"
        second.set()
        assert [piece async for piece in words] == [" there", "."]


async def test_what_is_no_text_is_passed_over(endpoint: Endpoint, make: Make) -> None:
    endpoint.answer = [
        ": keep-alive\n\n",
        event(delta={"role": "assistant", "content": None}),
        event(delta={"reasoning_content": "let me think"}),
        event(delta=None),
        event(),
        NO_CHOICES,
        "data: 3\n\n",
        'data: {"choices": null}\n\n',
        said(""),
        said(["no", "text"]),
        said("Yes"),
        ": keep-alive\n\n",
        said(".", "stop"),
        said(" beyond the end"),
        NO_CHOICES,
        DONE,
    ]
    assert await reply(make()) == ["Yes", "."]


async def test_an_event_may_arrive_in_parts(endpoint: Endpoint, make: Make) -> None:
    whole = said("grüß 日本") + STOP + DONE
    endpoint.answer = [whole[at : at + 7] for at in range(0, len(whole), 7)]
    assert await reply(make()) == ["grüß 日本"]


async def test_an_answer_may_be_empty(endpoint: Endpoint, make: Make) -> None:
    endpoint.answer = [STOP, DONE]
    assert await reply(make()) == []


async def test_nothing_is_asked_for_an_empty_turn(endpoint: Endpoint, make: Make) -> None:
    assert await reply(make(), "  ") == []
    assert endpoint.bodies == []


async def test_the_request_is_what_the_options_say(endpoint: Endpoint, make: Make) -> None:
    endpoint.answer = [STOP, DONE]
    await reply(
        make(temperature=0.5, max_tokens=99, extra_body={"top_k": 7}, api_key="sesame", system_prompt="Be kind."), prompt="Be brief."
    )
    await reply(make())
    full, plain = endpoint.bodies
    assert full["messages"][0]["content"].startswith("Be kind.\n\nBe brief.\n\n")
    assert {name: full[name] for name in ("model", "stream", "temperature", "max_tokens", "top_k")} == {
        "model": "m",
        "stream": True,
        "temperature": 0.5,
        "max_tokens": 99,
        "top_k": 7,
    }
    assert set(plain) == {"model", "messages", "stream"}
    assert endpoint.keys[0] == "Bearer sesame"


async def test_connections_are_kept_for_the_next_reply(endpoint: Endpoint, make: Make) -> None:
    responder = make()
    endpoint.answer = [said("a"), STOP, DONE]
    for _ in range(3):
        assert await reply(responder) == ["a"]
    assert len(endpoint.peers) == 1


@pytest.mark.parametrize("first", [[said("Hello")], [": thinking\n\n"], []])
async def test_cancelling_closes_the_connection(endpoint: Endpoint, make: Make, first: list[str]) -> None:
    asked = asyncio.Event()

    async def note() -> None:
        asked.set()

    endpoint.answer = [*first, note, forever]
    waiting = asyncio.ensure_future(reply(make()))
    async with asyncio.timeout(10):
        await asked.wait()
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await endpoint.gone.wait()


async def test_closing_the_iterator_between_words_closes_the_connection(endpoint: Endpoint, make: Make) -> None:
    endpoint.answer = [said("Hello"), forever]
    words = make().reply(ReplyRequest("s", 1, "hi"))
    assert await anext(words) == "Hello"
    await words.aclose()
    async with asyncio.timeout(10):
        await endpoint.gone.wait()


@pytest.mark.parametrize(
    ("status", "headers", "says", "retry_ms"),
    [
        (400, {}, "refused (HTTP 400", None),
        (401, {}, "the key is not accepted (HTTP 401", None),
        (404, {}, "no such endpoint or model (HTTP 404", None),
        (429, {"Retry-After": "2"}, "too many requests (HTTP 429", 2000),
        (429, {"Retry-After-Ms": "150"}, "too many requests", 150),
        (429, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, "too many requests", 1000),
        (503, {}, "refused (HTTP 503", 1000),
    ],
)
async def test_a_refusal_is_explained(
    endpoint: Endpoint, make: Make, status: int, headers: dict[str, str], says: str, retry_ms: int | None
) -> None:
    endpoint.status, endpoint.headers = status, headers
    error = await failure(make())
    assert says in error.message
    assert "says the endpoint" in error.message
    assert endpoint.url in error.message
    assert error.retry_after_ms == retry_ms
    assert len(endpoint.bodies) == 1, "no silent retries"


async def test_no_endpoint_at_all() -> None:
    server = await asyncio.start_server(lambda _reader, _writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    responder = create({"base_url": f"http://someone:sesame@127.0.0.1:{port}/v1", "model": "m"}, {})
    error = await failure(responder)
    assert f"the language model at http://127.0.0.1:{port}/v1: the connection failed: " in error.message
    assert error.retry_after_ms == 1000
    await responder.close()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (["data: {oops\n\n"], "expected a stream of JSON events"),
        (["<html>hello</html>"], "ended before it began"),
        ([], "ended before it began"),
        (['data: {"error": {"message": "model is overloaded"}}\n\n'], "model is overloaded"),
    ],
)
async def test_what_is_no_chat_stream_is_explained(endpoint: Endpoint, make: Make, answer: list[Any], says: str) -> None:
    endpoint.answer = answer
    assert says in (await failure(make())).message


async def test_a_stream_that_breaks_off_fails_after_its_words(endpoint: Endpoint, make: Make) -> None:
    endpoint.answer, endpoint.break_off = [said("Hello")], True
    words = make().reply(ReplyRequest("s", 1, "hi"))
    assert await anext(words) == "Hello"
    with pytest.raises(ParleyError, match="the connection failed"):
        await anext(words)


async def test_after_the_models_end_nothing_fails(endpoint: Endpoint, make: Make) -> None:
    endpoint.answer, endpoint.break_off = [said("Hello.", "stop")], True
    assert await reply(make()) == ["Hello."]
    endpoint.answer, endpoint.break_off = [said("Hello.", "stop"), DONE, forever], False
    assert await reply(make()) == ["Hello."]


async def test_time_runs_out_even_though_bytes_come(endpoint: Endpoint, make: Make) -> None:
    async def chatter() -> None:
        await asyncio.sleep(0.02)

    endpoint.answer = [step for _ in range(500) for step in (": keep-alive\n\n", event(delta={"reasoning_content": "hm"}), chatter)]
    error = await failure(make(timeout_s=0.2))
    assert "no words within 0.2 s" in error.message
    assert error.retry_after_ms is not None
    async with asyncio.timeout(10):
        await endpoint.gone.wait()


async def test_time_runs_out_without_an_answer(endpoint: Endpoint, make: Make) -> None:
    endpoint.answer = [forever]
    assert "no words within" in (await failure(make(timeout_s=0.2))).message


async def test_a_slow_listener_does_not_use_up_the_time(endpoint: Endpoint, make: Make) -> None:
    more = asyncio.Event()
    endpoint.answer = [said("a"), more.wait, said("b"), STOP, DONE]
    words = make(timeout_s=0.3).reply(ReplyRequest("s", 1, "hi"))
    assert await anext(words) == "a"
    await asyncio.sleep(0.35)  # longer than the time-out, with the iterator in the listener's hands
    more.set()
    assert [piece async for piece in words] == ["b"]


def messages(history: tuple[Said, ...], text: str = "now", **options: Any) -> list[tuple[str, str]]:
    checked = OpenAiOptions(model="m", **options)
    return [(message["role"], message["content"]) for message in messages_of(ReplyRequest("s", 1, text, history), checked)][1:]


def test_the_model_is_told_what_was_heard() -> None:
    history = (
        Said("user", "count"),
        Said("agent", "One, two, ", "One, two, three.", interrupted=True),
        Said("user", "thanks"),
        Said("agent", "You are welcome.", "You are welcome."),
    )
    assert messages(history) == [
        ("user", "count"),
        ("assistant", "One, two,—"),
        ("user", "thanks"),
        ("assistant", "You are welcome."),
        ("user", "now"),
    ]


def test_an_answer_that_was_not_heard_at_all_leaves_no_trace() -> None:
    history = (Said("user", "count"), Said("agent", "", "One, two, three.", interrupted=True))
    assert messages(history, "to three") == [("user", "count\nto three")]


def test_the_history_is_bounded_by_user_turns() -> None:
    history = tuple(one for turn in range(50) for one in (Said("user", f"u{turn}"), Said("agent", f"a{turn}")))
    assert messages(history, history_turns=1) == [("user", "u49"), ("assistant", "a49"), ("user", "now")]
    assert messages(history, history_turns=0) == [("user", "now")]
    assert len(messages(history, history_turns=1000)) == 101
    assert messages((Said("agent", "Welcome."), *history[:2]), history_turns=5)[0] == ("assistant", "Welcome.")


def test_the_key_comes_from_the_option_or_the_named_variable() -> None:
    with pytest.raises(SettingsError, match="wants a key: set SECRET in the environment"):
        create({"model": "m", "api_key_env": "SECRET"}, {"OPENAI_API_KEY": "x"})
    assert create({"model": "m"}, {"OPENAI_API_KEY": "x"})
    assert create({"model": "m", "api_key": "x"}, {})
    with pytest.raises(SettingsError, match="name of a model"):
        create({"api_key": "x"}, {})


@pytest.mark.parametrize(
    "options", [{"base_url": "localhost:1"}, {"temperature": 3}, {"history_turns": -1}, {"timeout_s": 0}, {"modell": "m"}]
)
def test_options_that_do_not_fit_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(SettingsError, match="responder 'openai'"):
        create(options, {})


def test_a_key_is_never_shown() -> None:
    assert "sesame" not in repr(OpenAiOptions(model="m", api_key="sesame"))
    with pytest.raises(SettingsError) as caught:
        create({"api_key": "sesame", "base_url": "x"}, {})
    assert "sesame" not in str(caught.value)


def test_without_the_extra_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openai", None)
    with pytest.raises(SettingsError, match=r"pip install 'parley\[openai\]'"):
        create({"model": "m", "api_key": "x"}, {})


def test_the_library_is_not_imported_before_it_is_wanted() -> None:
    program = "import sys, orchestrator.responders.registry as r; r.build_responder('guide'); sys.exit('openai' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False, timeout=50).returncode == 0
