"""The echo gate: what the agent's voice explains, and what it does not."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.vad.echo import EchoGate

QUIET = -70.0


def _agent(frames: int, seed: int = 1) -> list[float]:
    """Levels as of speech: syllables, dips, pauses."""
    chance, levels = random.Random(seed), []
    while len(levels) < frames:
        loud = chance.uniform(-26, -16)
        levels += [loud + chance.uniform(-3, 3) for _ in range(chance.randint(4, 12))]
        levels += [chance.uniform(-60, -40)] * chance.randint(1, 4)
    return levels[:frames]


def _echo(agent: list[float], delay_frames: int, coupling_db: float, wobble_db: float = 3.0) -> list[float]:
    chance = random.Random(2)
    late = [QUIET] * delay_frames + agent
    return [max(QUIET, level + coupling_db + chance.uniform(-wobble_db, wobble_db)) for level in late[: len(agent)]]


def _unexplained(gate: EchoGate, agent: list[float], microphone: list[float], start_ms: float = 0.0) -> list[int]:
    found = []
    for n, (sent, heard) in enumerate(zip(agent, microphone, strict=True)):
        at_ms = start_ms + n * 20
        gate.sent(sent, at_ms)
        if not gate.explains(heard, at_ms, QUIET) and heard > -52:
            found.append(n)
    return found


@pytest.mark.parametrize("delay_frames", [0, 4, 9, 14, 20])
@pytest.mark.parametrize("coupling_db", [-6, -15, -25, -35])
def test_echo_is_explained_from_the_first_frame_on(delay_frames: int, coupling_db: float) -> None:
    agent = _agent(400)
    gate = EchoGate(10)
    assert len(_unexplained(gate, agent, _echo(agent, delay_frames, coupling_db))) <= (
        12 if coupling_db == -6 else 0
    )  # of 400, and three in a row make an onset
    assert abs(gate.delay_ms - delay_frames * 20) <= 20
    assert coupling_db - 6 <= gate.coupling_db <= coupling_db + 1


@pytest.mark.parametrize("coupling_db", [-15, -25, -35])
def test_a_voice_above_the_echo_is_not(coupling_db: float) -> None:
    agent = _agent(400)
    microphone = _echo(agent, 8, coupling_db)
    voice = range(300, 330)
    for n in voice:
        microphone[n] = max(microphone[n], -16.0 + coupling_db + 14)
    gate = EchoGate(10)
    found = _unexplained(gate, agent, microphone)
    assert set(found) <= set(voice)
    assert len([n for n in found if n < 305]) >= 3


def test_a_client_that_cancels_its_echo_loses_nothing_after_the_first_half_second() -> None:
    agent = _agent(200)
    microphone = [QUIET] * 200
    microphone[30:60] = [-35.0] * 30
    assert _unexplained(EchoGate(10), agent, microphone) == list(range(30, 60))


def test_a_user_as_loud_as_the_agent_gets_through_from_the_first_frame_on() -> None:
    agent = [-20.0] * 60
    assert len(_unexplained(EchoGate(10), agent, [-20.0] * 60)) == 60


def test_what_was_learned_is_kept_for_the_next_reply() -> None:
    agent, gate = _agent(300), EchoGate(10)
    _unexplained(gate, agent, _echo(agent, 8, -20))
    for n in range(300, 600):
        assert not gate.explains(-30.0, n * 20.0, QUIET) or n < 330
    again = _agent(50, seed=5)
    assert _unexplained(gate, again, _echo(again, 8, -20), start_ms=12_000) == []


def test_between_replies_everything_is_open() -> None:
    agent, gate = _agent(200), EchoGate(10)
    _unexplained(gate, agent, _echo(agent, 8, -10))
    assert all(not gate.explains(-50.0, n * 20.0, QUIET) for n in range(240, 300))


def test_steady_noise_is_not_taken_for_echo() -> None:
    gate, agent = EchoGate(10), _agent(300)
    for n, sent in enumerate(agent):
        gate.sent(sent, n * 20.0)
        gate.explains(-36.0 + n % 2, n * 20.0, -36.0)
    assert gate.coupling_db < -25


def test_a_pause_moves_what_was_sent_and_not_yet_played() -> None:
    gate, agent = EchoGate(10), _agent(300)
    _unexplained(gate, agent, _echo(agent, 2, -15))
    for n in range(3):
        gate.sent(-18.0, 6000 + n * 20.0)  # due at 6000, 6020 and 6040, and at 5990 the client is told to pause
    gate.hold(5990)
    assert all(not gate.explains(-34.0, at, QUIET) for at in range(6600, 6800, 20))
    gate.go_on(7000)
    assert [gate.explains(-34.0, at, QUIET) for at in (7060.0, 7080.0)] == [True, True]


def test_what_was_flushed_explains_nothing() -> None:
    gate, agent = EchoGate(10), _agent(300)
    _unexplained(gate, agent, _echo(agent, 2, -15))
    for n in range(300, 349):
        gate.explains(QUIET, n * 20.0, QUIET)
    for n in range(20):
        gate.sent(-18.0, 7000 + n * 20.0)
    gate.cut(6990)
    assert not any(gate.explains(-34.0, at, QUIET) for at in range(7000, 7400, 20))


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(-100, 0), st.floats(-100, 0), st.floats(0, 400)), max_size=120))
def test_no_order_of_events_breaks_it(events: list[tuple[float, float, float]]) -> None:
    gate, now_ms = EchoGate(10), 0.0
    for number, (sent, heard, step_ms) in enumerate(events):
        now_ms += step_ms
        gate.sent(sent, now_ms + 60)
        gate.explains(heard, now_ms)
        if number % 7 == 3:
            gate.hold(now_ms)
        if number % 7 == 5:
            gate.go_on(now_ms)
    assert -300 < gate.coupling_db < 120
