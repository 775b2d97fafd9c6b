"""The engine process: one engine, one thread, one select loop. Started by path: `python child.py FD PARENT_PID PACKAGE_DIR`.

It may run under an interpreter in which Parley is not installed, so `workers` is put together here from the folder itself, and
nothing but the standard library, numpy, the engine's file and its library is imported. The socket is its only tie to the front:
when it closes, the process ends at once. It sleeps until there is a command, a step to take, or something held back to hand on; it
never polls. Bounded: while the front does not read, no step is taken.
"""

from __future__ import annotations

import gc
import importlib
import os
import selectors
import signal
import socket
import sys
import time
import types
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from workers.host.stt_side import SttSide
    from workers.host.tts_side import TtsSide
    from workers.host.wire import Message

_RECEIVE_BYTES = 256 << 10
_MAX_UNSENT_BYTES = 4 << 20  # of one job at most a few steps; beyond it the engine waits for the front
_PR_SET_PDEATHSIG = 1


def main(arguments: Sequence[str]) -> int:
    """Load the engine that the front names, then serve until the socket closes."""
    socket_fd, parent_pid, package_dir = int(arguments[0]), int(arguments[1]), arguments[2]
    _die_with(parent_pid)
    _assemble_package(package_dir)
    with socket.socket(fileno=socket_fd) as sock:
        link = _Link(sock)
        side = _load(link)
        if side is None:
            return 1
        gc.collect()
        gc.freeze()
        link.serve(side)
    return 0


class _Link:
    """The socket: messages in, messages out, and the loop between them."""

    def __init__(self, sock: socket.socket) -> None:
        from workers.host.wire import Unpacker, pack

        sock.setblocking(False)
        self._sock = sock
        self._pack = pack
        self._unpacker = Unpacker()
        self._unsent = bytearray()
        self._selector = selectors.DefaultSelector()
        self._selector.register(sock, selectors.EVENT_READ)
        self._interest = selectors.EVENT_READ

    def send(self, header: Sequence[Any], payload: bytes) -> None:
        """Queue a message; the loop writes it."""
        self._unsent += self._pack(header, payload)

    def first(self) -> list[Any]:
        """The front's first message."""
        while True:
            self._selector.select()
            if messages := self._receive():
                return messages[0][0]

    def flush(self) -> None:
        """Write until everything is out; for the last words of a process."""
        self._sock.setblocking(True)
        self._sock.sendall(self._unsent)
        self._unsent.clear()
        self._sock.setblocking(False)

    def serve(self, side: TtsSide | SttSide) -> None:
        """Serve until the front is gone."""
        while True:
            if self._selector.select(self._timeout(side)):
                for header, payload in self._receive():
                    side.handle(header, payload)
            side.wake(time.monotonic())
            if len(self._unsent) < _MAX_UNSENT_BYTES and side.ready():
                side.run()
            self._write()

    def _timeout(self, side: TtsSide | SttSide) -> float | None:
        if side.ready() and len(self._unsent) < _MAX_UNSENT_BYTES:
            return 0
        due = side.due()
        return None if due is None else max(0.0, due - time.monotonic())

    def _receive(self) -> list[Message]:
        try:
            data = self._sock.recv(_RECEIVE_BYTES)
        except BlockingIOError:
            return []  # woken because there is room to write
        except ConnectionError:
            data = b""
        if not data:
            os._exit(0)  # the front is gone: no clean-up of a library may keep this process, and its memory, alive
        return self._unpacker.feed(data)

    def _write(self) -> None:
        if self._unsent:
            try:
                sent = self._sock.send(self._unsent)
            except BlockingIOError:
                sent = 0
            except ConnectionError:
                os._exit(0)
            del self._unsent[:sent]
        interest = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0)
        if interest != self._interest:
            self._selector.modify(self._sock, interest)
            self._interest = interest


def _load(link: _Link) -> TtsSide | SttSide | None:
    """The engine behind the front's `load` message, or None after having told the front why not."""
    from workers.engines.api import EngineInputError
    from workers.host.stt_side import SttSide
    from workers.host.tts_side import TtsSide, describe
    from workers.host.wire import card_to_wire

    _, kind, address, options, search_path = link.first()
    sys.path.extend(entry for entry in search_path if entry not in sys.path)
    began = time.monotonic()
    try:
        module, _, name = address.partition(":")
        engine = getattr(importlib.import_module(module), name)()
        card = engine.load(options)
    except EngineInputError as error:
        link.send(["refused", str(error)], b"")
    except Exception as error:  # the top of a load: whatever it is, the front must hear it
        link.send(["refused", describe(error)], b"")
    else:
        link.send(["card", card_to_wire(card), int((time.monotonic() - began) * 1000)], b"")
        link.flush()
        side = TtsSide if kind == "tts" else SttSide
        return side(engine, card.max_batch, link.send)
    link.flush()
    return None


def _assemble_package(package_dir: str) -> None:
    """Make `workers` importable from its folder alone, whatever this interpreter has installed."""
    own_dir = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != own_dir]  # python puts a script's folder there
    package = types.ModuleType("workers")
    package.__path__ = [package_dir]
    sys.modules["workers"] = package


def _die_with(parent_pid: int) -> None:
    """No engine outlives its front, and only the front ends an engine: a signal to the whole group or cgroup starts a drain there."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)  # not SIG_IGN, which processes of the engine's library would inherit
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
