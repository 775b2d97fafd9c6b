"""The command line as people meet it: real processes, one readable line on stderr, a non-zero exit, and no traceback."""

from __future__ import annotations

import socket
import subprocess
import sys

import pytest

from client.places import page_url, session_url


def parley(*words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "client.cli", *words], capture_output=True, text=True, input=stdin, timeout=40, check=False
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["talk", "--wav", "nofile.wav"], 1, "nofile.wav: no such file"),
        (["talk", "--text", "hi", "--url", "127.0.0.1:9"], 1, "nothing answers at ws://127.0.0.1:9/v1/session: start it with `parley up`"),
        (["talk", "--txet", "hi"], 2, "No such option: --txet"),
        (["transcribe", __file__, "--worker", "127.0.0.1:9"], 1, "Format not recognised"),
        (["say", " "], 2, "there is nothing to say"),
        (["status", "--url", "127.0.0.1:9"], 1, "no Parley answers at http://127.0.0.1:9/status"),
        (["models", "list", "--worker", "127.0.0.1:9"], 1, "no worker answers at 127.0.0.1:9"),
        (["up", "--preset", "gpu"], 2, "needs engines that are not installed yet"),
        (["up", "--config", "nowhere.yaml"], 1, "nowhere.yaml: cannot be read as YAML"),
    ],
)
def test_failures_are_one_line(words: list[str], code: int, said: str) -> None:
    done = parley(*words)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stderr.startswith("parley: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""


def test_a_taken_port_names_the_ways_out() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = parley("up", "--preset", "tone", "--port", str(port))
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port 0" in done.stderr


@pytest.mark.parametrize("command", [[], ["up"], ["talk"], ["say"], ["transcribe"], ["status"], ["models"], ["models", "load"]])
def test_help_teaches_by_example(command: list[str]) -> None:
    done = parley(*command, "--help")
    assert done.returncode == 0
    assert f"parley {command[0]}" in done.stdout if command else "parley talk" in done.stdout


def test_the_command_starts_without_the_heavy_libraries() -> None:
    code = "import sys, client.cli; print(sorted({'numpy', 'grpc', 'aiohttp', 'soundfile', 'pydantic'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        (None, "ws://127.0.0.1:8765/v1/session"),
        ("ws://a:1/v1/session", "ws://a:1/v1/session"),
        ("a:1", "ws://a:1/v1/session"),
        ("a", "ws://a:8765/v1/session"),
        ("http://a:1/", "ws://a:1/v1/session"),
        ("https://a", "wss://a/v1/session"),
    ],
)
def test_addresses_may_be_typed_short(typed: str | None, meant: str) -> None:
    assert session_url(typed) == meant
    assert page_url(typed, "status").endswith("/status")
