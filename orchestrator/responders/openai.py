"""The responder that asks a language model: any OpenAI-compatible chat endpoint, streamed, through the official client library.

What the model is told of the past is what the user really heard: a reply that was interrupted stands in the history up to that word
and ends with a dash. The library is an extra (`parley[openai]`) and is imported when a responder is built, not before. It keeps no
history, calls no tools and retries nothing that has begun to answer.

Time-outs are about words, not bytes: an endpoint that sends keep-alive comments or hidden reasoning for `timeout_s` has failed a caller
who hears nothing. The connection is kept for a minute, since a new one costs a reply its TLS handshake.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import Field, SecretStr

from orchestrator.responders.api import Act, ReplyRequest, Said
from orchestrator.responders.options import read_options
from parley.errors import ParleyError
from parley.settings import Section, SettingsError

if TYPE_CHECKING:
    from openai import AsyncOpenAI, AsyncStream
    from openai.types.chat import ChatCompletionChunk

Message = dict[str, str]

_OWN_URL: Final = "https://api.openai.com/v1"
_CONNECT_S: Final = 5.0
_KEEP_ALIVE_S: Final = 60.0
_DRAIN_S: Final = 0.25
"""How long the end of the reply waits for the endpoint's own end, which lets the connection be used again."""
_RETRY_MS: Final = 1000
_MESSAGE_CHARS: Final = 300
_INTERRUPTED: Final = (
    "If one of your earlier answers ends with a dash (—), the user interrupted you there and heard nothing that you had to say after it."
)


