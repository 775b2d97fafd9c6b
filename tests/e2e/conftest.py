"""Whole stacks, started as a user starts them: `parley up` in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

FAST = """
orchestrator:
  turn: {silence_ms: 240}
  vad: {stop_ms: 120, start_ms: 60, barge_in_start_ms: 100}
stt:
  models: [{id: tone, engine: tone}]  # speech that is not tone's has no words
"""


@contextmanager
def up(tmp_path: Path, preset: str, config: str = FAST) -> Iterator[str]:
    """A running `parley up`; its session URL."""
    file = tmp_path / f"{preset}.yaml"
    file.write_text(f"preset: {preset}\n{config}")
    log = (tmp_path / f"{preset}.log").open("w")
    command = [str(Path(sys.executable).parent / "parley"), "up", "--config", str(file), "--port", "0", "--verbose"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert process.stdout is not None
    watchdog = threading.Timer(60, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
        watchdog.cancel()
        assert line.startswith("ready ws://"), line + (tmp_path / f"{preset}.log").read_text()[-3000:]
        yield line.split()[1]
    finally:
        watchdog.cancel()
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(40)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        finally:
            process.stdout.close()
            log.close()
        assert code == 0, (tmp_path / f"{preset}.log").read_text()[-3000:]


@pytest.fixture(scope="session")
def tone_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One tone stack (echo) for all tests, with short silences."""
    with up(tmp_path_factory.mktemp("tone"), "tone") as url:
        yield url


@pytest.fixture(scope="session")
def embedded_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One embedded stack (pocketsphinx, espeak, guide) for all tests."""
    with up(tmp_path_factory.mktemp("embedded"), "embedded", "") as url:
        yield url
