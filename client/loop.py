"""One way to run a command's coroutine: Ctrl-C and SIGTERM cancel it, so that everything it opened is closed in order."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any, TypeVar

from client.failure import leaf

T = TypeVar("T")


class Interrupted(Exception):
    """The person (or the service manager) ended the command; whatever it had opened is closed."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` to its end. A signal cancels it; a second one cancels its clean-up, which then ends children the hard way.

    Raises:
        Interrupted: a signal ended it.
        Exception: the first error inside, out of its groups.
    """
    with asyncio.Runner() as runner:
        try:
            return runner.run(_cancelled_by_signals(main))
        except BaseExceptionGroup as group:
            raise leaf(group) from group


async def _cancelled_by_signals(main: Coroutine[Any, Any, T]) -> T:
    task = asyncio.current_task()
    loop = asyncio.get_running_loop()
    assert task is not None
    received: list[int] = []

    def cancel(number: int) -> None:
        received.append(number)
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, cancel, number)
    try:
        return await main
    except asyncio.CancelledError:
        if received:
            raise Interrupted(received[0]) from None
        raise
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
