"""How a session ends, and comes back: limits with their notices, and what is settled when a connection breaks."""

from __future__ import annotations

import pytest
from scripted import Stage

from orchestrator.responders.api import Said
from orchestrator.session import actions as do
from orchestrator.session import events as ev
from orchestrator.session.floors import Agent
from orchestrator.session.machine import SessionMachine
from orchestrator.session.rules import Rules
from orchestrator.transports import protocol as msg


def told(stage: Stage, what: str) -> list[tuple[float, int | None]]:
    """When a limit of this kind was announced, and how much was left."""
    sends = [(at_ms, action.message) for at_ms, action in stage.done if isinstance(action, do.Send)]
    return [(at_ms, m.left_ms if m.left is None else m.left) for at_ms, m in sends if isinstance(m, msg.Limit) and m.what == what]


def ended(stage: Stage) -> tuple[float, str, str]:
    ((at_ms, action),) = stage.actions(do.Terminate)
    assert isinstance(action, do.Terminate)
    return at_ms, action.reason, action.error.reason if action.error else ""


@pytest.mark.parametrize(
    ("rules", "what", "notice", "end"),
    [
        (Rules(), "idle", (270_000, 30_000), (300_000, "idle_timeout", "SESSION_LIMIT")),
        (Rules(idle_ms=20_000), "idle", (10_000, 10_000), (20_000, "idle_timeout", "SESSION_LIMIT")),
        (
            Rules(idle_ms=1e9, duration_ms=60_000, announce_ms=5_000),
            "duration",
            (55_000, 5_000),
            (60_000, "duration_limit", "SESSION_LIMIT"),
        ),
        (Rules(duration_ms=60_000), "duration", (30_000, 30_000), (60_000, "duration_limit", "SESSION_LIMIT")),
    ],
)
def test_an_end_by_time_is_announced(rules: Rules, what: str, notice: tuple[float, int], end: tuple[float, str, str]) -> None:
    stage = Stage(rules=rules)
    stage.run(2_000_000)
    assert told(stage, what) == [notice]
    assert ended(stage) == end


def test_a_turn_takes_an_idle_notice_back() -> None:
    stage = Stage()
    stage.say("hello", 500, at_ms=280_000)
    stage.run(560_000)
    assert [at_ms for at_ms, _ in told(stage, "idle")][:1] == [270_000]
    assert not stage.machine.ended
    stage.run(1_000_000)
    rested_ms = stage.actions(do.StartTimer)[-2][0]  # the notice's timer: the last but one
    assert ended(stage) == (rested_ms + 300_000, "idle_timeout", "SESSION_LIMIT")
    assert len(told(stage, "idle")) == 2


def test_the_last_exchanges_are_counted_down_and_the_last_one_is_played_out() -> None:
    stage = Stage(rules=Rules(messages=5))
    for number in range(7):
        stage.say(f"turn {number}", 500, at_ms=10_000 * (number + 1))
    stage.run(100_000)
    assert [left for _, left in told(stage, "messages")] == [3, 2, 1]
    assert ended(stage)[1:] == ("message_limit", "SESSION_LIMIT")
    assert stage.machine.history[-1] == Said("agent", "turn 4", meant="turn 4")
    assert len([m for m in stage.sent(msg.ConversationComplete) if m.reason == "played"]) == 5


def test_a_limit_of_few_exchanges_is_told_at_once() -> None:
    assert [left for _, left in told(Stage(rules=Rules(messages=2)), "messages")] == [2]


def test_typing_over_the_last_answer_is_no_way_around_the_limit() -> None:
    stage = Stage(rules=Rules(messages=1))
    stage.tell(ev.Typed("hello", 0.0))
    stage.tell(ev.Typed("and on", 1.0))
    assert ended(stage)[1] == "message_limit"
    assert len(stage.sent(msg.ConversationComplete)) == 1


def test_a_recording_is_an_exchange_and_is_answered_before_the_end() -> None:
    stage = Stage(rules=Rules(messages=1))
    stage.tell(ev.RecordingBegun())
    assert not stage.machine.ended
    stage.tell(ev.RecordingDone("hi", "hello"))
    assert ended(stage)[1] == "message_limit"


def test_noise_is_no_exchange() -> None:
    stage = Stage(rules=Rules(messages=1))
    stage.say("", 300)
    stage.run(10_000)
    assert not stage.machine.ended


def test_a_connection_that_breaks_leaves_what_was_heard() -> None:
    answer = "one two three four five six seven eight nine ten"
    stage = Stage(reply=lambda text: [answer])
    stage.say("count", 500)
    stage.run(0)
    while stage.machine.agent is not Agent.SPEAKING:
        stage.run(stage.now_ms + 10)
    stage.run(stage.now_ms + 300)
    stage.tell(ev.Gone("connection_lost", stage.now_ms))
    heard = stage.machine.history[1]
    assert heard.interrupted
    assert 0 < len(heard.text) < len(answer)
    assert answer.startswith(heard.text)
    assert stage.actions(do.StopSpeaking)
    assert stage.timers == {}


@pytest.mark.parametrize("at_ms", [200, 900, 1090, 1150, 1250], ids=["talking", "pausing", "finalizing", "replying", "speaking"])
def test_whatever_is_under_way_the_next_machine_is_at_rest_and_goes_on(at_ms: float) -> None:
    stage = Stage(rules=Rules(messages=50))
    stage.say("first", 500)
    stage.run(5_000)
    stage.say("second and some more words", 500)
    stage.run(5_000 + at_ms)
    stage.tell(ev.Gone("connection_lost", stage.now_ms))
    memory = stage.machine.remember()
    assert memory.history[:2] == (Said("user", "first"), Said("agent", "first", meant="first"))
    assert memory.turns >= 2
    machine = SessionMachine("s", stage.rules, past=memory)
    machine.handle(ev.Connected(used_ms=10_000))
    assert machine.state == ("WAITING_FOR_INPUT", False)
    assert (machine.new_turn_id(), machine.new_utterance_id()) == (memory.turns + 1, memory.utterances + 1)
    assert machine.remember().exchanges == memory.exchanges


def test_coming_back_gives_no_time() -> None:
    machine = SessionMachine("s", Rules(duration_ms=100_000))
    started = machine.handle(ev.Connected(used_ms=60_000))
    assert do.StartTimer(ev.Timer.DURATION_NOTICE, 10_000) in started
    late = SessionMachine("s", Rules(duration_ms=100_000)).handle(ev.Connected(used_ms=90_000))
    assert do.Send(msg.Limit(what="duration", left_ms=10_000)) in late
    assert do.StartTimer(ev.Timer.DURATION, 10_000) in late
