"""The commands as people run them: real processes, a real stack, the tone engines."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from client.tier.synthesis import PIECE_CHARS

PARLEY = (sys.executable, "-m", "client.cli")


def parley(*words: str, stdin: bytes = b"") -> bytes:
    done = subprocess.run([*PARLEY, *words], capture_output=True, input=stdin, timeout=50, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def stack() -> Iterator[str]:
    command = [*PARLEY, "up", "--preset", "tone", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        ready = process.stdout.readline().split()
        assert ready[:1] == ["ready"], process.stderr.read()
        children = psutil.Process(process.pid).children(recursive=True)
        try:
            yield ready[1]
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stdout.read() == ""
        assert "draining" in process.stderr.read()
        assert psutil.wait_procs(children, 5)[1] == []


@pytest.fixture(scope="module")
def workers(stack: str) -> dict[str, str]:
    status = json.loads(parley("status", "--url", stack, "--json"))
    return {row["kind"]: row["address"] for row in status["workers"]}


def test_what_is_said_is_written_down(workers: dict[str, str], tmp_path: Path) -> None:
    file = str(tmp_path / "said.flac")
    parley("say", "the first tier", "--worker", workers["tts"], "--out", file)
    piped = parley("say", "-", "--worker", workers["tts"], "--out", "-", stdin=b"and through a pipe")
    lines = parley("transcribe", file, "-", "--worker", workers["stt"], "--json", stdin=piped).splitlines()
    heard = [json.loads(line) for line in lines]
    assert [row["text"] for row in heard] == ["the first tier", "and through a pipe"]
    assert [word["text"] for word in heard[0]["segments"][0]["words"]] == ["the", "first", "tier"]


def test_a_long_text_is_spoken_in_pieces(workers: dict[str, str], tmp_path: Path) -> None:
    text = " ".join(f"w{number}." for number in range(220))
    assert len(text) > PIECE_CHARS
    parley("say", "-", "--worker", workers["tts"], "--out", str(tmp_path / "long.wav"), stdin=text.encode())
    assert parley("transcribe", str(tmp_path / "long.wav"), "--worker", workers["stt"]).decode().split() == text.split()


def test_two_conversations_at_a_time_come_back_word_for_word(stack: str, workers: dict[str, str], tmp_path: Path) -> None:
    def converse(said: str) -> tuple[list[str], str]:
        asked, heard = str(tmp_path / f"{said}.wav"), str(tmp_path / f"{said} heard.wav")
        parley("say", said, "--worker", workers["tts"], "--out", asked)
        shown = parley("talk", "--url", stack, "--wav", asked, "--out", heard, "--json")
        events = [json.loads(line) for line in shown.splitlines()]
        answer = parley("transcribe", heard, "--worker", workers["stt"]).decode().strip()
        return [event["text"] for event in events if event["type"] == "transcription" and event["final"]], answer

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(converse, ("my turn", "no, mine"))) == [(["my turn"], "my turn"), (["no, mine"], "no, mine")]


def test_status_and_models_are_tables_for_people(stack: str) -> None:
    shown = parley("status", "--url", stack).decode()
    assert "responder echo" in shown
    assert shown.count("ready") == 2
    assert parley("models", "list", "--url", stack).decode().count("tone@") == 2


def test_workers_are_listed_for_people_and_for_scripts(stack: str, workers: dict[str, str]) -> None:
    shown = parley("workers", "list", "--url", stack).decode()
    assert all(address in shown for address in workers.values())
    rows = [json.loads(line) for line in parley("workers", "list", "--url", stack, "--json").splitlines()]
    assert {row["kind"]: row["address"] for row in rows} == workers


def test_models_can_be_steered(stack: str, workers: dict[str, str]) -> None:
    def state(*words: str) -> list[str]:
        lines = parley("models", *words, "--worker", workers["tts"], "--json").splitlines()
        return [json.loads(line)["model"]["state"] for line in lines]

    assert state("unload", "tone") == ["AVAILABLE"]
    assert state("load", "tone") == ["READY"]
    assert state("reload", "tone") == ["READY"]
    assert state("list") == ["READY"]


def test_an_unknown_model_is_one_line(stack: str) -> None:
    done = subprocess.run([*PARLEY, "models", "load", "kokoro", "--url", stack], capture_output=True, text=True, timeout=50, check=False)
    assert done.returncode == 1
    assert done.stderr == "parley: no worker knows the model 'kokoro': known: tone\n"
