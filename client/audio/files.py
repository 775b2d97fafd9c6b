"""Sound files in and out: any rate and format that soundfile reads becomes 48 kHz mono s16le, which is written as it is.

Reading and writing go block by block, so an hour-long recording needs no more memory than a short one.
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self

from client.failure import Failure
from parley.audio import FRAME_BYTES, SAMPLE_BYTES, SAMPLE_RATE_HZ

STREAM: Final = "-"
_BLOCK_S: Final = 0.5
_UNKNOWN_LENGTH: Final = 0xFFFFFFFF


class SoundReader:
    """A sound file as PCM. `duration_s` is what its header says."""

    def __init__(self, name: str) -> None:
        import soundfile

        if name != STREAM and not Path(name).exists():
            raise Failure(f"{name}: no such file")
        self.name = name
        self._file: Any = soundfile.SoundFile(io.BytesIO(sys.stdin.buffer.read()) if name == STREAM else name)
        self.rate_hz: int = self._file.samplerate
        self.duration_s: float = self._file.frames / self.rate_hz

    def blocks(self) -> Iterator[bytes]:
        """The whole file, in blocks of any length."""
        import numpy as np
        import soxr

        resampler = soxr.ResampleStream(self.rate_hz, SAMPLE_RATE_HZ, 1, dtype="float32", quality="HQ")
        with self._file as file:
            while len(block := file.read(max(1, int(self.rate_hz * _BLOCK_S)), dtype="float32", always_2d=True)):
                yield _s16(np, resampler.resample_chunk(block.mean(axis=1)))
            yield _s16(np, resampler.resample_chunk(np.zeros(0, np.float32), last=True))

    def frames(self) -> Iterator[bytes]:
        """The whole file in 20 ms frames, the last one padded with silence."""
        rest = bytearray()
        for block in self.blocks():
            rest += block
            whole = len(rest) // FRAME_BYTES * FRAME_BYTES
            yield from (bytes(rest[at : at + FRAME_BYTES]) for at in range(0, whole, FRAME_BYTES))
            del rest[:whole]
        if rest:
            yield bytes(rest) + bytes(FRAME_BYTES - len(rest))


class SoundWriter:
    """Write PCM to a file (the format by its suffix) or, as WAV or bare PCM, to stdout."""

    def __init__(self, name: str, raw: bool = False) -> None:
        self.name = name
        self.samples = 0
        self._file: Any = None
        self._stream: IO[bytes] | None = None
        if name == STREAM:
            self._stream = _stdout()
            if not raw:
                self._stream.write(stream_header())
        else:
            self._file = _open_for_writing(name, raw)

    def write(self, pcm: bytes) -> None:
        self.samples += len(pcm) // SAMPLE_BYTES
        if self._stream is not None:
            self._stream.write(pcm)
            self._stream.flush()
        else:
            self._file.buffer_write(pcm, dtype="int16")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def stream_header() -> bytes:
    """The header of a WAV whose length is not known yet; readers take such a file to its end."""
    wave = struct.pack("<HHIIHH", 1, 1, SAMPLE_RATE_HZ, SAMPLE_RATE_HZ * SAMPLE_BYTES, SAMPLE_BYTES, 8 * SAMPLE_BYTES)
    return (
        b"RIFF"
        + struct.pack("<I", _UNKNOWN_LENGTH)
        + b"WAVEfmt "
        + struct.pack("<I", len(wave))
        + wave
        + b"data"
        + struct.pack("<I", _UNKNOWN_LENGTH)
    )


def _stdout() -> IO[bytes]:
    if sys.stdout.isatty():
        raise Failure(
            "stdout is a terminal, and sound would garble it",
            "pipe it on, e.g. `--out - | aplay`, or write a file: --out speech.wav",
            code=2,
        )
    return sys.stdout.buffer


def _open_for_writing(name: str, raw: bool) -> Any:
    import soundfile

    if not Path(name).resolve().parent.is_dir():
        raise Failure(f"{name}: there is no such folder")
    if raw:
        return soundfile.SoundFile(name, "w", SAMPLE_RATE_HZ, 1, subtype="PCM_16", endian="LITTLE", format="RAW")
    suffix = Path(name).suffix.removeprefix(".").upper()
    if suffix not in soundfile.available_formats():
        raise Failure(f"{name}: cannot tell the format from the suffix", "use .wav, .flac or .ogg", code=2)
    subtype = "PCM_16" if soundfile.check_format(suffix, "PCM_16") else None
    return soundfile.SoundFile(name, "w", SAMPLE_RATE_HZ, 1, subtype=subtype)


def _s16(np: Any, samples: Any) -> bytes:
    pcm: bytes = (np.clip(samples, -1.0, 1.0) * 32767.0).round().astype("<i2").tobytes()
    return pcm
