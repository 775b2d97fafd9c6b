"""One orchestrator as a process: limits, drain, and life without workers."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from alone import orchestrator
from caller import calling


async def test_without_workers_it_is_up_but_not_ready_and_says_why(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "") as (_, url):
        base = "http" + url.removeprefix("ws").split("/v1/")[0]
        async with aiohttp.ClientSession() as http:
            async with http.get(base + "/health") as response:
                assert response.status == 200
            async with http.get(base + "/ready") as response:
                assert response.status == 503
                assert (await response.json())["missing"] == ["stt", "tts"]
        async with calling(url, microphone=False) as caller:
            error = await caller.wait("error")
            assert (error["code"], error["fatal"], error["retryable"]) == ("NO_WORKER", False, True)


async def test_one_session_too_many_is_refused_with_a_reason_and_a_hint(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "limits: {sessions: 2}\n") as (_, url), aiohttp.ClientSession() as http:
        async with calling(url, microphone=False), calling(url, microphone=False), http.ws_connect(url) as ws:
            error = (await ws.receive()).json()
            assert (error["code"], error["fatal"]) == ("CAPACITY", True)
            assert error["retry_after_ms"] > 0
            assert (await ws.receive()).type is aiohttp.WSMsgType.CLOSE
            assert ws.close_code == 1013
        async with calling(url, microphone=False):
            pass


async def test_a_session_in_which_nothing_happens_ends(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "limits: {idle_s: 0.2}\n") as (_, url), calling(url) as caller:
        assert await caller.closed() == 1000
        assert caller.events[-2]["state"] == "TERMINATED"
        assert caller.events[-2]["reason"] == "idle_timeout"
        assert (caller.events[-1]["code"], caller.events[-1]["fatal"]) == ("SESSION_LIMIT", True)


async def test_a_session_lasts_only_so_long(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "limits: {duration_s: 0.2}\n") as (_, url), calling(url) as caller:
        assert await caller.closed() == 1000
        assert caller.events[-2]["reason"] == "duration_limit"


async def test_sigterm_sends_sessions_away_and_ends_cleanly(tmp_path: Path) -> None:
    async with orchestrator(tmp_path, "limits: {drain_s: 0.3}\n") as (process, url), calling(url) as caller:
        process.send_signal(signal.SIGTERM)
        assert await caller.closed() == 1001
        assert caller.events[-1]["code"] == "GOING_AWAY"
        await process.wait()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ("trun: {silence_ms: 5}\n", "did you mean 'turn'"),
        ("responder: {name: ehco}\n", "did you mean 'echo'"),
        ("responder: {name: script, options: {repleis: [a]}}\n", "did you mean 'replies'"),
        ("turn: [1]\n", "turn"),
    ],
)
def test_a_bad_configuration_is_one_readable_line(tmp_path: Path, config: str, says: str) -> None:
    file = tmp_path / "orchestrator.yaml"
    file.write_text(config)
    result = _run("--config", str(file))
    assert result.returncode == 1
    assert says in result.stderr
    assert "Traceback" not in result.stderr


def test_a_taken_port_is_one_readable_line() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = _run("--listen", f"127.0.0.1:{taken.getsockname()[1]}")
    assert result.returncode == 1
    assert "cannot listen" in result.stderr
    assert "--listen" in result.stderr
    assert "Traceback" not in result.stderr


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "orchestrator", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
