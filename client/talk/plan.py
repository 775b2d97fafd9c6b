"""From options to a conversation: which turns, which stack, which devices, which view."""

from __future__ import annotations

import contextlib
import itertools
import socket
import sys
import threading
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client.audio import devices
from client.audio.files import STREAM, SoundReader, SoundWriter
from client.audio.playback import Playback
from client.failure import Failure
from client.places import HOST, PORT, session_url
from client.stack.presets import load
from client.stack.stack import Stack, StackPlan
from client.talk.conversation import Conversation
from client.talk.ends import Ear, LiveEar, LiveMouth, Mouth, ScriptedMouth, SilentEar
from client.talk.script import Script, Spoken, Turn, Typed
from client.talk.views import JsonView, LiveView, PlainView, View


@dataclass(frozen=True, slots=True)
class TalkPlan:
    """The options of `parley talk`."""

    url: str | None = None
    wavs: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    out: str | None = None
    json: bool = False
    barge_in_ms: float | None = None
    patience_s: float = 30.0
    preset: str = "embedded"
    config: Path | None = None
    configure: dict[str, Any] | None = None
    verbose: bool = False

    @property
    def live(self) -> bool:
        """Microphone and loudspeaker: nothing else was given."""
        return not self.wavs and not self.texts


async def talk(plan: TalkPlan) -> None:
    """Hold the conversation.

    Raises:
        Failure: it cannot be held, or a turn got no answer.
    """
    _check(plan)
    script = None if plan.live else Script(turns_of(plan), plan.barge_in_ms, plan.patience_s)
    with contextlib.ExitStack() as opened:
        record = opened.enter_context(SoundWriter(plan.out)) if plan.out is not None else None
        async with _server(plan) as url:
            ear, mouth = _ends(plan, script, record, opened)
            view = _view(plan)
            opened.callback(view.close)
            if plan.live:
                note = "speak (headphones keep the agent from hearing itself); Ctrl-C ends"
                view.message({"type": "client_note", "text": note}, 0.0)
            conversation = Conversation(url, mouth, ear, view, plan.configure)
            await conversation.run()
    _judge(conversation, script)


def _check(plan: TalkPlan) -> None:
    """Refuse what cannot work before anything is started for it."""
    if plan.out == STREAM:
        raise Failure("stdout belongs to the conversation's text", "give --out a file, e.g. --out heard.wav", code=2)
    if plan.live and plan.barge_in_ms is not None:
        raise Failure("--barge-in-ms needs something to barge in with", "add --wav FILE or --text WORDS", code=2)
    if plan.live:
        devices.require_microphone()


def turns_of(plan: TalkPlan) -> list[Turn]:
    """The turns of the script: files first, then typed text. With `barge_in_ms` a single turn is said again, as the interruption."""
    for name in plan.wavs:
        SoundReader(name)  # unreadable files fail before anything is started
    turns: list[Turn] = [*(Spoken(name, _frames_of(name)) for name in plan.wavs), *(Typed(text) for text in plan.texts)]
    return turns * 2 if plan.barge_in_ms is not None and len(turns) == 1 else turns


def is_listening(host: str, port: int) -> bool:
    """Whether anything accepts connections there."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        return probe.connect_ex((host, port)) == 0


def _frames_of(name: str) -> Any:
    data: list[bytes] = []

    def frames() -> Iterator[bytes]:
        if name == "-" and not data:  # stdin can be read once, a turn may be spoken twice
            data.extend(SoundReader(name).frames())
        return iter(data) if data else SoundReader(name).frames()

    return frames


@contextlib.asynccontextmanager
async def _server(plan: TalkPlan) -> AsyncIterator[str]:
    """Where to connect: what was asked for, what runs on the default port, or a stack of our own."""
    if plan.url is not None or is_listening(HOST, PORT):
        yield session_url(plan.url)
        return
    own = Stack(StackPlan(load(plan.preset, plan.config), show_logs=plan.verbose, drain_orchestrator_s=2.0), _to_stderr)
    async with contextlib.AsyncExitStack() as started:
        with _waiting(f"starting a Parley of my own (preset {plan.preset}) ..."):
            stack = await started.enter_async_context(own)
        yield stack.url


@contextlib.contextmanager
def _waiting(text: str) -> Iterator[None]:
    if not sys.stderr.isatty():
        _to_stderr(text)
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(text):
        yield


def _to_stderr(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _ends(plan: TalkPlan, script: Script | None, record: SoundWriter | None, opened: contextlib.ExitStack) -> tuple[Ear, Mouth]:
    ear: Ear
    if script is None or (plan.out is None and not plan.json and _can_be_heard()):
        playback, lock = Playback(), threading.Lock()
        loudspeaker = opened.enter_context(devices.Loudspeaker(playback, lock, keep=record is not None))
        ear = LiveEar(playback, lock, loudspeaker, record)
    else:
        ear = SilentEar(record)
    if script is not None:
        return ear, ScriptedMouth(script)
    return ear, LiveMouth(opened.enter_context(devices.Microphone()))


def _can_be_heard() -> bool:
    try:
        return devices.present("output")
    except Failure:
        return False


def _view(plan: TalkPlan) -> View:
    if plan.json:
        return JsonView()
    return LiveView() if sys.stdout.isatty() else PlainView()


def _judge(conversation: Conversation, script: Script | None) -> None:
    if script is None:
        return
    missing = [number for number in range(1, len(script.turns) + 1) if number not in script.answered]
    if missing:
        names: Sequence[str] = [script.turns[number - 1].name for number in itertools.islice(missing, 3)]
        raise Failure(f"no answer came to {len(missing)} of {len(script.turns)} turns ({', '.join(names)})")
