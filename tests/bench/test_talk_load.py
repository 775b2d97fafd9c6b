"""The load generator, in its own process, against a bare server: conversations happen and are measured."""

from __future__ import annotations

import numpy as np
import pytest

from client.bench.process import LoadProcess
from client.bench.scenario import Habits
from client.bench.speech import Recording, split
from client.bench.talk import TalkPlan, talk
from client.failure import Failure
from parley.audio import FRAME_SAMPLES

HABITS = Habits(barge_in_share=0.5, pause_ms=(0, 50), barge_in_after_ms=(100, 300), first_within_ms=100)


@pytest.fixture
def loud(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recordings for a server that knows loud from quiet: no recorded speech is needed on the machine."""
    sound = np.full(20 * FRAME_SAMPLES, 5000, np.int16)
    monkeypatch.setattr("client.bench.talk.find_recordings", lambda folder, seed: [Recording("loud", split(sound), 0, 19)])


def plan(sessions: tuple[int, ...]) -> TalkPlan:
    return TalkPlan(sessions, seconds=2.5, warm_up_s=0.5, seed=1, habits=HABITS)


@pytest.mark.usefixtures("loud")
async def test_conversations_are_measured(bare_url: str) -> None:
    report = await talk(plan((2,)), bare_url, None, lambda line: None)
    (row,) = report.as_json()["rows"]
    assert row["sessions"] == 2
    assert row["turns"] == row["v2v_ms"]["n"] > 0
    assert row["barge_in_ms"]["n"] > 0
    assert row["frames"] == row["late_ms"]["n"] > 0
    assert row["errors"] == 0
    assert row["troubles"].get("dead_frames", 0) == 0
    assert row["cpu_ms_per_session_s"] == {"orchestrator": None, "fronts": None, "engines": None}
    assert row["mb_per_session"] is None
    assert row["generator"]["tick_late_ms"]["n"] > 0


@pytest.mark.usefixtures("loud")
async def test_no_server_is_one_readable_line() -> None:
    with pytest.raises(Failure, match=r"ws://127\.0\.0\.1:1/"):
        await talk(plan((1,)), "ws://127.0.0.1:1/v1/session", None, lambda line: None)


@pytest.mark.usefixtures("loud")
async def test_a_page_that_is_no_websocket_is_one_readable_line(bare_url: str) -> None:
    with pytest.raises(Failure, match="expected a WebSocket"):
        await talk(plan((1,)), bare_url.replace("/v1/session", "/elsewhere"), None, lambda line: None)


async def test_a_generator_that_is_not_needed_any_more_ends() -> None:
    async with LoadProcess("client.bench.generator", {"url": "", "sessions": [], "seed": 1, "clips": "/nowhere", "habits": {}}) as process:
        pid = process.pid
    assert pid
    assert process._process is not None
    assert process._process.returncode is not None
