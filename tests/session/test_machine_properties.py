"""The session machine under anything: Hypothesis tells it events in any order, early, late and twice."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from orchestrator.session import actions as do
from orchestrator.session import events as ev
from orchestrator.session.floors import Agent, User
from orchestrator.session.ledger import SpokenMark
from orchestrator.session.machine import SessionMachine
from orchestrator.session.rules import Rules
from orchestrator.transports import protocol as msg
from parley.audio import FRAME_SAMPLES, SILENT_FRAME
from parley.errors import ParleyError

_ENDS = {"idle_timeout": "idle", "duration_limit": "duration", "message_limit": "messages"}
_WORDS = st.sampled_from(["", "hello", "one two three, four. Five six", "Yes."])


class Conversation(RuleBasedStateMachine):
    """Random surroundings, with the invariants checked after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = SessionMachine("s", Rules())
        self.now_ms = 0.0
        self.timers: set[ev.Timer] = set()
        self.stopped: set[int] = set()
        self.replying: int | None = None
        self.tokens: list[int] = []
        self.exchanges: dict[int, int] = {}
        self._text: dict[int, str] = {}
        self._sent_ms: dict[int, float] = {}
        self._announced: set[str] = set()
        self._empty: set[int] = set()

    @initialize(messages=st.sampled_from([0, 0, 2, 6]))
    def the_session_begins(self, messages: int) -> None:
        self.machine = SessionMachine("s", Rules(messages=messages))
        self.tell(ev.Connected())

    def tell(self, event: ev.Event) -> None:
        for action in self.machine.handle(event):
            match action:
                case do.StartTimer(timer, after_ms):
                    assert after_ms > 0
                    self.timers.add(timer)
                    if timer is ev.Timer.IDLE_NOTICE:
                        self._announced.discard("idle")
                case do.CancelTimer(timer):
                    self.timers.discard(timer)
                case do.Send(msg.Limit(what=what)):
                    self._announced.add(what)
                case do.Terminate(reason):
                    assert reason not in _ENDS or _ENDS[reason] in self._announced, f"{reason} was not announced"
                case do.Finalize(token):
                    self.tokens.append(token)
                case do.StartReply(utterance_id, _):
                    assert self.replying is None, "two replies at a time"
                    self.replying = utterance_id
                case do.CancelReply():
                    self.replying = None
                case do.StopSpeaking(utterance_id=utterance_id):
                    self.stopped.add(utterance_id)
                case do.Speak(utterance_id):
                    assert utterance_id not in self.stopped, "words for a dead utterance"
                case do.Send(msg.ConversationComplete(turn_id=turn_id, reason=reason)):
                    self.exchanges[turn_id] = self.exchanges.get(turn_id, 0) + 1
                    if reason == "empty":
                        self._empty.add(turn_id)
                case do.Send(msg.UtteranceEnded() as ended):
                    utterance_text = self._text.get(ended.utterance_id, "")
                    assert utterance_text.strip().startswith(ended.heard_text)
                    assert ended.played_ms <= self._sent_ms.get(ended.utterance_id, 0) + 0.1
                case _:
                    pass
            if self.machine.utterance is not None:
                self._text[self.machine.utterance.utterance_id] = self.machine.utterance.text

    @precondition(lambda self: not self.machine.ended and self.machine.agent is Agent.RESTING and self.machine.user is User.SILENT)
    @rule(words=st.sampled_from(["One two three, four. Five six seven.", "Yes."]), ended=st.booleans())
    def the_agent_gets_to_speak(self, words: str, ended: bool) -> None:
        """A short cut to where it gets interesting; chance alone seldom comes so far."""
        self.tell(ev.Typed("hello", self.now_ms))
        self.reply_piece(words)
        if ended:
            self.reply_ends(fails=False)
        self.audio_comes(frames=20, complete=ended)

    @precondition(lambda self: self.machine.agent is Agent.SPEAKING and self.machine.user is not User.TALKING)
    @rule(words=st.sampled_from(["", "mm-hm", "stop"]), stops=st.booleans(), waits=st.booleans())
    def a_sound_over_the_agent(self, words: str, stops: bool, waits: bool) -> None:
        self.tell(ev.SpeechStarted(self.now_ms, self.now_ms - 60))
        if words:
            self.tell(ev.Heard(words, False, self.now_ms))
        if stops:
            self.tell(ev.SpeechStopped(self.now_ms, self.now_ms - 100))
        if waits and ev.Timer.VERDICT in self.timers:
            self.now_ms += 700
            self.timers.discard(ev.Timer.VERDICT)
            self.tell(ev.TimerFired(ev.Timer.VERDICT, self.now_ms))

    @rule(ms=st.floats(0, 500))
    def time_passes(self, ms: float) -> None:
        self.now_ms += ms

    @precondition(lambda self: self.machine.user is not User.TALKING)
    @rule()
    def speech_starts(self) -> None:
        self.tell(ev.SpeechStarted(self.now_ms, self.now_ms - 60))

    @rule(silent_ms=st.floats(20, 900))
    def speech_stops(self, silent_ms: float) -> None:
        self.tell(ev.SpeechStopped(self.now_ms, self.now_ms - silent_ms))

    @rule(text=_WORDS, final=st.booleans())
    def heard(self, text: str, final: bool) -> None:
        self.tell(ev.Heard(text, final, self.now_ms))

    @precondition(lambda self: self.machine.overlap is not None)
    @rule(text=st.sampled_from(["mm-hm", "stop", "yeah okay", "wait a moment"]), final=st.booleans())
    def heard_over_the_agent(self, text: str, final: bool) -> None:
        self.tell(ev.Heard(text, final, self.now_ms))

    @precondition(lambda self: self.tokens)
    @rule(data=st.data())
    def transcript_done(self, data: st.DataObject) -> None:
        self.tell(ev.TranscriptDone(data.draw(st.sampled_from(self.tokens)), self.now_ms))

    @precondition(lambda self: self.replying is not None)
    @rule(text=_WORDS.filter(bool))
    def reply_piece(self, text: str) -> None:
        assert self.replying is not None
        utterance = self.machine.utterance
        if utterance is not None and not utterance.ended:
            self._text[self.replying] = self._text.get(self.replying, "") + text
            self.tell(ev.ReplyPiece(self.replying, text, self.now_ms))

    @precondition(lambda self: self.replying is not None)
    @rule(fails=st.booleans())
    def reply_ends(self, fails: bool) -> None:
        number, self.replying = self.replying, None
        assert number is not None
        self.tell(ev.ReplyFailed(number, ParleyError("RESPONDER_FAILED", "x"), self.now_ms) if fails else ev.ReplyDone(number, self.now_ms))

    @precondition(lambda self: self.machine.utterance is not None and self.machine.utterance.spoken)
    @rule(frames=st.integers(1, 40), complete=st.booleans())
    def audio_comes(self, frames: int, complete: bool) -> None:
        utterance = self.machine.utterance
        assert utterance is not None
        ledger = utterance.ledger
        if ledger.complete:
            return
        place = (ledger.sent_samples // FRAME_SAMPLES + ledger.waiting) * FRAME_SAMPLES
        ledger.add_mark(SpokenMark(0, len(utterance.text), place, place + frames * FRAME_SAMPLES, estimated=True))
        for _ in range(frames):
            ledger.receive(SILENT_FRAME)
        ledger.complete = complete and utterance.ended
        self.clock_ticks(0)

    @rule(ms=st.floats(0, 300))
    def clock_ticks(self, ms: float) -> None:
        self.now_ms += ms
        utterance = self.machine.utterance
        if utterance is None:
            return
        due = utterance.playout.due(self.now_ms)
        if due and not utterance.ledger.sent_samples:
            self.tell(ev.Audible(utterance.utterance_id, self.now_ms))
        assert due == 0 or self.machine.agent is not Agent.YIELDING, "a frame left while the agent is paused"
        for _ in range(due):
            assert utterance.utterance_id not in self.stopped, "a frame of a dead utterance left"
            utterance.ledger.take()
        self._sent_ms[utterance.utterance_id] = utterance.ledger.sent_ms
        if utterance.playout.finished(self.now_ms) and self.machine.agent is Agent.SPEAKING:
            self.tell(ev.Played(utterance.utterance_id, self.now_ms, utterance.ledger.sent_ms))

    @precondition(lambda self: self.timers)
    @rule(data=st.data())
    def timer_fires(self, data: st.DataObject) -> None:
        timer = data.draw(st.sampled_from(sorted(self.timers, key=lambda t: t.value)))
        self.timers.discard(timer)
        self.tell(ev.TimerFired(timer, self.now_ms))

    @rule(number=st.integers(1, 5))
    def a_late_event_of_some_utterance(self, number: int) -> None:
        if self.machine.utterance is None or self.machine.utterance.utterance_id != number:
            state = (self.machine.state, list(self.machine.history))
            for event in (ev.ReplyDone(number, 0), ev.Audible(number, 0), ev.Played(number, 0, 0), ev.ReplyPiece(number, "x", 0)):
                assert self.machine.handle(event) == []
            assert (self.machine.state, self.machine.history) == state

    @precondition(lambda self: not self.machine.ended)
    @rule(comes_back=st.sampled_from([True, True, False]), used_ms=st.floats(0, 3_700_000))
    def the_connection_breaks(self, comes_back: bool, used_ms: float) -> None:
        """All is settled at once, and the next machine goes on where this one was."""
        self.tell(ev.Gone("connection_lost", self.now_ms))
        assert self.timers == set()
        assert self.machine.ended
        assert self.replying is None
        if comes_back:
            memory = self.machine.remember()
            self.machine = SessionMachine("s", self.machine.rules, past=memory)
            self.tokens.clear()
            self.tell(ev.Connected(used_ms))
            assert self.machine.history == list(memory.history)
            assert self.machine.ended or self.machine.state[0] in ("WAITING_FOR_INPUT", "LISTENING")

    @rule(what=st.sampled_from(["type", "interrupt", "fail", "speech", "speech", "speech", "speech"]))
    def something_cuts_in(self, what: str) -> None:
        """In one rule, so that it does not happen all the time."""
        utterance = self.machine.utterance
        if what == "type":
            self.tell(ev.Typed("hello", self.now_ms))
        elif what == "interrupt":
            self.tell(ev.Interrupted(self.now_ms))
        elif what == "fail" and utterance is not None:
            self.tell(ev.SpeechFailed(utterance.utterance_id, ParleyError("ENGINE_CRASHED", "x"), self.now_ms))
        elif what == "speech" and self.machine.user is not User.TALKING:
            self.tell(ev.SpeechStarted(self.now_ms, self.now_ms - 60))

    @invariant()
    def each_waiting_state_has_a_timer_that_ends_it(self) -> None:
        machine = self.machine
        if machine.ended:
            assert self.timers == set()
            return
        if machine.user is User.PAUSING and machine.overlap is None:
            assert ev.Timer.TURN_END in self.timers
        if machine.user is not User.SILENT:
            assert ev.Timer.TURN_LIMIT in self.timers
        if machine.agent is Agent.FINALIZING:
            assert ev.Timer.TRANSCRIPT in self.timers
        if machine.agent is Agent.YIELDING:
            assert ev.Timer.VERDICT in self.timers
        if machine.overlap is not None and machine.user is User.PAUSING:
            assert ev.Timer.VERDICT in self.timers
        if machine.agent is Agent.REPLYING:
            assert self.replying is not None or ev.Timer.FIRST_AUDIO in self.timers
        if machine.user is User.SILENT and machine.agent is Agent.RESTING:
            assert len({ev.Timer.IDLE_NOTICE, ev.Timer.IDLE} & self.timers) == 1
        assert len({ev.Timer.DURATION_NOTICE, ev.Timer.DURATION} & self.timers) == 1

    @invariant()
    def nothing_is_begun_beyond_the_last_exchange(self) -> None:
        most = self.machine.rules.messages
        assert not most or len(self.exchanges) - len(self._empty) <= most

    @invariant()
    def an_exchange_ends_once(self) -> None:
        assert all(times == 1 for times in self.exchanges.values())

    @invariant()
    def heard_is_a_prefix_of_meant(self) -> None:
        for said in self.machine.history:
            assert said.role == "user" or said.meant.startswith(said.text)

    @invariant()
    def both_floors_agree(self) -> None:
        machine = self.machine
        if machine.ended:
            return
        assert (machine.utterance is not None) == (machine.agent in (Agent.REPLYING, Agent.SPEAKING, Agent.YIELDING))
        if machine.overlap is not None:
            assert machine.agent in (Agent.SPEAKING, Agent.YIELDING)
            assert machine.user is not User.SILENT
        if machine.agent is Agent.YIELDING:
            assert machine.overlap is not None
        if machine.user is not User.SILENT or machine.agent is not Agent.RESTING:
            assert machine.turn is not None


Conversation.TestCase.settings = settings(max_examples=200, stateful_step_count=50, deadline=None)
TestConversation = Conversation.TestCase
