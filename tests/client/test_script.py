"""When a scripted conversation speaks, in virtual time: one tick is 20 ms."""

from __future__ import annotations

import pytest

from client.failure import Failure
from client.talk.script import GAP_MS, LEAD_IN_MS, Phase, Script, Spoken, Typed

SPEECH = b"\1" * 1920


def spoken(frames: int, name: str = "a.wav") -> Spoken:
    return Spoken(name, lambda: iter([SPEECH] * frames))


def run_until_waiting(script: Script, most: int = 1000) -> int:
    """Tick until the turn is spoken; how many ticks that took."""
    for count in range(1, most):
        script.tick(0, 0.0, False)
        if script.phase is Phase.WAITING:
            return count
    raise AssertionError("the turn was never spoken")


def answer(script: Script, utterance_id: int, played_ms: float = 500.0) -> None:
    script.message({"type": "state", "state": "SPEAKING"})
    script.tick(utterance_id, played_ms, True)
    script.message({"type": "conversation_complete", "turn_id": 1, "reason": "played"})
    script.message({"type": "state", "state": "WAITING_FOR_INPUT"})


def test_a_turn_is_spoken_after_the_lead_in_frame_by_frame() -> None:
    script = Script([spoken(3)])
    frames = [script.tick(0, 0.0, False) for _ in range(LEAD_IN_MS // 20 + 4)]
    assert [tick.frame == SPEECH for tick in frames[-4:]] == [True, True, True, False]
    assert not any(tick.frame == SPEECH for tick in frames[:-4])
    assert [tick.began for tick in frames if tick.began] == [1]
    assert [tick.ended for tick in frames if tick.ended] == [1]


def test_the_next_turn_waits_until_the_answer_has_been_played() -> None:
    script = Script([spoken(2), spoken(2)])
    run_until_waiting(script)
    answer(script, 1)
    for _ in range(50):
        assert script.tick(1, 600.0, playing=True).frame != SPEECH  # complete for the server, but not yet for the ear
    script.tick(1, 700.0, playing=False)
    ticks = [script.tick(1, 700.0, False) for _ in range(GAP_MS // 20 + 1)]
    assert ticks[-1].began == 2
    assert all(tick.began is None for tick in ticks[:-1])


def test_it_is_done_after_the_last_answer() -> None:
    script = Script([spoken(1)])
    run_until_waiting(script)
    answer(script, 1)
    for _ in range(GAP_MS // 20 + 3):
        script.tick(1, 500.0, False)
    assert script.phase is Phase.DONE
    assert script.answered == {1}


def test_a_pause_inside_a_recording_that_ends_a_turn_early_does_not_confuse_it() -> None:
    script = Script([spoken(40)])
    for _ in range(LEAD_IN_MS // 20 + 20):
        script.tick(0, 0.0, False)
    script.message({"type": "conversation_complete", "turn_id": 1, "reason": "interrupted"})
    script.message({"type": "state", "state": "LISTENING"})
    run_until_waiting(script)
    for _ in range(20):
        script.tick(1, 0.0, False)
        assert script.phase is Phase.WAITING  # the second half has not been answered
    answer(script, 2)
    script.tick(2, 500.0, False)
    assert script.phase is Phase.PAUSE


def test_a_barge_in_begins_that_far_into_the_answer() -> None:
    script = Script([spoken(1), spoken(1)], barge_in_ms=300)
    run_until_waiting(script)
    assert script.tick(1, 280.0, True).began is None
    assert script.tick(1, 300.0, True).began == 2
    assert script.answered == {1}


def test_an_empty_turn_is_not_an_answer() -> None:
    script = Script([spoken(1)])
    run_until_waiting(script)
    script.message({"type": "conversation_complete", "turn_id": 1, "reason": "empty"})
    script.message({"type": "state", "state": "WAITING_FOR_INPUT"})
    script.tick(0, 0.0, False)
    assert script.phase is Phase.PAUSE
    assert script.answered == set()


def test_typed_turns_send_text_and_no_sound() -> None:
    script = Script([Typed("hello"), Typed("goodbye")])
    tick = script.tick(0, 0.0, False)
    assert (tick.typed, tick.frame) == ("hello", None)
    answer(script, 1)
    ticks = [script.tick(1, 500.0, False) for _ in range(3)]
    assert [tick.typed for tick in ticks if tick.typed] == ["goodbye"]


def test_patience_ends() -> None:
    script = Script([spoken(1)], patience_s=1.0)
    run_until_waiting(script)
    for _ in range(49):
        script.tick(0, 0.0, False)
    with pytest.raises(Failure, match=r"no answer came to turn 1 \(a.wav\)"):
        script.tick(0, 0.0, False)


def test_a_refused_typed_turn_is_an_error() -> None:
    script = Script([Typed("hello")])
    script.tick(0, 0.0, False)
    with pytest.raises(Failure, match="'hello' was refused: too long"):
        script.message({"type": "error", "code": "MESSAGE_INVALID", "message": "too long", "retryable": False})


@pytest.mark.parametrize("answered", [False, True])
def test_over_another_connection_an_unanswered_turn_is_said_again(answered: bool) -> None:
    script = Script([Typed("hello"), Typed("goodbye")])
    assert script.tick(0, 0.0, False).typed == "hello"
    if answered:
        script.tick(1, 20.0, True)
    script.message({"type": "connection", "resumed": True})
    assert script.tick(1, 20.0, False).typed == ("goodbye" if answered else "hello")
