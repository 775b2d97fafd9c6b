"""A row holds what scripts read, whether or not the server's processes can be seen."""

from __future__ import annotations

import json
from pathlib import Path

from client.bench.report import Report, machine_line, talk_notes, talk_row, talk_table
from client.bench.tally import Tally
from client.bench.usage import Cost, Usage, cost

SUMMARY = {"p50", "p95", "p99", "max", "n"}


def tally(ticks_ms: list[float]) -> Tally:
    full = Tally(open=True)
    for value in (690.0, 700.0, 710.0):
        full.sample("v2v_ms", value)
    for late in ticks_ms:
        full.sample("tick_late_ms", late)
    full.count("turns", 3)
    full.count("unanswered", 2)
    full.error("CAPACITY")
    return full


def row(server: bool = True, ticks_ms: list[float] | None = None) -> dict[str, object]:
    busy = {"client": 20.0, **({"orchestrator": 40.0, "fronts": 30.0, "engines": 10.0} if server else {})}
    return talk_row(
        10,
        tally([0.1] * 100 if ticks_ms is None else ticks_ms),
        Cost(30.0, busy, {**busy, "fronts": 101.0} if server else {}, 0.5),
        0.25 if server else None,
    )


def test_a_row_has_the_contracts_keys(tmp_path: Path) -> None:
    report = Report("talk", {"seconds": 30, "speech": "prompts"}, [row()])
    report.write(tmp_path / "results" / "talk.json")
    written = json.loads((tmp_path / "results" / "talk.json").read_text())
    assert {"bench", "version", "date", "machine", "load", "rows"} == set(written)
    (only,) = written["rows"]
    assert only["cpu_ms_per_session_s"] == {"orchestrator": 4.0, "fronts": 3.0, "engines": 1.0}
    assert only["mb_per_session"] == 0.25
    assert all(set(only[name]) == SUMMARY for name in ("v2v_ms", "barge_in_ms", "flush_ms", "late_ms"))
    assert only["v2v_ms"] == {"p50": 700.0, "p95": 710.0, "p99": 710.0, "max": 710.0, "n": 3}
    assert (only["turns"], only["underruns"], only["late_frames"], only["errors"]) == (3, 0, 0, 3)


def test_a_server_that_cannot_be_seen_has_no_costs() -> None:
    only = row(server=False)
    assert only["cpu_ms_per_session_s"] == {"orchestrator": None, "fronts": None, "engines": None}
    assert only["mb_per_session"] is None
    assert talk_table(Report("talk", {"seconds": 1}, [only])).row_count > 0


def test_a_starved_generator_is_told() -> None:
    fine, starved = row(ticks_ms=[0.1] * 99 + [50]), row(ticks_ms=[0.1] * 98 + [50] * 2)
    assert [one["generator"]["starved"] for one in (fine, starved)] == [False, True]  # type: ignore[index]
    notes = "\n".join(talk_notes(Report("talk", {"seconds": 1, "speech": "prompts"}, [fine, starved])))
    assert notes.count("starved") == 1
    assert "CAPACITY 1" in notes
    assert "unanswered 2" in notes
    assert "waited for a free core, ms per second: fronts 101;" in notes


def test_the_machine_is_one_line() -> None:
    assert "\n" not in machine_line()
    assert "cores" in machine_line()


def test_cost_is_the_difference_of_two_looks() -> None:
    before = Usage(10.0, {"fronts": 1.0, "client": 0.5}, {"fronts": 0.0}, {}, 100.0)
    after = Usage(12.0, {"fronts": 1.4, "client": 0.6}, {"fronts": 0.2}, {}, 101.5)
    spent = cost(before, after)
    assert spent.seconds == 2.0
    assert {role: round(value, 6) for role, value in spent.cpu_ms_per_s.items()} == {"fronts": 200.0, "client": 50.0}
    assert {role: round(value, 6) for role, value in spent.waited_ms_per_s.items()} == {"fronts": 100.0}
    assert round(spent.other_cores, 6) == 0.5
