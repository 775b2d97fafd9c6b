"""The session machine, as conversations: who says what when, and what comes of it."""

from __future__ import annotations

import pytest
from scripted import Stage

from orchestrator.responders.api import EndConversation, Said, SetSpeed
from orchestrator.session import actions as do
from orchestrator.session import events as ev
from orchestrator.session.floors import AGENT_MOVES, USER_MOVES, Agent, IllegalMove, User
from orchestrator.session.rules import Rules
from orchestrator.session.turn_taking import Patience, SilenceRules
from orchestrator.session.verdict import Ruling, Verdict
from orchestrator.transports import protocol as msg
from parley.errors import ParleyError


def test_one_exchange_from_speech_to_played() -> None:
    stage = Stage()
    stage.say("hello there", 1000, at_ms=100)
    stage.run(5000)
    assert stage.states == ["LISTENING", "LISTENING", "SPEAKING", "WAITING_FOR_INPUT"]
    assert [type(m).__name__ for m in stage.sent()] == [
        "State", "Transcription", "Transcription", "State", "Transcription", "ResponseText", "ResponseText", "UtteranceStarted",
        "Latency", "State", "UtteranceEnded", "ConversationComplete", "State",
    ]  # fmt: skip
    assert stage.machine.history == [Said("user", "hello there"), Said("agent", "hello there", meant="hello there")]


def test_latency_is_measured_from_the_end_of_speech() -> None:
    stage = Stage()
    stage.say("hello there", 1000, at_ms=100)
    stage.run(5000)
    (latency,) = stage.sent(msg.Latency)
    assert latency == msg.Latency(turn_id=1, turn_end_ms=250, transcript_ms=330, first_text_ms=380, first_audio_ms=560)


def test_a_pause_for_breath_does_not_end_the_turn() -> None:
    stage = Stage()
    stage.say("I would like", 1000, at_ms=0)
    stage.say("a coffee", 1000, at_ms=1300)
    stage.run(10_000)
    assert len(stage.actions(do.Finalize)) == 1
    assert stage.machine.history[0] == Said("user", "I would like a coffee")


def test_an_empty_turn_is_no_turn() -> None:
    stage = Stage()
    stage.say("", 300)
    stage.run(5000)
    assert stage.states[-1] == "WAITING_FOR_INPUT"
    assert stage.sent(msg.ConversationComplete) == [msg.ConversationComplete(turn_id=1, reason="empty")]
    assert stage.machine.history == []


@pytest.mark.parametrize("heard_chars", range(1, 60, 7))
def test_barge_in_cuts_the_history_to_what_was_heard(heard_chars: int) -> None:
    answer = "one two three four five six seven eight nine ten eleven twelve"
    stage = Stage(reply=lambda text: [answer])
    stage.say("count", 500)
    stage.run(0)
    while not stage.machine.utterance or not stage.machine.utterance.playout.started:
        stage.run(stage.now_ms + 10)
    begun_ms = next(at for at, action in stage.done if isinstance(action, do.Send) and isinstance(action.message, msg.UtteranceStarted))
    stage.say("stop", 500, at_ms=begun_ms + 20 * heard_chars)
    stage.run(begun_ms + 20 * heard_chars)
    agent = stage.machine.history[1]
    assert agent == Said("agent", answer[:heard_chars].strip(), meant=answer, interrupted=True)
    assert "BARGED_IN" in stage.states
    assert stage.states[-1] == "LISTENING"
    frames = len(stage.played)
    stage.run(stage.now_ms + 400)
    assert len(stage.played) == frames, "a frame left after the agent lost the floor"


def test_barge_in_cuts_the_sink_before_anything_else() -> None:
    stage = Stage(reply=lambda text: ["one two three four five six"])
    stage.say("count", 500)
    stage.run(1500)
    assert stage.machine.agent is Agent.SPEAKING
    before = len(stage.done)
    stage.tell(ev.SpeechStarted(stage.now_ms, stage.now_ms - 60))
    assert isinstance(stage.done[before][1], do.HoldSpeaking)


