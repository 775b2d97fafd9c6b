"""The session's shell: carries sound and words to the machine as events, and the machine's actions out into the world.

It decides nothing. Audio takes the short way, by function calls in one loop iteration: microphone frame -> VAD -> gate -> (speech edge)
machine; worker's frames -> ledger -> pacer -> transport. Everything it starts is a child of its TaskGroup. Whatever fails in here costs
this session alone.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, replace
from typing import Any, assert_never

import structlog

from orchestrator.engines.stt import SttLink
from orchestrator.engines.tts import TtsLink
from orchestrator.engines.workers import Workers
from orchestrator.metrics import Metrics
from orchestrator.responders.api import ReplyRequest, Responder
from orchestrator.session import actions as do
from orchestrator.session import events as ev
from orchestrator.session.ledger import SpokenMark
from orchestrator.session.machine import SessionMachine
from orchestrator.session.memory import Memory
from orchestrator.session.pacer import Pacer
from orchestrator.session.recording import Recording
from orchestrator.session.turn import Utterance
from orchestrator.session.verdict import Evidence, Ruling, Verdict
from orchestrator.session.wiring import Hears, Speaks, rules_of, stt_config, tts_config
from orchestrator.settings import OrchestratorSettings
from orchestrator.transports import protocol as msg
from orchestrator.transports.api import Transport
from orchestrator.vad.api import Vad
from orchestrator.vad.gate import Edge
from orchestrator.vad.registry import make_ear
from parley.audio import FRAME_MS
from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2

_LOG = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Shared:
    """What all sessions of a process have in common."""

    settings: OrchestratorSettings
    workers: Workers
    responder: Responder
    pacer: Pacer
    metrics: Metrics


@dataclass(slots=True)
class Voice:
    """How the agent speaks, as the client and the responder have set it."""

    name: str
    language: str
    speed: float

    def style(self) -> dict[str, Any]:
        """What differs from the worker session's own configuration, for an utterance's first chunk."""
        style: dict[str, Any] = {"speed": self.speed}
        return {**style, "voice": self.name} if self.name else style


@dataclass(frozen=True, slots=True)
class Remembered:
    """A session between two connections."""

    memory: Memory
    voice: Voice
    began_ms: float
    """When it first began, by the loop's clock."""
    connections: int
    """How many it has had."""