class OpenAiOptions(Section):
    """Where the model is, and how it is asked."""

    base_url: Annotated[str, Field(pattern=r"^https?://\S+$")] = _OWN_URL
    """The endpoint, up to and including its version, e.g. http://127.0.0.1:11434/v1."""
    model: str = ""
    """The model's name at that endpoint; has no default."""
    api_key: SecretStr | None = None
    """The key; without it, the one in the environment variable `api_key_env`."""
    api_key_env: str = "OPENAI_API_KEY"
    """Environment variable that holds the key; it may be unset for an endpoint that wants none."""
    system_prompt: str = (
        "You are a friendly voice assistant. Your words are spoken aloud: answer briefly, in plain sentences, as people talk, "
        "without lists, headings, markup, links or emoji. What the user says comes from a speech recogniser and may hold errors."
    )
    """The first message; the client's own `prompt` is appended to it."""
    temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    """Sampling temperature; the endpoint's own if not set."""
    max_tokens: Annotated[int, Field(ge=1)] | None = None
    """Longest reply in tokens (sent as `max_tokens`; endpoints that want another name take it in `extra_body`)."""
    history_turns: Annotated[int, Field(ge=0, le=1000)] = 20
    """How many earlier user turns, with their answers, the model is told."""
    timeout_s: Annotated[float, Field(gt=0, le=600)] = 30.0
    """Longest wait for the next words."""
    extra_body: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request, as the endpoint knows them."""


def create(options: Mapping[str, Any], environ: Mapping[str, str] = os.environ) -> OpenAiResponder:
    """The responder, ready to answer; `environ` is looked at here and not again.

    Raises:
        SettingsError: options that do not fit, no key for OpenAI's own endpoint, or the extra is not installed.
    """
    checked = read_options("openai", OpenAiOptions, options)
    if not checked.model:
        raise SettingsError("responder 'openai': model: expected the name of a model at the endpoint, got none")
    key = checked.api_key.get_secret_value() if checked.api_key is not None else environ.get(checked.api_key_env, "")
    if not key and checked.base_url.rstrip("/") == _OWN_URL:
        raise SettingsError(
            f"responder 'openai': {_OWN_URL} wants a key: set {checked.api_key_env} in the environment, or base_url to another endpoint"
        )
    return OpenAiResponder(checked, key)


def messages_of(request: ReplyRequest, options: OpenAiOptions) -> list[Message]:
    """What the model is sent: system, the last turns as they were heard, this turn; neighbours never have the same role.

    An answer of which nothing was heard leaves no trace, and the user's words around it become one message: several endpoints
    insist on alternation.
    """
    system = "\n\n".join(part for part in (options.system_prompt, request.prompt, _INTERRUPTED) if part)
    messages = [{"role": "system", "content": system}]
    for said in (*_last_turns(request.history, options.history_turns), Said("user", request.text)):
        role, text = ("user" if said.role == "user" else "assistant"), said.text.strip()
        if not text:
            continue
        if said.interrupted:
            text += "—"
        if messages[-1]["role"] == role:
            messages[-1]["content"] += f"\n{text}"
        else:
            messages.append({"role": role, "content": text})
    return messages


class OpenAiResponder:
    """One client, and so one pool of connections, for all sessions."""

    def __init__(self, options: OpenAiOptions, key: str) -> None:
        self._options = options
        self._place = _without_user(options.base_url)
        self._client, self._failures = _client(options, key)

    async def reply(self, request: ReplyRequest) -> AsyncIterator[str | Act]:
        if not request.text.strip():
            return
        now_s = asyncio.get_running_loop().time
        due_s = now_s() + self._options.timeout_s
        spoke = finished = False
        async with await self._open(request, due_s) as stream:
            while True:
                try:
                    chunk = await self._next(stream, due_s)
                except ParleyError:
                    if finished:
                        return  # the model's answer is whole, only the endpoint's good-bye is missing
                    raise
                if chunk is None:
                    break
                text, ended = _read(chunk)
                if text and not finished:
                    spoke = True
                    yield text
                    due_s = now_s() + self._options.timeout_s
                if ended and not finished:
                    finished = True
                    due_s = now_s() + _DRAIN_S
        if not (spoke or finished):
            raise self._failed("the answer ended before it began (is this a chat completions endpoint that can stream?)")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    async def _open(self, request: ReplyRequest, due_s: float) -> AsyncStream[ChatCompletionChunk]:
        wanted: dict[str, Any] = {"temperature": self._options.temperature, "max_tokens": self._options.max_tokens}
        body = {
            "model": self._options.model,
            "messages": messages_of(request, self._options),
            "extra_body": self._options.extra_body or None,
            **{name: value for name, value in wanted.items() if value is not None},
        }
        with self._readable():
            async with asyncio.timeout_at(due_s):
                stream: AsyncStream[ChatCompletionChunk] = await self._client.chat.completions.create(**body, stream=True)
                return stream

    async def _next(self, stream: AsyncStream[ChatCompletionChunk], due_s: float) -> object | None:
        with self._readable():
            async with asyncio.timeout_at(due_s):
                return await anext(stream, None)

    @contextmanager
    def _readable(self) -> Iterator[None]:
        """What the library and the wire raise, as one RESPONDER_FAILED that a person can act on."""
        try:
            yield
        except self._failures as error:
            raise self._explain(error) from error

    def _explain(self, error: BaseException) -> ParleyError:
        status = getattr(error, "status_code", None)
        if isinstance(status, int):
            return self._explain_status(status, error)
        if isinstance(error, TimeoutError):
            return self._failed(f"no words within {self._options.timeout_s:g} s", _RETRY_MS)
        if isinstance(error, ValueError):
            return self._failed(f"expected a stream of JSON events, got something else ({error})")
        return self._failed(f"the connection failed: {str(error.__cause__ or '') or error}", _RETRY_MS)

    def _explain_status(self, status: int, error: BaseException) -> ParleyError:
        hint = {401: "the key is not accepted", 403: "not allowed", 404: "no such endpoint or model", 429: "too many requests"}
        retry_ms = _retry_after_ms(getattr(getattr(error, "response", None), "headers", {})) if status == 429 or status >= 500 else None
        return self._failed(f"{hint.get(status, 'refused')} (HTTP {status}: {getattr(error, 'message', error)})", retry_ms)

    def _failed(self, what: str, retry_after_ms: int | None = None) -> ParleyError:
        text = " ".join(what.split())
        if len(text) > _MESSAGE_CHARS:
            text = f"{text[:_MESSAGE_CHARS]}…"
        return ParleyError("RESPONDER_FAILED", f"the language model at {self._place}: {text}", retry_after_ms)


def _client(options: OpenAiOptions, key: str) -> tuple[AsyncOpenAI, tuple[type[BaseException], ...]]:
    """The library's client, and what it may raise while it talks."""
    try:
        import openai  # the extra, 0.7 s to import: only where it is wanted
    except ImportError as error:
        raise SettingsError("responder 'openai' needs its client library: pip install 'parley[openai]'") from error
    limits_type = type(openai.DEFAULT_CONNECTION_LIMITS)
    http = sys.modules[limits_type.__module__.partition(".")[0]]  # httpx or httpx2, by the library's version
    client = openai.AsyncOpenAI(
        base_url=options.base_url,
        api_key=key or "none",
        max_retries=0,  # its own back-off is half a second and more: the session decides what to do with a failed reply
        timeout=openai.Timeout(None, connect=min(_CONNECT_S, options.timeout_s)),  # the rest is `due_s`
        http_client=openai.DefaultAsyncHttpxClient(
            limits=limits_type(max_connections=1000, max_keepalive_connections=100, keepalive_expiry=_KEEP_ALIVE_S)
        ),
    )
    _ = client.chat.completions.create  # the library imports its parts on first use: now, not in the first reply
    return client, (openai.OpenAIError, http.HTTPError, TimeoutError, OSError, ValueError)


def _read(chunk: object) -> tuple[str, bool]:
    """Text of one event, and whether the model has ended. Events of other shapes (usage, reasoning, roles) hold none."""
    choices = getattr(chunk, "choices", None)
    if not isinstance(choices, list) or not choices:
        return "", False
    content = getattr(getattr(choices[0], "delta", None), "content", None)
    return content if isinstance(content, str) else "", bool(getattr(choices[0], "finish_reason", None))


def _last_turns(history: tuple[Said, ...], turns: int) -> tuple[Said, ...]:
    starts = [at for at, said in enumerate(history) if said.role == "user"]
    if len(starts) <= turns:
        return history if turns else ()
    return history[starts[-turns] :] if turns else ()


def _retry_after_ms(headers: Mapping[str, str]) -> int:
    for name, scale in (("retry-after-ms", 1), ("retry-after", 1000)):
        try:
            wait_ms = float(headers.get(name, "")) * scale
        except ValueError:
            continue  # absent, or a date
        if 0 <= wait_ms < 1e9:
            return int(wait_ms)
    return _RETRY_MS


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