def test_going_on_before_the_answer_is_audible_takes_it_back() -> None:
    stage = Stage(reply_delay_ms=600)
    stage.say("I would like tea", 1000, at_ms=0)
    stage.say("not coffee", 500, at_ms=1800)  # the answer was begun at 1250, and would have been audible at 1990
    stage.run(1799)
    assert stage.machine.agent is Agent.REPLYING
    stage.run(1800)
    assert stage.machine.agent is Agent.RESTING
    stage.run(10_000)
    assert stage.machine.history[0] == Said("user", "I would like tea not coffee")
    assert len(stage.machine.history) == 2
    assert {m.turn_id for m in stage.sent(msg.Transcription)} == {1}


def test_the_responder_can_have_nothing_to_say() -> None:
    stage = Stage(reply=lambda text: [])
    stage.say("be quiet", 500)
    stage.run(5000)
    assert stage.sent(msg.ConversationComplete) == [msg.ConversationComplete(turn_id=1, reason="silent")]
    assert stage.states[-1] == "WAITING_FOR_INPUT"
    assert stage.machine.history == [Said("user", "be quiet")]


def test_goodbye_ends_the_session_after_the_last_word() -> None:
    stage = Stage(reply=lambda text: [EndConversation(), "Goodbye."])
    stage.say("goodbye", 500)
    stage.run(5000)
    assert stage.states[-1] == "TERMINATED"
    assert [action for _, action in stage.actions(do.Terminate)] == [do.Terminate("goodbye", None)]
    assert len(stage.played) == len("Goodbye.")


def test_speed_is_an_act() -> None:
    stage = Stage(reply=lambda text: [SetSpeed(0.8), "As you like."])
    stage.say("talk slower", 500)
    stage.run(5000)
    assert [action for _, action in stage.actions(do.SetRate)] == [do.SetRate(0.8)]


def test_a_typed_turn_interrupts_and_is_answered() -> None:
    stage = Stage(reply=lambda text: [f"You said {text}, and here is a long answer."])
    stage.say("hello", 500)
    stage.run(1500)
    stage.tell(ev.Typed("wait", stage.now_ms))
    stage.run(10_000)
    assert [entry.text for entry in stage.machine.history if entry.role == "user"] == ["hello", "wait"]
    assert stage.machine.history[1].interrupted
    assert not stage.machine.history[3].interrupted


def test_the_interrupt_button_stops_the_agent_and_waits() -> None:
    stage = Stage(reply=lambda text: ["one two three four five six seven"])
    stage.say("count", 500)
    stage.run(1500)
    stage.tell(ev.Interrupted(stage.now_ms))
    assert stage.states[-1] == "WAITING_FOR_INPUT"
    assert len(stage.actions(do.StopSpeaking)) == 1


def test_a_transcript_that_never_comes_is_answered_as_it_stands() -> None:
    stage = Stage(transcript_delay_ms=100_000)
    stage.say("hello there", 1000)
    stage.run(10_000)
    assert stage.machine.history[0] == Said("user", "hello there")  # the last partial
    assert [m.code for m in stage.sent(msg.Error)] == ["TIMEOUT"]


def test_speech_that_never_comes_is_an_error_and_not_the_end() -> None:
    stage = Stage(speech_delay_ms=100_000)
    stage.say("hello", 500)
    stage.run(10_000)
    assert [m.code for m in stage.sent(msg.Error)] == ["TIMEOUT"]
    assert stage.states[-1] == "WAITING_FOR_INPUT"
    stage.speech_delay_ms = 60
    stage.say("hello again", 500)
    stage.run(20_000)
    assert stage.machine.history[-1] == Said("agent", "hello again", meant="hello again")


def test_a_lost_worker_while_speaking_keeps_what_was_heard() -> None:
    stage = Stage(reply=lambda text: ["one two three four five six seven"])
    stage.say("count", 500)
    stage.run(1400)
    assert stage.machine.utterance is not None
    stage.tell(ev.SpeechFailed(stage.machine.utterance.utterance_id, ParleyError("WORKER_LOST", "gone"), stage.now_ms))
    assert stage.states[-1] == "WAITING_FOR_INPUT"
    assert "one two three".startswith(stage.machine.history[1].text[:5])


