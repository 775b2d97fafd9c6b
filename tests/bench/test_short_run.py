"""Both benchmarks for a few seconds on their own stack: all parts of Parley as processes, measured from outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from client.bench.run import BenchPlan, measure


async def rows(tmp_path: Path, name: str, sessions: int, seconds: float) -> dict[str, Any]:
    file = tmp_path / "result.json"
    await measure(BenchPlan(name, None, None, (sessions,), seconds, 1.0, 1, 0.5, None, file, False))
    (row,) = json.loads(file.read_text())["rows"]
    return dict(row)


async def test_two_conversations(tmp_path: Path) -> None:
    row = await rows(tmp_path, "talk", 2, 6.0)
    assert row["turns"] == row["v2v_ms"]["n"] > 0
    assert row["errors"] == 0
    assert row["troubles"].get("dead_frames", 0) == 0
    assert all(row["cpu_ms_per_session_s"][role] > 0 for role in ("orchestrator", "fronts", "engines"))
    assert row["mb_per_session"] is not None


async def test_verbs_beside_a_few_streams(tmp_path: Path) -> None:
    row = await rows(tmp_path, "control", 4, 2.0)
    for verb in ("stop", "pause", "resume"):
        assert row[f"{verb}_ack_ms"]["inband"]["n"] > 0
        assert row[f"{verb}_ack_ms"]["unary"]["n"] > 0
    assert row["rules_broken"] == {}
    assert row["frames"] > 0
