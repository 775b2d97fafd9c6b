"""The session machine: what happens -> what is to be done. `handle(event)` returns actions, in order, and that is all it does.

It never awaits, sleeps, logs, reads a clock or touches a socket. The floors' tables are in `floors.py`; each event has one method
below. Late events are dropped first, in one place (`_is_late`): those of a turn or an utterance that is no longer under way. An
event that fits no row after that is a bug and raises IllegalMove, with nothing changed.
"""

from __future__ import annotations

from functools import singledispatchmethod

from orchestrator.responders.api import EndConversation, ReplyRequest, Said, SetSpeed
from orchestrator.session import events as ev
from orchestrator.session import say
from orchestrator.session.actions import (
    Action,
    CancelReply,
    CancelTimer,
    DiscardSpeech,
    DropWorker,
    Finalize,
    GoOnSpeaking,
    HoldSpeaking,
    OpenMicrophone,
    Ruled,
    Send,
    SetRate,
    Speak,
    StartReply,
    StartTimer,
    StopSpeaking,
    Terminate,
)
from orchestrator.session.events import Event, Timer
from orchestrator.session.floors import AGENT_MOVES, USER_MOVES, Agent, IllegalMove, User, public_state
from orchestrator.session.ledger import Ledger
from orchestrator.session.limits import Limits
from orchestrator.session.memory import Memory
from orchestrator.session.overlap import Judged, Listening, LookAgain, Over, Overlap
from orchestrator.session.playout import Playout
from orchestrator.session.rules import Rules
from orchestrator.session.turn import Turn, Utterance
from orchestrator.session.turn_taking import Patience
from orchestrator.session.verdict import Evidence, Policy, Ruling, Verdict, judge
from orchestrator.transports.protocol import (
    ConversationComplete,
    PublicState,
    ResponseText,
    State,
    Transcription,
    UtteranceEnded,
    UtteranceStarted,
)
from parley.audio import FRAME_MS
from parley.errors import ParleyError

_NO_PAST = Memory()