class Session:
    """One conversation over one transport. With `past` it goes on with one whose connection was lost."""

    def __init__(
        self, session_id: str, transport: Transport, shared: Shared, vad: Vad | None = None, past: Remembered | None = None
    ) -> None:
        settings = shared.settings
        self.session_id = session_id
        self.remembered: Remembered | None = None
        """What a client whose connection was lost may come back to."""
        self._transport = transport
        self._shared = shared
        self._loop = asyncio.get_running_loop()
        self._began_ms = self._now_ms() if past is None else past.began_ms
        self._connections = 1 if past is None else past.connections + 1
        speech = settings.speech
        self._voice = Voice(speech.voice, speech.language, speech.speed) if past is None else replace(past.voice)
        memory = Memory() if past is None else past.memory
        self._machine = SessionMachine(session_id, rules_of(settings), self._voice.language, past=memory)
        self._ear = make_ear(settings.vad, vad)
        ring_ms = settings.vad.preroll_ms + max(settings.vad.start_ms, settings.vad.barge_in_start_ms)
        self._ring: deque[bytes] = deque(maxlen=max(1, ring_ms // FRAME_MS))  # full: the oldest frame goes
        self._microphone_open = False
        self._finalizing: dict[int, int] = {}  # control id at the worker -> the machine's token
        # the links of the last connection may still be ending at the worker: these have a name of their own
        link_id = session_id if past is None else f"{session_id}~{self._connections}"
        self._stt = SttLink(shared.workers, link_id, stt_config(settings), Hears(self), settings.recognition.frames_per_message)
        self._tts = TtsLink(shared.workers, link_id, tts_config(settings), Speaks(self))
        self._timers: dict[ev.Timer, asyncio.TimerHandle] = {}
        self._reply: asyncio.Task[None] | None = None
        self._recording: asyncio.Task[None] | None = None
        self._group: asyncio.TaskGroup | None = None
        self._over = asyncio.Event()
        self._log = _LOG.bind(session_id=session_id)

    # ---------- life ----------

    async def run(self) -> None:
        """From `connection` to the end of the session; returns when all that it started has ended."""
        self._log.info("session_started", connection=self._connections)
        try:
            async with asyncio.TaskGroup() as group:
                self._group = group
                links = [group.create_task(self._stt.run(), name="stt"), group.create_task(self._tts.run(), name="tts")]
                self._dispatch(ev.Connected(self._now_ms() - self._began_ms))
                await self._over.wait()
                for task in (*links, self._reply, self._recording):
                    if task is not None:
                        task.cancel()
        finally:
            self._over.set()
            self._shared.pacer.remove(self)
            for timer in self._timers.values():
                timer.cancel()

    def leave(self, reason: str, error: ParleyError | None = None) -> None:
        """End the session from outside."""
        self._dispatch(ev.Leave(reason, error))

    def lose(self, reason: str, error: ParleyError | None = None) -> None:
        """The connection is lost, or another one has taken over: what is under way is settled at once, and `remembered`."""
        if self._over.is_set():
            return
        self._dispatch(ev.Gone(reason, self._now_ms(), error))
        if self._machine.ended:  # and not by a bug
            self.remembered = Remembered(self._machine.remember(), self._voice, self._began_ms, self._connections)

    @property
    def state(self) -> str:
        """The public state."""
        return self._machine.state[0]

    # ---------- from the client ----------

    def on_audio(self, frame: bytes) -> None:
        """The next 20 ms of microphone (1920 bytes, 48 kHz)."""
        now_ms = self._now_ms()
        edge = self._ear.push(frame, now_ms, self._machine.state[0])
        if self._microphone_open:
            self._stt.send(frame)
        else:
            self._ring.append(frame)
        if edge is Edge.STARTED:
            self._dispatch(ev.SpeechStarted(now_ms, now_ms - self._ear.start_ms))
        elif edge is Edge.STOPPED:
            self._dispatch(ev.SpeechStopped(now_ms, now_ms - self._ear.stop_ms))

    def count_dropped_frame(self) -> None:
        """The transport has dropped a microphone frame that came beyond real time."""
        self._shared.metrics.dropped_frames.inc()

    def on_message(self, message: msg.ClientMessage) -> None:
        """A valid message of the client. Raises ParleyError BUSY for a second recording at a time."""
        match message:
            case msg.Configure():
                self._configure(message)
            case msg.Audio():
                self._begin_recording(message)
            case msg.Text():
                self._dispatch(ev.Typed(message.text, self._now_ms()))
            case msg.Interrupt():
                self._dispatch(ev.Interrupted(self._now_ms()))
            case msg.Playback():
                utterance = self._machine.utterance
                if utterance is not None and utterance.utterance_id == message.utterance_id:
                    utterance.ledger.acknowledge(message.played_ms)
            case msg.Ping():
                self._transport.send(msg.Pong(nonce=message.nonce))
            case msg.End():
                self.leave("goodbye")
            case _:
                assert_never(message)

    def _configure(self, message: msg.Configure) -> None:
        if message.voice is not None:
            self._voice.name = message.voice
        if message.language is not None:
            self._voice.language = self._machine.language = message.language
        if message.speed is not None:
            self._voice.speed = message.speed
        if message.prompt is not None:
            self._dispatch(ev.Prompted(message.prompt))

    @property
    def voice(self) -> Voice:
        """How the agent speaks now."""
        return self._voice

    def _begin_recording(self, message: msg.Audio) -> None:
        if self._recording is not None and not self._recording.done():
            raise ParleyError("BUSY", "one recording at a time: the last one is still being worked on", retry_after_ms=1000)
        if self._group is None or self._over.is_set():
            return
        turn_id, utterance_id = self._machine.new_turn_id(), self._machine.new_utterance_id()
        recording = Recording(message, turn_id, utterance_id, tuple(self._machine.history), self._machine.prompt)
        self._dispatch(ev.RecordingBegun())
        self._recording = self._group.create_task(self._answer_recording(recording), name="recording")

    async def _answer_recording(self, recording: Recording) -> None:
        user = agent = ""
        try:
            user, agent = await recording.answer(self.session_id, self._shared, self._transport, self._voice.style())
        finally:
            self._dispatch(ev.RecordingDone(user, agent))

    # ---------- from the workers ----------

    def on_hypothesis(self, hypothesis: stt_pb2.Hypothesis) -> None:
        self._dispatch(ev.Heard(hypothesis.text, hypothesis.final, self._now_ms()))

    def on_stt_ack(self, ack: audio_pb2.ControlAck) -> None:
        token = self._finalizing.pop(ack.control_id, None)
        if token is not None:
            self._dispatch(ev.TranscriptDone(token, self._now_ms()))

    def on_stt_lost(self, error: ParleyError) -> None:
        self._log.warning("stt_lost", reason=error.reason, message=error.message)
        self._dispatch(ev.SttLost(error))

    def on_agent_audio(self, frame: audio_pb2.AudioFrame) -> None:
        utterance = self._speaking(frame.utterance_id)
        if utterance is None:
            return
        for mark in frame.marks:
            spoken = SpokenMark(mark.char_begin, mark.char_end, mark.pts_begin, mark.pts_end, mark.estimated)
            if mark.kind == audio_pb2.MARK_KIND_WORD:
                utterance.ledger.add_mark(spoken)
        try:
            utterance.ledger.receive(frame.pcm)
        except OverflowError as error:
            self._dispatch(ev.SpeechFailed(utterance.utterance_id, ParleyError("TOO_FAST", str(error)), self._now_ms()))
            return
        if not utterance.playout.started:  # the first frame does not wait for the clock's next tick
            self._shared.pacer.add(self, self._tick)
            self._tick(self._now_ms())

    def on_agent_done(self, utterance_id: int) -> None:
        utterance = self._speaking(utterance_id)
        if utterance is None:
            return
        utterance.ledger.complete = True
        if not utterance.playout.started and not utterance.ledger.waiting:  # nothing in it could be spoken
            self._dispatch(ev.Played(utterance_id, self._now_ms(), 0.0))

    def on_agent_failed(self, utterance_id: int, error: ParleyError) -> None:
        self._log.warning("speech_failed", utterance_id=utterance_id, reason=error.reason, message=error.message)
        self._dispatch(ev.SpeechFailed(utterance_id, error, self._now_ms()))

    def on_tts_lost(self, error: ParleyError) -> None:
        utterance = self._machine.utterance
        if utterance is not None and utterance.spoken and not utterance.ledger.complete:
            self.on_agent_failed(utterance.utterance_id, error)
        elif utterance is None:
            self._log.warning("tts_lost", reason=error.reason, message=error.message)

    def _speaking(self, utterance_id: int) -> Utterance | None:
        utterance = self._machine.utterance
        return utterance if utterance is not None and utterance.utterance_id == utterance_id else None

    # ---------- playing ----------

    def _tick(self, now_ms: float) -> bool:
        """Send what is due. False when nothing of the utterance is left to play."""
        utterance = self._machine.utterance
        if utterance is None or self._over.is_set():
            return False
        playout, ledger = utterance.playout, utterance.ledger
        underruns = playout.underruns
        due = playout.due(now_ms)
        if due and not ledger.sent_samples:
            self._dispatch(ev.Audible(utterance.utterance_id, now_ms))
        if playout.late_ms > FRAME_MS:
            self._shared.metrics.late_frames.inc()
        self._shared.metrics.underruns.inc(playout.underruns - underruns)
        for _ in range(due):
            place_ms = playout.next_ms
            frame, marks = ledger.take()
            for mark in marks:
                self._send_mark(utterance.utterance_id, mark)
            self._transport.send_audio(frame)
            self._ear.sent(frame, place_ms)
        if playout.finished(now_ms):
            self._dispatch(ev.Played(utterance.utterance_id, now_ms, ledger.sent_ms))
            return False
        if utterance.ended and playout.dry_ms(now_ms) > self._machine.rules.first_audio_ms:
            stalled = ParleyError("TIMEOUT", "the synthesizer stopped in the middle of an utterance")
            self.on_agent_failed(utterance.utterance_id, stalled)
            self._tts.drop(stalled)
            return False
        return True

    def _send_mark(self, utterance_id: int, mark: SpokenMark) -> None:
        at_ms = round(mark.pts_begin / 48, 1)
        self._transport.send(
            msg.Mark(utterance_id=utterance_id, char_begin=mark.char_begin, char_end=mark.char_end, at_ms=at_ms, estimated=mark.estimated)
        )

    # ---------- the machine ----------

    def _now_ms(self) -> float:
        return self._loop.time() * 1000

    def _dispatch(self, event: ev.Event) -> None:
        """The top of the session: a bug ends this session, loudly, and no other."""
        try:
            for action in self._machine.handle(event):
                self._perform(action)
        except Exception as error:
            self._log.exception("session_failed", event_type=type(event).__name__)
            self._end("error", ParleyError("INTERNAL", f"the session failed ({type(error).__name__})"))

    def _perform(self, action: do.Action) -> None:
        match action:
            case do.Send(message):
                self._count(message)
                self._transport.send(message)
            case do.StartTimer(timer, after_ms):
                self._cancel_timer(timer)
                self._timers[timer] = self._loop.call_later(after_ms / 1000, self._fire, timer)
            case do.CancelTimer(timer):
                self._cancel_timer(timer)
            case do.OpenMicrophone():
                self._microphone_open = True
                while self._ring:
                    self._stt.send(self._ring.popleft())
            case do.Finalize(token):
                self._microphone_open = False
                self._finalizing[self._stt.finalize()] = token
            case do.DiscardSpeech():
                self._microphone_open = False
                self._finalizing.clear()
                self._stt.discard()
            case do.StartReply(utterance_id, request):
                self._cancel_reply()
                assert self._group is not None
                self._reply = self._group.create_task(self._run_reply(utterance_id, request), name="reply")
            case do.CancelReply():
                self._cancel_reply()
            case do.Speak():
                self._speak(action)
            case do.HoldSpeaking(utterance_id, onset_ms):
                self._shared.pacer.remove(self)
                self._transport.hold(utterance_id)
                self._ear.hold(self._now_ms())
                self._tts.pause()
                self._shared.metrics.onset_to_silence.observe((self._now_ms() - onset_ms) / 1000)
            case do.GoOnSpeaking(utterance_id, gap_ms):
                self._transport.go_on(utterance_id)
                self._ear.go_on(self._now_ms())
                self._tts.resume()
                self._shared.pacer.add(self, self._tick)
                self._shared.metrics.resumed_gap.observe(gap_ms / 1000)
            case do.Ruled(ruling, evidence):
                self._note_verdict(ruling, evidence)
            case do.StopSpeaking(utterance_id, unheard_ms):
                self._shared.metrics.unheard.inc(unheard_ms / 1000)
                self._shared.pacer.remove(self)
                self._transport.cut(utterance_id)
                self._ear.cut(self._now_ms())
                self._tts.stop()
            case do.DropWorker(kind, error):
                (self._stt if kind == "stt" else self._tts).drop(error)
            case do.SetRate(factor):
                self._voice.speed = min(2.0, max(0.5, self._voice.speed * factor))
            case do.Terminate(reason, error):
                self._end(reason, error)
            case _:
                assert_never(action)

    def _note_verdict(self, ruling: Ruling, evidence: Evidence) -> None:
        if ruling.verdict is Verdict.NOISE:
            self._ear.accept_noise()
        self._shared.metrics.verdicts.labels(ruling.verdict.value, ruling.reason).inc()
        self._log.info(
            "verdict",
            verdict=ruling.verdict.value,
            reason=ruling.reason,
            after_ms=round(evidence.elapsed_ms),
            speech_ms=round(evidence.speech_ms),
            held=evidence.held,
        )

    def _speak(self, action: do.Speak) -> None:
        style = self._voice.style() if action.first else None
        try:
            self._tts.speak(action.utterance_id, action.text, end=action.end, style=style)
        except ParleyError as error:  # not from within the machine's own actions
            self._loop.call_soon(self.on_agent_failed, action.utterance_id, error)

    def _fire(self, timer: ev.Timer) -> None:
        self._timers.pop(timer, None)
        self._dispatch(ev.TimerFired(timer, self._now_ms()))

    def _cancel_timer(self, timer: ev.Timer) -> None:
        handle = self._timers.pop(timer, None)
        if handle is not None:
            handle.cancel()

    def _cancel_reply(self) -> None:
        if self._reply is not None:
            self._reply.cancel()
            self._reply = None

    async def _run_reply(self, utterance_id: int, request: ReplyRequest) -> None:
        """The top of a reply: whatever a responder raises ends this reply and nothing else."""
        try:
            async for piece in self._shared.responder.reply(request):
                if isinstance(piece, str):
                    self._dispatch(ev.ReplyPiece(utterance_id, piece, self._now_ms()))
                else:
                    self._dispatch(ev.ReplyAct(utterance_id, piece))
            self._dispatch(ev.ReplyDone(utterance_id, self._now_ms()))
        except ParleyError as error:
            self._log.warning("reply_failed", utterance_id=utterance_id, reason=error.reason, message=error.message)
            self._dispatch(ev.ReplyFailed(utterance_id, error, self._now_ms()))
        except Exception as error:
            self._log.exception("reply_failed", utterance_id=utterance_id)
            failure = ParleyError("RESPONDER_FAILED", f"the responder failed ({type(error).__name__})")
            self._dispatch(ev.ReplyFailed(utterance_id, failure, self._now_ms()))

    def _end(self, reason: str, error: ParleyError | None) -> None:
        if self._over.is_set():
            return
        self._log.info("session_ended", reason=reason)
        self._shared.metrics.ended.labels(reason).inc()
        self._transport.close(error)
        self._over.set()

    def _count(self, message: msg.ServerMessage) -> None:
        metrics = self._shared.metrics
        match message:
            case msg.Latency():
                metrics.turn_end.observe(message.turn_end_ms / 1000)
                for histogram, value in (
                    (metrics.transcript, message.transcript_ms),
                    (metrics.first_text, message.first_text_ms),
                    (metrics.first_audio, message.first_audio_ms),
                ):
                    if value is not None:
                        histogram.observe(value / 1000)
            case msg.ConversationComplete(reason=reason):
                metrics.exchanges.labels(reason).inc()
            case msg.State(state="BARGED_IN"):
                metrics.barge_ins.inc()
            case msg.Error(code=code):
                metrics.errors.labels(code).inc()
            case _:
                pass
