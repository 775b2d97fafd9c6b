"""Microphone and loudspeaker, through `sounddevice` (PortAudio). The only file that knows that library.

PortAudio calls back on threads of its own. They touch nothing but a bounded queue (microphone: when full, the oldest 20 ms are lost) and
the `Playback` under its lock (loudspeaker).
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final, Self

from client.audio.playback import Playback
from client.failure import Failure
from parley.audio import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_RATE_HZ

MICROPHONE_FRAMES: Final = 50
WAYS_OUT: Final = "speak from a file with --wav FILE, or type with --text WORDS"


class Microphone:
    """Captures from `__enter__` to `__exit__`."""

    def __init__(self) -> None:
        self._captured: deque[bytes] = deque(maxlen=MICROPHONE_FRAMES)
        self._stream: Any = None

    def frames(self) -> list[bytes]:
        """The whole frames captured since the last call."""
        taken = []
        while self._captured:
            taken.append(self._captured.popleft())
        return taken

    def __enter__(self) -> Self:
        sounddevice = library()
        self._stream = _open(sounddevice, sounddevice.RawInputStream, "microphone", self._capture)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.close()

    def _capture(self, data: Any, frames: int, time: Any, status: Any) -> None:
        pcm = bytes(data)
        if len(pcm) == FRAME_BYTES:
            self._captured.append(pcm)


class Loudspeaker:
    """Plays `playback` from `__enter__` to `__exit__`; `lock` must be held by everybody else who touches it."""

    def __init__(self, playback: Playback, lock: threading.Lock, keep: bool) -> None:
        self._playback = playback
        self._lock = lock
        self._played: deque[bytes] | None = deque(maxlen=500) if keep else None
        self._stream: Any = None

    def played(self) -> list[bytes]:
        """What has left the loudspeaker since the last call (if it is kept at all)."""
        taken: list[bytes] = []
        while self._played:
            taken.append(self._played.popleft())
        return taken

    def __enter__(self) -> Self:
        sounddevice = library()
        self._stream = _open(sounddevice, sounddevice.RawOutputStream, "loudspeaker", self._play)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stream.close()

    def _play(self, data: Any, frames: int, time: Any, status: Any) -> None:
        with self._lock:
            pcm = self._playback.pull(frames)
        data[:] = pcm
        if self._played is not None:
            self._played.append(pcm)


def library() -> Any:
    """The `sounddevice` module.

    Raises:
        Failure: it, or the PortAudio library behind it, is missing.
    """
    try:
        with _quiet_stderr():
            import sounddevice
    except ModuleNotFoundError:
        raise Failure("microphone and loudspeaker need the sounddevice package", f"`pip install sounddevice`, or {WAYS_OUT}") from None
    except OSError:
        raise Failure(
            "the PortAudio library is missing", f"`apt install libportaudio2` (macOS: brew install portaudio), or {WAYS_OUT}"
        ) from None
    return sounddevice


def present(kind: str) -> bool:
    """Whether there is a default device: `input` or `output`.

    Raises:
        Failure: nobody can tell, because the library is missing.
    """
    sounddevice = library()
    try:
        with _quiet_stderr():
            sounddevice.query_devices(kind=kind)
    except (sounddevice.PortAudioError, ValueError):
        return False
    return True


def require_microphone() -> None:
    """Raise the readable line if there is nothing to speak into, before anything is started for it."""
    if not present("input"):
        raise Failure("no microphone was found", f"plug one in, or {WAYS_OUT}")


def _open(sounddevice: Any, kind: Any, name: str, callback: Any) -> Any:
    try:
        with _quiet_stderr():
            stream = kind(SAMPLE_RATE_HZ, FRAME_SAMPLES, channels=1, dtype="int16", callback=callback, latency="low")
            stream.start()
    except (sounddevice.PortAudioError, ValueError) as error:
        raise Failure(f"the {name} cannot be used at 48 kHz mono ({error})", WAYS_OUT) from None
    return stream


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """ALSA and JACK write to file descriptor 2 whatever they miss; one readable line is ours to print."""
    sys.stderr.flush()
    kept, nothing = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nothing)