class SessionMachine:
    """One conversation's decisions."""

    def __init__(self, session_id: str, rules: Rules, language: str = "en", policy: Policy = judge, past: Memory = _NO_PAST) -> None:
        self.session_id = session_id
        self.rules = rules
        self.policy = policy
        self.language = language
        self.prompt = past.prompt
        self._patience = past.patience or Patience(rules.silence)
        self.user = User.SILENT
        self.agent = Agent.RESTING
        self.turn: Turn | None = None
        self.utterance: Utterance | None = None
        self.overlap: Overlap | None = None
        self.history: list[Said] = list(past.history)
        self.ended = False
        self._connected = False
        self._conversed = past.conversed
        self._limits = Limits(rules, past.exchanges)
        self._recordings = 0
        self._turns = past.turns
        self._utterances = past.utterances
        self._tokens = 0

    @property
    def state(self) -> tuple[PublicState, bool]:
        """The public state and its `thinking` flag."""
        if self.ended:
            return "TERMINATED", False
        if not self._connected:
            return "IDLE", False
        return public_state(self.user, self.agent, conversed=self._conversed)

    def remember(self) -> Memory:
        """What the next machine of this session is to know, once this one has `ended`."""
        return Memory(
            history=tuple(self.history),
            turns=self._turns,
            utterances=self._utterances,
            exchanges=self._limits.exchanges,
            conversed=self._conversed,
            prompt=self.prompt,
            patience=self._patience,
        )

    def handle(self, event: Event) -> list[Action]:
        """Take one event. Raises IllegalMove, with nothing changed, for one that cannot happen now."""
        if self._is_late(event):
            return []
        before = self.state
        actions = self._on(event)
        if self._limits.used_up and self.agent is Agent.RESTING and not self._recordings and not self.ended:
            actions += self._leave(*self._limits.end_of_messages())
        if self.state != before and not self.ended:
            actions.append(self._say_state(say.reason(event, before[0], self.state[0])))
        return actions

    def new_turn_id(self) -> int:
        """The next turn's number (a recording is a turn too)."""
        self._turns += 1
        return self._turns

    def new_utterance_id(self) -> int:
        """The next utterance's number."""
        self._utterances += 1
        return self._utterances

    def _is_late(self, event: Event) -> bool:
        if self.ended:
            return True
        match event:
            case (
                ev.ReplyPiece(utterance_id=number)
                | ev.ReplyAct(utterance_id=number)
                | ev.ReplyDone(utterance_id=number)
                | ev.ReplyFailed(utterance_id=number)
                | ev.Audible(utterance_id=number)
                | ev.Played(utterance_id=number)
                | ev.SpeechFailed(utterance_id=number)
            ):
                return self.utterance is None or self.utterance.utterance_id != number
            case ev.Heard():
                return self.overlap is None and (self.turn is None or self.agent not in (Agent.RESTING, Agent.FINALIZING))
            case ev.TranscriptDone(token=token) if self.overlap is not None:
                return self.overlap.turn.token != token or self.overlap.stopped_ms is None
            case ev.TranscriptDone(token=token):
                return self.turn is None or self.agent is not Agent.FINALIZING or self.turn.token != token
            case ev.TimerFired(timer=Timer.TURN_END):
                return self.user is not User.PAUSING or self.overlap is not None
            case ev.TimerFired(timer=Timer.VERDICT):
                return self.overlap is None
            case ev.TimerFired(timer=Timer.TURN_LIMIT):
                return self.user is User.SILENT
            case ev.TimerFired(timer=Timer.TRANSCRIPT):
                return self.agent is not Agent.FINALIZING
            case ev.TimerFired(timer=Timer.FIRST_AUDIO):
                return self.agent is not Agent.REPLYING
            case ev.TimerFired(timer=Timer.IDLE | Timer.IDLE_NOTICE):
                return self._busy
            case _:
                return False

    # ---------- one method per event ----------

    @singledispatchmethod
    def _on(self, event: Event) -> list[Action]:
        raise TypeError(f"no rule for {type(event).__name__}")

    @_on.register
    def _on_connected(self, event: ev.Connected) -> list[Action]:
        self._connected = True
        return self._limits.begin(event.used_ms)

    @_on.register
    def _on_speech_started(self, event: ev.SpeechStarted) -> list[Action]:
        pausing = self.user is User.PAUSING
        if self.user is User.TALKING:
            raise IllegalMove("speech starts while it is on")
        if self.agent is Agent.SPEAKING:
            return self._hold(event)
        self._move_user(User.TALKING)
        if self.overlap is not None:
            self.overlap.stopped_ms, self.overlap.complete = None, False
            return [OpenMicrophone()]
        if self.turn is not None:
            self._patience.paused(event.began_ms - self.turn.speech_end_ms)
        if pausing:
            return [OpenMicrophone(), CancelTimer(Timer.TURN_END)]
        actions = [] if self.agent is Agent.RESTING else self._take_back()
        if self.turn is None:
            self.turn = Turn(self.new_turn_id())
        return [*actions, OpenMicrophone(), *self._limits.stir(), StartTimer(Timer.TURN_LIMIT, self.rules.turn_limit_ms)]

    @_on.register
    def _on_speech_stopped(self, event: ev.SpeechStopped) -> list[Action]:
        if self.user is not User.TALKING:
            return []  # the turn was cut while the speech went on
        self._move_user(User.PAUSING)
        if self.overlap is not None:
            self.overlap.stopped_ms = self.overlap.turn.speech_end_ms = event.silent_since_ms
            self._tokens += 1
            self.overlap.turn.token = self._tokens
            return [Finalize(self._tokens), *self._judge(event.at_ms)]  # its words, now: the agent waits for them
        assert self.turn is not None
        self.turn.speech_end_ms = event.silent_since_ms
        return self._wait_for_turn_end(self.turn, event.at_ms)

    @_on.register
    def _on_heard(self, event: ev.Heard) -> list[Action]:
        if self.overlap is not None:
            self.overlap.turn.hear(event.text, event.final)
            return self._judge(event.at_ms)
        assert self.turn is not None
        self.turn.hear(event.text, event.final)
        wait = self._wait_for_turn_end(self.turn, event.at_ms) if self.user is User.PAUSING else []
        if event.final or not event.text.strip():
            return wait
        return [Send(Transcription(turn_id=self.turn.turn_id, text=self.turn.text, final=False)), *wait]

    @_on.register
    def _on_transcript_done(self, event: ev.TranscriptDone) -> list[Action]:
        if self.overlap is not None:
            self.overlap.complete = True
            return self._judge(event.at_ms)
        assert self.turn is not None
        self.turn.transcript_ms = event.at_ms
        return self._answer(event.at_ms)

    @_on.register
    def _on_stt_lost(self, event: ev.SttLost) -> list[Action]:
        return [
            Send(say.error(event.error))
        ]  # the link repeats the open segment to the next worker; if there is none, the timer ends the wait

    @_on.register
    def _on_reply_piece(self, event: ev.ReplyPiece) -> list[Action]:
        utterance, turn = self.utterance, self.turn
        assert utterance is not None
        if turn is not None and turn.first_text_ms is None:
            turn.first_text_ms = event.at_ms
        utterance.text += event.text
        piece = ResponseText(turn_id=utterance.turn_id, utterance_id=utterance.utterance_id, text=event.text, final=False)
        return [*self._speak(utterance.splitter.push(event.text)), *self._tell(event.at_ms, Send(piece))]

    @_on.register
    def _on_reply_act(self, event: ev.ReplyAct) -> list[Action]:
        assert self.utterance is not None
        match event.act:
            case SetSpeed(factor=factor):
                self.utterance.drafts.append(SetRate(factor))
                return []
            case EndConversation():
                self.utterance.last_words = True
                return []

    @_on.register
    def _on_reply_done(self, event: ev.ReplyDone) -> list[Action]:
        utterance = self.utterance
        assert utterance is not None
        utterance.ended = True
        last = ResponseText(turn_id=utterance.turn_id, utterance_id=utterance.utterance_id, text="", final=True)
        final = self._tell(event.at_ms, Send(last))
        actions = self._speak(utterance.splitter.finish())
        if utterance.spoken:
            return [*actions, Speak(utterance.utterance_id, "", end=True), *final]
        return [*final, *self._close_exchange("silent", event.at_ms, leave=utterance.last_words)]

    @_on.register
    def _on_reply_failed(self, event: ev.ReplyFailed) -> list[Action]:
        utterance = self.utterance
        assert utterance is not None
        if utterance.spoken:  # say what there is, then be done
            return [Send(say.error(event.error)), *self._on_reply_done(ev.ReplyDone(event.utterance_id, event.at_ms))]
        return [Send(say.error(event.error)), *self._close_exchange("failed", event.at_ms)]

    @_on.register
    def _on_audible(self, event: ev.Audible) -> list[Action]:
        utterance, turn = self.utterance, self.turn
        assert utterance is not None
        assert turn is not None
        self._move_agent(Agent.SPEAKING)
        started = UtteranceStarted(turn_id=utterance.turn_id, utterance_id=utterance.utterance_id)
        return [CancelTimer(Timer.FIRST_AUDIO), *self._stand(utterance), Send(started), Send(turn.latency(event.at_ms))]

    @_on.register
    def _on_played(self, event: ev.Played) -> list[Action]:
        utterance = self.utterance
        assert utterance is not None
        ended = UtteranceEnded(
            utterance_id=event.utterance_id, reason="played", heard_text=utterance.text.strip(), played_ms=round(event.played_ms, 1)
        )
        return [Send(ended), *self._close_exchange("played", event.at_ms, heard=utterance.text.strip(), leave=utterance.last_words)]

    @_on.register
    def _on_speech_failed(self, event: ev.SpeechFailed) -> list[Action]:
        utterance = self.utterance
        assert utterance is not None
        heard = utterance.text[: utterance.ledger.heard_chars(utterance.ledger.sent_samples)].strip()
        ended = UtteranceEnded(utterance_id=event.utterance_id, reason="failed", heard_text=heard, played_ms=utterance.ledger.sent_ms)
        stop: list[Action] = [StopSpeaking(event.utterance_id, 0.0)] if utterance.spoken else []
        return [*stop, CancelReply(), Send(say.error(event.error)), Send(ended), *self._close_exchange("failed", event.at_ms, heard=heard)]

    @_on.register
    def _on_typed(self, event: ev.Typed) -> list[Action]:
        actions = self._give_floor_to_client(event.at_ms)
        if self._limits.used_up:
            return actions
        turn = self.turn = Turn(self.new_turn_id(), finals=[event.text])
        turn.speech_end_ms = turn.turn_end_ms = turn.transcript_ms = event.at_ms
        transcription = Send(Transcription(turn_id=turn.turn_id, text=turn.text, final=True))
        return [*actions, *self._limits.stir(), transcription, *self._start_reply(turn)]

    @_on.register
    def _on_interrupted(self, event: ev.Interrupted) -> list[Action]:
        if self.agent in (Agent.SPEAKING, Agent.YIELDING):
            return [*self._yield_floor(event.at_ms), *self._rest()]
        if self.agent is Agent.RESTING:
            return []
        return [*self._take_back(), *self._close_exchange("interrupted", event.at_ms)]

    @_on.register
    def _on_prompted(self, event: ev.Prompted) -> list[Action]:
        self.prompt = event.prompt
        return []

    @_on.register
    def _on_recording_begun(self, event: ev.RecordingBegun) -> list[Action]:
        self._recordings += 1
        return [*self._limits.stir(), *self._limits.count()]

    @_on.register
    def _on_recording_done(self, event: ev.RecordingDone) -> list[Action]:
        self._recordings -= 1
        if event.agent:
            self._remember(Said("user", event.user), Said("agent", event.agent, meant=event.agent))
        return self._rest()

    @_on.register
    def _on_timer(self, event: ev.TimerFired) -> list[Action]:
        match event.timer:
            case Timer.TURN_END:
                return self._end_turn(event.at_ms)
            case Timer.VERDICT:
                return self._judge(event.at_ms)
            case Timer.TURN_LIMIT:
                if self.overlap is not None:  # a sound without end, and without words
                    go_on = self._go_on(event.at_ms) if self.agent is Agent.YIELDING else []
                    return [*go_on, *self._forget_overlap()]
                assert self.turn is not None
                if self.user is User.TALKING:
                    self.turn.speech_end_ms = event.at_ms
                return self._end_turn(event.at_ms)
            case Timer.TRANSCRIPT:
                late = ParleyError("TIMEOUT", f"no final transcript within {self.rules.transcript_ms:.0f} ms")
                return [DiscardSpeech(), DropWorker("stt", late), Send(say.error(late)), *self._answer(event.at_ms)]
            case Timer.FIRST_AUDIO:
                assert self.utterance is not None
                late = ParleyError("TIMEOUT", f"no speech within {self.rules.first_audio_ms:.0f} ms")
                return [*self._on_speech_failed(ev.SpeechFailed(self.utterance.utterance_id, late, event.at_ms)), DropWorker("tts", late)]
            case Timer.IDLE_NOTICE | Timer.DURATION_NOTICE:
                return self._limits.announce(event.timer)
            case Timer.IDLE | Timer.DURATION:
                return self._leave(*self._limits.end(event.timer))

    @_on.register
    def _on_leave(self, event: ev.Leave) -> list[Action]:
        return self._leave(event.reason, event.error)

    @_on.register
    def _on_gone(self, event: ev.Gone) -> list[Action]:
        return [*self._give_floor_to_client(event.at_ms), *self._leave(event.reason, event.error)]

    # ---------- moves that several events share ----------

    def _hold(self, event: ev.SpeechStarted) -> list[Action]:
        """The user makes a sound over the agent's speech: pause, which loses nothing, and find out what it is."""
        utterance = self.utterance
        assert utterance is not None
        self._move_user(User.TALKING)
        self._move_agent(Agent.YIELDING)
        utterance.playout.hold(event.at_ms)
        self.overlap = Overlap(Turn(0), began_ms=event.began_ms, held_ms=event.at_ms)
        timers: list[Action] = [
            StartTimer(Timer.VERDICT, self.overlap.look_again_ms(event.at_ms, self.rules.verdict)),
            StartTimer(Timer.TURN_LIMIT, self.rules.turn_limit_ms),
        ]
        return [HoldSpeaking(utterance.utterance_id, event.began_ms), OpenMicrophone(), *timers]

    def _judge(self, at_ms: float) -> list[Action]:
        """What is the sound over the agent's speech, by what is known now?"""
        assert self.overlap is not None
        held = self.agent is Agent.YIELDING
        match self.overlap.decide(at_ms, self.language, self.policy, self.rules.verdict, held=held):
            case LookAgain(after_ms):
                return [StartTimer(Timer.VERDICT, after_ms)]
            case Listening():
                return []
            case Over():
                return self._forget_overlap()
            case Judged(ruling, evidence):
                return self._rule(ruling, evidence, at_ms)

    def _rule(self, ruling: Ruling, evidence: Evidence, at_ms: float) -> list[Action]:
        """The verdict is in."""
        assert self.utterance is not None
        told: list[Action] = [Ruled(ruling, evidence), Send(say.verdict(self.utterance.utterance_id, ruling, evidence))]
        if ruling.verdict is not Verdict.INTERRUPTION:
            return [*self._go_on(at_ms), *told, *([] if self.user is User.TALKING else self._forget_overlap())]
        if self.agent is Agent.SPEAKING:  # its words came when the agent spoke on already
            self._move_agent(Agent.YIELDING)
            told.append(self._say_state("words"))
        return [*told, *self._yield_floor(at_ms)]

    def _go_on(self, at_ms: float) -> list[Action]:
        """It was no interruption: the agent speaks on. Who still makes a sound is heard on: words would be one."""
        assert self.utterance is not None
        self._move_agent(Agent.SPEAKING)
        gap_ms = self.utterance.playout.go_on(at_ms)
        return [GoOnSpeaking(self.utterance.utterance_id, gap_ms), CancelTimer(Timer.VERDICT)]

    def _forget_overlap(self) -> list[Action]:
        """The sound over the agent's speech is over, or of no interest any more."""
        self.overlap = None
        self._move_user(User.SILENT)
        return [DiscardSpeech(), CancelTimer(Timer.VERDICT), CancelTimer(Timer.TURN_LIMIT)]

    def _begin_overlapped_turn(self, at_ms: float) -> list[Action]:
        """The agent has the floor no more: what the user says over it is a turn like any other."""
        overlap, self.overlap = self.overlap, None
        if overlap is None:
            return []
        turn = self.turn = overlap.turn
        turn.turn_id = self.new_turn_id()
        actions: list[Action] = [CancelTimer(Timer.VERDICT)]
        if turn.text:
            actions.append(Send(Transcription(turn_id=turn.turn_id, text=turn.text, final=False)))
        if self.user is User.PAUSING:
            actions += self._wait_for_turn_end(turn, at_ms)
        return actions

    def _wait_for_turn_end(self, turn: Turn, at_ms: float) -> list[Action]:
        """The user is silent: how much longer until the answer is begun?"""
        begin_ms = turn.speech_end_ms + self._patience.begin_ms(turn.text, self.language)
        return [StartTimer(Timer.TURN_END, max(1.0, begin_ms - at_ms))]

    def _end_turn(self, at_ms: float) -> list[Action]:
        """The silence was long enough to begin an answer, or the turn too long: ask for the transcript."""
        assert self.turn is not None
        self._move_user(User.SILENT)
        self._move_agent(Agent.FINALIZING)
        self._tokens += 1
        self.turn.token = self._tokens
        self.turn.turn_end_ms = at_ms
        timers: list[Action] = [CancelTimer(Timer.TURN_END), CancelTimer(Timer.TURN_LIMIT)]
        return [Finalize(self._tokens), *timers, StartTimer(Timer.TRANSCRIPT, self.rules.transcript_ms)]

    def _answer(self, at_ms: float) -> list[Action]:
        """The transcript is as good as it will be."""
        turn = self.turn
        assert turn is not None
        actions: list[Action] = [CancelTimer(Timer.TRANSCRIPT)]
        if not turn.text:
            return [*actions, *self._close_exchange("empty", at_ms)]
        audible_ms = turn.speech_end_ms + self._patience.silence_ms(turn.text, self.language)
        final = Send(Transcription(turn_id=turn.turn_id, text=turn.text, final=True))
        return [*actions, *self._start_reply(turn, audible_ms), *self._tell(at_ms, final)]

    def _start_reply(self, turn: Turn, not_before_ms: float = 0.0) -> list[Action]:
        self._move_agent(Agent.REPLYING)
        number = self.new_utterance_id()
        playout = Playout(Ledger(number, turn.turn_id), self.rules.lead_ms)
        playout.not_before_ms = not_before_ms
        self.utterance = Utterance(number, turn.turn_id, playout)
        request = ReplyRequest(
            session_id=self.session_id,
            turn_id=turn.turn_id,
            text=turn.text,
            history=tuple(self.history),
            language=self.language,
            prompt=self.prompt,
        )
        return [StartReply(number, request)]

    def _speak(self, clauses: list[str]) -> list[Action]:
        utterance = self.utterance
        assert utterance is not None
        actions: list[Action] = []
        for clause in clauses:
            actions.append(Speak(utterance.utterance_id, clause, first=not utterance.spoken))
            if not utterance.spoken:
                actions.append(StartTimer(Timer.FIRST_AUDIO, self.rules.first_audio_ms))
            utterance.spoken = True
        return actions

    def _tell(self, at_ms: float, *actions: Action) -> list[Action]:
        """Done now if the answer stands, else kept until it does."""
        utterance = self.utterance
        assert utterance is not None
        utterance.drafts.extend(actions)
        return self._stand(utterance) if at_ms >= utterance.playout.not_before_ms else []

    def _stand(self, utterance: Utterance) -> list[Action]:
        """The turn that it answers is over: what was kept is told and done."""
        drafts, utterance.drafts = utterance.drafts, []
        utterance.told = True
        return drafts

    def _yield_floor(self, at_ms: float) -> list[Action]:
        """The agent was speaking and stops: what was heard becomes history. What the user says over it is the next turn."""
        utterance = self.utterance
        assert utterance is not None
        heard = utterance.heard_text(at_ms)
        ended = UtteranceEnded(
            utterance_id=utterance.utterance_id,
            reason="interrupted",
            heard_text=heard,
            played_ms=round(utterance.playout.played_ms(at_ms), 1),
        )
        unheard_ms = utterance.ledger.waiting * FRAME_MS + utterance.ledger.sent_ms - ended.played_ms
        stop: list[Action] = [StopSpeaking(utterance.utterance_id, unheard_ms), CancelReply(), Send(ended)]
        return [*stop, *self._settle("interrupted", heard, interrupted=True), *self._begin_overlapped_turn(at_ms)]

    def _take_back(self) -> list[Action]:
        """The turn goes on: whatever was made for its first part is dropped, unheard. The turn keeps its number and its words."""
        actions: list[Action] = [CancelReply(), CancelTimer(Timer.TRANSCRIPT), CancelTimer(Timer.FIRST_AUDIO)]
        utterance, self.utterance = self.utterance, None
        if utterance is not None:
            if utterance.spoken:
                actions.insert(0, StopSpeaking(utterance.utterance_id, 0.0))
            if utterance.told:
                ended = UtteranceEnded(utterance_id=utterance.utterance_id, reason="interrupted", heard_text="", played_ms=0)
                actions.append(Send(ended))
        if self.turn is not None:
            self.turn.transcript_ms = self.turn.first_text_ms = None
        self._move_agent(Agent.RESTING)
        return actions

    def _give_floor_to_client(self, at_ms: float) -> list[Action]:
        """Whatever is under way ends, without an answer, because the client says something by other means."""
        actions: list[Action] = []
        if self.agent in (Agent.SPEAKING, Agent.YIELDING):
            actions += self._yield_floor(at_ms)
        elif self.agent is not Agent.RESTING:
            actions += [*self._take_back(), *self._settle("interrupted", "", interrupted=True)]
        if self.user is not User.SILENT:
            self._move_user(User.SILENT)
            actions += [DiscardSpeech(), CancelTimer(Timer.TURN_END), CancelTimer(Timer.TURN_LIMIT)]
            self.turn = None
        return actions

    def _close_exchange(self, reason: str, at_ms: float, *, heard: str = "", leave: bool = False) -> list[Action]:
        """The answer is over or there is none: settle, and rest or leave; who spoke over its end has the next turn."""
        actions = [CancelTimer(Timer.FIRST_AUDIO), *self._settle(reason, heard)]
        if leave:
            return [*actions, *self._leave("goodbye", None)]
        return [*actions, *self._begin_overlapped_turn(at_ms), *self._rest()]

    def _settle(self, reason: str, heard: str, *, interrupted: bool = False) -> list[Action]:
        """The exchange becomes history; the agent rests."""
        turn, utterance = self.turn, self.utterance
        assert turn is not None
        drafts = self._stand(utterance) if utterance is not None else []
        if turn.text:
            self._remember(Said("user", turn.text))
        if utterance is not None and utterance.spoken:
            self._remember(Said("agent", heard, meant=utterance.text.strip(), interrupted=interrupted))
        self.turn = self.utterance = None
        self._conversed = True
        if self.agent is not Agent.RESTING:
            self._move_agent(Agent.RESTING)
        complete = Send(ConversationComplete.model_validate({"turn_id": turn.turn_id, "reason": reason}))
        return [*drafts, complete, *(self._limits.count() if turn.text else [])]

    def _rest(self) -> list[Action]:
        return [] if self._busy else self._limits.rest()

    def _leave(self, reason: str, error: ParleyError | None) -> list[Action]:
        self.ended = True
        timers: list[Action] = [CancelTimer(timer) for timer in Timer]
        last: list[Action] = [Send(State(state="TERMINATED", reason=reason)), Terminate(reason, error)]
        return [CancelReply(), *timers, *last]

    @property
    def _busy(self) -> bool:
        return self.user is not User.SILENT or self.agent is not Agent.RESTING or self._recordings > 0

    def _remember(self, *entries: Said) -> None:
        self.history.extend(entries)
        del self.history[: -self.rules.history_entries]

    def _say_state(self, reason: str) -> Send:
        state, thinking = self.state
        return Send(State(state=state, thinking=thinking, reason=reason))

    def _move_user(self, to: User) -> None:
        if (self.user, to) not in USER_MOVES:
            raise IllegalMove(f"user floor: {self.user.name} -> {to.name}")
        self.user = to

    def _move_agent(self, to: Agent) -> None:
        if (self.agent, to) not in AGENT_MOVES:
            raise IllegalMove(f"agent floor: {self.agent.name} -> {to.name}")
        self.agent = to
