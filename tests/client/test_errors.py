"""The command line as people meet it: one readable line on stderr, a non-zero exit, and no traceback."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from client.cli import fail, main
from client.places import page_url, session_url

Parley = Callable[..., tuple[int, str, str]]


@pytest.fixture
def parley(capsys: pytest.CaptureFixture[str]) -> Parley:
    """Runs a command line in this process, from its words to its exit status."""

    def run(*words: str) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert isinstance(ended.value.code, int)
        return ended.value.code, *capsys.readouterr()

    return run


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
def test_failures_are_one_line(parley: Parley, words: list[str], code: int, said: str) -> None:
    status, out, err = parley(*words)
    assert (status, out) == (code, "")
    assert said in err
    assert err.startswith("parley: ")
    assert err.count("\n") == 1


def test_a_taken_port_names_the_ways_out(parley: Parley) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, _, err = parley("up", "--preset", "tone", "--port", str(port))
    assert status == 1
    assert err.count("\n") == 1
    assert f"cannot listen on 127.0.0.1:{port}" in err
    assert "--port 0" in err


@pytest.mark.parametrize("command", [[], ["up"], ["talk"], ["say"], ["transcribe"], ["status"], ["models"], ["models", "load"]])
def test_help_teaches_by_example(parley: Parley, command: list[str]) -> None:
    status, out, _ = parley(*command, "--help")
    assert status == 0
    assert f"parley {command[0]}" in out if command else "parley talk" in out


def test_a_surprise_is_one_line_and_its_trace_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert fail(ValueError("odd\nthing"), verbose=False) == 1
    assert capsys.readouterr().err == "parley: unexpected ValueError: odd thing (--verbose shows the trace)\n"
    fail(ValueError("odd"), verbose=True)
    assert "Traceback" not in capsys.readouterr().err.splitlines()[-1]


def test_the_whole_command_is_a_process() -> None:
    done = subprocess.run([sys.executable, "-m", "client.cli", "say", " "], capture_output=True, text=True, timeout=40, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "parley: there is nothing to say: give some text, or - and text on stdin\n"


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
