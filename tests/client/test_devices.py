"""The live conversation, with a stand-in for PortAudio: test machines have no sound card, and the real null device does not keep time.

The stand-in calls back from a thread of its own every 20 ms, as PortAudio does.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from client.audio import devices
from client.audio.playback import Playback
from client.failure import Failure
from client.talk.plan import TalkPlan, talk

FRAME = (500).to_bytes(2, "little") * 960


class Card:
    """Speaks a steady tone into the microphone, collects what the loudspeaker gets."""

    def __init__(self) -> None:
        self.heard = bytearray()
        self.loud_frames = 10_000
        self.has = {"input": True, "output": True}
        self.module: Any = types.ModuleType("sounddevice")
        self.module.PortAudioError = type("PortAudioError", (Exception,), {})
        self.module.query_devices = self._query
        self.module.RawInputStream = lambda *_, callback, **__: Stream(lambda: self._speak(callback))
        self.module.RawOutputStream = lambda *_, callback, **__: Stream(lambda: self._pull(callback))

    def _query(self, kind: str) -> dict[str, Any]:
        if not self.has[kind]:
            raise self.module.PortAudioError("no device")
        return {}

    def _speak(self, callback: Callable[..., None]) -> None:
        self.loud_frames -= 1
        callback(FRAME if self.loud_frames >= 0 else bytes(1920), 960, None, None)

    def _pull(self, callback: Callable[..., None]) -> None:
        data = bytearray(1920)
        callback(data, 960, None, None)
        self.heard += data


class Stream:
    def __init__(self, beat: Callable[[], None]) -> None:
        self._beat = beat
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._ended.wait(0.02):
            self._beat()


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Iterator[Card]:
    stand_in = Card()
    monkeypatch.setitem(sys.modules, "sounddevice", stand_in.module)
    return stand_in


async def test_the_microphone_gives_whole_frames_in_order(card: Card) -> None:
    got: list[bytes] = []
    with devices.Microphone() as microphone:
        async with asyncio.timeout(10):
            while len(got) < 5:
                await asyncio.sleep(0.01)
                got += microphone.frames()
    assert set(got) == {FRAME}


async def test_the_loudspeaker_plays_the_buffer_and_tells_what_it_played(card: Card) -> None:
    playback, lock, played = Playback(), threading.Lock(), b""
    playback.begin(1)
    with devices.Loudspeaker(playback, lock, keep=True) as loudspeaker:
        with lock:
            playback.push(FRAME * 5)
            playback.end()
        async with asyncio.timeout(10):
            while len(played.strip(b"\0")) < 5 * 1919:
                await asyncio.sleep(0.01)
                played += b"".join(loudspeaker.played())
    assert played.strip(b"\0") == (FRAME * 5).strip(b"\0")
    assert bytes(card.heard).startswith(played)


async def test_a_live_conversation(card: Card, room: Any, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    card.loud_frames = 10
    async with room.Room(answer_frames=10, most_turns=1).open() as far:
        await talk(TalkPlan(url=far.url, out=str(tmp_path / "heard.wav")))
    assert bytes(card.heard).count(room.LEVEL) >= 10 * 960
    shown = capsys.readouterr().out
    assert "headphones" in shown
    assert "parley  tone" in shown


def test_no_microphone_is_told_before_anything_starts(card: Card) -> None:
    card.has["input"] = False
    with pytest.raises(Failure, match=r"no microphone was found: plug one in, or speak from a file with --wav FILE"):
        devices.require_microphone()


@pytest.mark.parametrize(
    ("broken", "said"), [("sys.modules['sounddevice'] = None", "pip install sounddevice"), (None, "apt install libportaudio2")]
)
def test_a_missing_library_names_the_way_out(broken: str | None, said: str, tmp_path: Path) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    path = "" if broken is not None else f"sys.path.insert(0, {str(tmp_path)!r})"
    code = f"import sys; {broken or path}; from client.cli import main; main(['talk'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=40, check=False)
    assert done.returncode == 1
    assert said in done.stderr
    assert "--wav FILE" in done.stderr
    assert done.stderr.count("\n") == 1
