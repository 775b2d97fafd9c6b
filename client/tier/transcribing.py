"""From `parley transcribe`'s options to lines of text or JSON."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import grpc

from client.audio.files import STREAM, SoundReader
from client.tier.progress import progress_bar
from client.tier.recognition import Segment, recognise
from client.tier.workers import channel_to, worker_for


@dataclass(frozen=True, slots=True)
class TranscribePlan:
    """The options of `parley transcribe`."""

    files: tuple[str, ...]
    worker: str | None = None
    model: str = ""
    language: str = ""
    json: bool = False
    preset: str = "embedded"
    config: Path | None = None
    verbose: bool = False


async def transcribe(plan: TranscribePlan) -> None:
    """One line per file, as soon as it is done.

    Raises:
        Failure: an unreadable file, or no worker.
        ParleyError: the worker refused or failed.
    """
    readers = [SoundReader(name) for name in plan.files]  # unreadable files fail before a worker is started
    async with worker_for("stt", plan.worker, plan.preset, plan.config, plan.verbose) as address, channel_to(address) as channel:
        for reader in readers:
            segments = await _one(channel, reader, plan)
            _show(reader, segments, plan)


async def _one(channel: grpc.aio.Channel, reader: SoundReader, plan: TranscribePlan) -> list[Segment]:
    with progress_bar(reader.name, reader.duration_s) as progress:
        async with contextlib.aclosing(recognise(channel, reader.frames(), plan.model, plan.language, progress)) as segments:
            return [segment async for segment in segments]


def _show(reader: SoundReader, segments: list[Segment], plan: TranscribePlan) -> None:
    text = " ".join(segment.text for segment in segments)
    if plan.json:
        name = "stdin" if reader.name == STREAM else reader.name
        whole = {"file": name, "duration_ms": round(reader.duration_s * 1000), "text": text}
        line = json.dumps(whole | {"segments": [dataclasses.asdict(segment) for segment in segments]}, ensure_ascii=False)
    else:
        line = f"{reader.name}: {text}" if len(plan.files) > 1 else text
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
