"""What a person reads when a command fails: one line that says what happened and what to do about it.

Commands raise `Failure` for what they can name; `explain` knows the types that the libraries below raise. It imports none of those
libraries, so that a failing command stays as fast as a working one; they are recognised by their place and name.
"""

from __future__ import annotations

import errno
from typing import Any


class Failure(Exception):
    """A command cannot do its work. `way_out` says what the person can do next; `code` is the process's exit status."""

    def __init__(self, message: str, way_out: str = "", code: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.way_out = way_out
        self.code = code

    def __str__(self) -> str:
        return f"{self.message}: {self.way_out}" if self.way_out else self.message


def explain(error: BaseException) -> str | None:
    """One line for an error of a known kind, None for a surprise."""
    if isinstance(error, Failure):
        return one_line(str(error))
    kinds = {f"{kind.__module__.partition('.')[0]}.{kind.__name__}" for kind in type(error).__mro__}
    if "parley.ParleyError" in kinds:
        return one_line(_of_parley(error))
    if "parley.SettingsError" in kinds:
        return one_line(str(error))
    if "soundfile.SoundFileError" in kinds:
        return one_line(f"{error} (expected a sound file: WAV, FLAC, Ogg, MP3, ...)")
    if "aiohttp.ClientError" in kinds:
        return one_line(f"the connection failed ({error or type(error).__name__}): is Parley running there? `parley status` tells")
    if isinstance(error, OSError):
        return one_line(_of_system(error))
    return None


def leaf(error: BaseException) -> BaseException:
    """The first real error inside nested exception groups."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def one_line(text: str) -> str:
    """`text` with its line breaks folded away."""
    return " ".join(text.split())


def _of_parley(error: Any) -> str:
    retry = f" (again in {error.retry_after_ms} ms)" if error.retry_after_ms else ""
    return f"{error.message} [{error.reason}]{retry}"


def _of_system(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"the address is taken ({error.strerror or error}): choose another port with --port"
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"