def test_a_failing_responder_after_some_words_lets_them_be_heard() -> None:
    stage = Stage(reply=lambda text: ["A rather long answer, which is not over yet."])
    stage.say("hello", 500)
    stage.run(1100)
    number = stage.machine.utterance.utterance_id if stage.machine.utterance else 0
    stage.tell(ev.ReplyFailed(number, ParleyError("RESPONDER_FAILED", "broken"), stage.now_ms))
    assert [m.code for m in stage.sent(msg.Error)] == ["RESPONDER_FAILED"]
    stage.run(5000)
    assert stage.states[-1] == "WAITING_FOR_INPUT"


def test_a_turn_without_end_is_answered_at_its_limit() -> None:
    stage = Stage(rules=Rules(turn_limit_ms=5000))
    stage.say("on and on", 60_000)
    stage.run(7000)
    assert stage.machine.history[0] == Said("user", "on and on")


def test_nothing_happening_ends_the_session() -> None:
    stage = Stage(rules=Rules(idle_ms=60_000))
    stage.say("hello", 500, at_ms=50_000)
    stage.run(100_000)
    assert stage.states[-1] == "WAITING_FOR_INPUT"
    stage.run(112_000)
    assert stage.states[-1] == "TERMINATED"
    assert stage.sent(msg.State)[-1].reason == "idle_timeout"
    assert stage.timers == {}


def test_after_the_end_nothing_matters() -> None:
    stage = Stage()
    stage.tell(ev.Leave("client_left"))
    for event in (ev.SpeechStarted(1, 0), ev.Typed("hi", 2), ev.Leave("again"), ev.TimerFired(ev.Timer.IDLE, 3)):
        assert stage.machine.handle(event) == []


def test_an_event_that_cannot_be_raises_and_changes_nothing() -> None:
    stage = Stage()
    stage.tell(ev.SpeechStarted(0, 0))
    with pytest.raises(IllegalMove):
        stage.machine.handle(ev.SpeechStarted(1, 0))
    assert stage.machine.user is User.TALKING


def test_no_floor_is_a_dead_end() -> None:
    for floor, moves in ((User, USER_MOVES), (Agent, AGENT_MOVES)):
        for state in floor:
            assert any(origin is state for origin, _ in moves), f"no way out of {state}"
            assert any(target is state for _, target in moves), f"no way into {state}"


# ---------- the end of a turn ----------


def _wait_ms(text: str, **rules: float) -> float:
    """From the end of speech to the first sound of an answer that is ready at once."""
    stage = Stage(rules=Rules(silence=SilenceRules(**rules)), transcript_delay_ms=0, reply_delay_ms=1, speech_delay_ms=1)
    stage.say(text, 1000)
    stage.run(10_000)
    (latency,) = stage.sent(msg.Latency)
    assert isinstance(latency, msg.Latency)
    assert latency.first_audio_ms is not None
    return latency.first_audio_ms


@pytest.mark.parametrize(
    ("text", "silence_ms"),
    [("What time is it?", 300), ("tell me a story", 550), ("I went there because", 1400), ("give me the um", 1800)],
)
def test_what_was_said_tells_how_long_to_wait(text: str, silence_ms: float) -> None:
    assert silence_ms <= _wait_ms(text) <= silence_ms + 2 * 20


@pytest.mark.parametrize("pause_ms", [300, 500])
def test_an_answer_begun_on_a_probable_end_is_taken_back_unheard(pause_ms: float) -> None:
    stage = Stage(transcript_delay_ms=10, reply_delay_ms=10, speech_delay_ms=10)
    stage.say("tell me a story", 1000, at_ms=0)
    stage.say("about a bear", 800, at_ms=1000 + pause_ms)
    stage.run(900 + pause_ms)
    begun = len(stage.actions(do.StartReply))
    stage.run(10_000)
    assert begun <= 1
    assert stage.played[0][0] > 1800 + pause_ms, "the first answer was heard"
    assert len({m.utterance_id for m in stage.sent(msg.ResponseText)}) == 1, "the first answer was told"
    assert [m.text for m in stage.sent(msg.Transcription) if m.final] == ["tell me a story about a bear"]
    assert stage.machine.history[0] == Said("user", "tell me a story about a bear")
    assert len(stage.machine.history) == 2


