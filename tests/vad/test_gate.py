"""From frames to speech: edges."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.vad.gate import Edge, SpeechGate


def _edges(frames: str, start_ms: int = 100, stop_ms: int = 200) -> list[tuple[int, Edge]]:
    gate = SpeechGate(stop_ms)
    found = [(i, gate.push(frame == "#", start_ms)) for i, frame in enumerate(frames)]
    return [(i, edge) for i, edge in found if edge is not None]


def test_speech_starts_after_enough_of_it() -> None:
    assert _edges("...#####") == [(7, Edge.STARTED)]
    assert _edges("...####....####....") == []


def test_one_hole_in_five_frames_is_forgiven() -> None:
    assert _edges("..##.##") == [(6, Edge.STARTED)]


def test_speech_stops_after_enough_silence() -> None:
    assert _edges("#####" + "." * 10) == [(4, Edge.STARTED), (14, Edge.STOPPED)]
    assert _edges("#####" + "." * 9 + "#" + "." * 9) == [(4, Edge.STARTED)]


def test_more_is_asked_for_while_the_agent_speaks() -> None:
    gate = SpeechGate(200)
    assert [gate.push(True, 200) for _ in range(10)].count(Edge.STARTED) == 1
    gate = SpeechGate(200)
    assert all(gate.push(True, 200) is None for _ in range(7))


@given(st.text("#.", max_size=200), st.integers(1, 32), st.integers(1, 50))
def test_edges_alternate(frames: str, start: int, stop: int) -> None:
    edges = [edge for _, edge in _edges(frames, start * 20, stop * 20)]
    assert all(edge is (Edge.STARTED if i % 2 == 0 else Edge.STOPPED) for i, edge in enumerate(edges))
