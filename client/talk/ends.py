"""The two ends of a conversation as its clock sees them: a mouth that gives what to send, an ear that takes what has come.

Each exists twice: scripted (files and typed text; the 20 ms clock itself is the sound device) and live (PortAudio is the clock).
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from client.audio.devices import Loudspeaker, Microphone
from client.audio.files import SoundWriter
from client.audio.playback import Playback
from client.talk.script import Phase, Script
from parley.audio import FRAME_SAMPLES


@dataclass(frozen=True, slots=True)
class Outgoing:
    """What one tick sends: audio frames, messages, and notes for the view."""

    frames: tuple[bytes, ...] = ()
    messages: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[Mapping[str, Any], ...] = ()


class Mouth(Protocol):
    """Gives what to send."""

    def message(self, message: Mapping[str, Any]) -> None:
        """Hear what the server says."""

    def tick(self, utterance_id: int, played_ms: float, playing: bool) -> Outgoing:
        """What is due in these 20 ms."""

    @property
    def done(self) -> bool:
        """Everything is said and answered."""


class Ear(Protocol):
    """Takes what has come; `playback` is its buffer, to be touched under `lock`."""

    playback: Playback
    lock: threading.Lock

    def tick(self) -> None:
        """20 ms have passed."""


class ScriptedMouth:
    """Speaks a script."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def message(self, message: Mapping[str, Any]) -> None:
        self._script.message(message)

    def tick(self, utterance_id: int, played_ms: float, playing: bool) -> Outgoing:
        tick = self._script.tick(utterance_id, played_ms, playing)
        frames = (tick.frame,) if tick.frame is not None else ()
        if tick.began is None and tick.ended is None:
            return Outgoing(frames)
        notes: list[Mapping[str, Any]] = []
        if tick.typed is not None:
            return Outgoing(
                frames, ({"type": "text", "text": tick.typed},), ({"type": "client_typed", "turn": tick.began, "text": tick.typed},)
            )
        if tick.began is not None:
            notes.append({"type": "client_speech_started", "turn": tick.began, "source": self._script.turns[tick.began - 1].name})
        if tick.ended is not None:
            notes.append({"type": "client_speech_ended", "turn": tick.ended})
        return Outgoing(frames, (), tuple(notes))

    @property
    def done(self) -> bool:
        return self._script.phase is Phase.DONE


class LiveMouth:
    """Passes the microphone on; it is never done."""

    done = False

    def __init__(self, microphone: Microphone) -> None:
        self._microphone = microphone

    def message(self, message: Mapping[str, Any]) -> None:
        pass

    def tick(self, utterance_id: int, played_ms: float, playing: bool) -> Outgoing:
        return Outgoing(tuple(self._microphone.frames()))


class SilentEar:
    """A loudspeaker that nobody hears: it plays 20 ms per tick, into `record` if there is one."""

    def __init__(self, record: SoundWriter | None) -> None:
        self.playback = Playback()
        self.lock = threading.Lock()
        self._record = record

    def tick(self) -> None:
        pcm = self.playback.pull(FRAME_SAMPLES)
        if self._record is not None:
            self._record.write(pcm)


class LiveEar:
    """A real loudspeaker, which pulls by itself; a tick only writes down what it has played."""

    def __init__(self, playback: Playback, lock: threading.Lock, loudspeaker: Loudspeaker, record: SoundWriter | None) -> None:
        self.playback = playback
        self.lock = lock
        self._loudspeaker = loudspeaker
        self._record = record

    def tick(self) -> None:
        for pcm in self._loudspeaker.played():
            if self._record is not None:
                self._record.write(pcm)