def test_who_pauses_long_within_turns_is_given_longer() -> None:
    patience = Patience(SilenceRules())
    assert patience.silence_ms("tell me a story", "en") == 550
    for _ in range(5):
        patience.paused(800)
    assert patience.silence_ms("tell me a story", "en") == 960
    assert patience.silence_ms("What time is it?", "en") == 300


# ---------- sounds over the agent's speech ----------

ANSWER = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"


def _speaking() -> Stage:
    """A stage whose agent has just begun to speak a long answer."""
    stage = Stage(reply=lambda text: [ANSWER])
    stage.say("count", 500)
    while stage.machine.agent is not Agent.SPEAKING:
        stage.run(stage.now_ms + 10)
    return stage


def _played_to_the_end(stage: Stage) -> bool:
    stage.run(stage.now_ms + 5000)
    return stage.machine.history[1] == Said("agent", ANSWER, meant=ANSWER) and len(stage.played) == len(ANSWER)


@pytest.mark.parametrize(("words", "verdict"), [("mm-hm", "backchannel"), ("yeah okay", "backchannel"), ("", "noise")])
@pytest.mark.parametrize("duration_ms", [60, 200, 400])
def test_what_is_no_interruption_loses_no_frame_and_ends_nothing(words: str, verdict: str, duration_ms: float) -> None:
    stage = _speaking()
    stage.say(words, duration_ms, at_ms=stage.now_ms + 300)
    assert _played_to_the_end(stage)
    assert [m.verdict for m in stage.sent(msg.Verdict)] == [verdict]
    assert stage.states[-4:] == ["SPEAKING", "BARGED_IN", "SPEAKING", "WAITING_FOR_INPUT"]
    assert len(stage.actions(do.HoldSpeaking)) == len(stage.actions(do.GoOnSpeaking)) == 1
    assert stage.actions(do.StopSpeaking) == []


def test_a_pause_is_over_within_the_deadline() -> None:
    stage = _speaking()
    stage.say("", 30_000, at_ms=stage.now_ms + 300)  # noise without end
    assert _played_to_the_end(stage)
    ((held_ms, _),) = stage.actions(do.HoldSpeaking)
    ((gone_on_ms, _),) = stage.actions(do.GoOnSpeaking)
    assert gone_on_ms - held_ms == stage.rules.verdict.deadline_ms


def test_words_after_the_deadline_are_an_interruption_all_the_same() -> None:
    stage = _speaking()
    stage.tell(ev.SpeechStarted(stage.now_ms, stage.now_ms - 60))
    stage.run(stage.now_ms + 700)
    assert stage.machine.agent is Agent.SPEAKING
    stage.tell(ev.Heard("wait", final=False, at_ms=stage.now_ms))
    assert stage.machine.agent is Agent.RESTING
    assert stage.states[-2:] == ["BARGED_IN", "LISTENING"]
    assert stage.machine.turn is not None
    assert stage.machine.turn.text == "wait"


def test_the_first_word_that_wants_the_floor_takes_it_at_once() -> None:
    stage = _speaking()
    stage.tell(ev.SpeechStarted(stage.now_ms, stage.now_ms - 60))
    stage.tell(ev.Heard("okay", final=False, at_ms=stage.now_ms))
    assert stage.machine.agent is Agent.YIELDING
    stage.tell(ev.Heard("okay but", final=False, at_ms=stage.now_ms))
    assert stage.machine.agent is Agent.RESTING
    assert len(stage.actions(do.StopSpeaking)) == 1


def test_the_turn_of_an_interruption_ends_like_any_other() -> None:
    stage = _speaking()
    stage.say("stop it please", 900, at_ms=stage.now_ms + 300)
    stage.run(stage.now_ms + 5000)
    assert [entry.text for entry in stage.machine.history if entry.role == "user"] == ["count", "stop it please"]


def test_two_sounds_in_a_row_are_two_pauses() -> None:
    stage = _speaking()
    stage.say("", 100, at_ms=stage.now_ms + 300)
    stage.say("mm-hm", 100, at_ms=stage.now_ms + 1600)
    assert _played_to_the_end(stage)
    assert [m.verdict for m in stage.sent(msg.Verdict)] == ["noise", "backchannel"]


def test_who_speaks_over_the_last_word_has_the_next_turn() -> None:
    stage = _speaking()
    frames_ms = len(ANSWER) * 20
    stage.tell(ev.SpeechStarted(stage.now_ms, stage.now_ms - 60))
    stage.run(stage.now_ms + frames_ms + 700)  # no words in time: it plays on, to its end
    assert stage.machine.history[1].text == ANSWER
    assert stage.machine.turn is not None
    stage.tell(ev.Heard("and now", final=True, at_ms=stage.now_ms))
    stage.tell(ev.SpeechStopped(stage.now_ms, stage.now_ms - 200))
    stage.run(stage.now_ms + 5000)
    assert stage.machine.history[2].text == "and now"


def test_a_policy_that_never_rules_leaves_nobody_hanging() -> None:
    stage = _speaking()
    stage.machine.policy = lambda evidence, rules: Ruling(Verdict.OPEN, "")
    stage.say("stop", 900, at_ms=stage.now_ms + 300)
    assert _played_to_the_end(stage)
    assert [m.reason for m in stage.sent(msg.Verdict)] == ["deadline"]


def test_an_utterance_that_fails_while_paused_gives_the_user_the_floor() -> None:
    stage = _speaking()
    stage.tell(ev.SpeechStarted(stage.now_ms, stage.now_ms - 60))
    assert stage.machine.utterance is not None
    stage.tell(ev.SpeechFailed(stage.machine.utterance.utterance_id, ParleyError("WORKER_LOST", "gone"), stage.now_ms))
    assert stage.states[-1] == "LISTENING"
    assert stage.machine.turn is not None


def test_a_short_word_that_only_the_final_knows_is_an_interruption() -> None:
    stage = _speaking()
    at_ms = stage.now_ms + 300
    stage.at(at_ms, lambda: stage.tell(ev.SpeechStarted(stage.now_ms, stage.now_ms - 60)))
    stage.at(at_ms + 400, lambda: stage.tell(ev.SpeechStopped(stage.now_ms, stage.now_ms - 160)))
    stage.run(at_ms + 400)
    ((_, finalize),) = stage.actions(do.Finalize)[1:]
    assert stage.machine.agent is Agent.YIELDING
    assert isinstance(finalize, do.Finalize)
    stage.tell(ev.Heard("stop", final=True, at_ms=stage.now_ms))
    assert stage.machine.agent is Agent.RESTING
    assert stage.machine.turn is not None
    assert stage.machine.turn.text == "stop"


def test_the_recognisers_last_word_on_a_sound_is_the_verdict_without_further_wait() -> None:
    stage = _speaking()
    stage.say("mm-hm", 200, at_ms=stage.now_ms + 300)
    stage.run(stage.now_ms + 300 + 200 + 200 + 80)  # the stop is known 200 ms late, the final takes 80
    assert [m.verdict for m in stage.sent(msg.Verdict)] == ["backchannel"]
    assert stage.machine.agent is Agent.SPEAKING


def test_who_goes_on_after_a_pause_over_the_agent_is_heard_from_the_first_sample() -> None:
    stage = _speaking()
    stage.tell(ev.SpeechStarted(stage.now_ms, stage.now_ms - 60))
    stage.tell(ev.SpeechStopped(stage.now_ms, stage.now_ms - 160))
    before = len(stage.actions(do.OpenMicrophone))
    stage.tell(ev.SpeechStarted(stage.now_ms, stage.now_ms - 60))
    assert len(stage.actions(do.OpenMicrophone)) == before + 1
