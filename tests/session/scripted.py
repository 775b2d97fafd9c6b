"""A conversation in virtual time: a session machine with make-believe surroundings whose clock jumps from event to event.

The surroundings do what the driver does with each action, without I/O: timers are kept in a heap, FINALIZE is answered by the words
that the user has spoken (partials come 150 ms late), the responder gives its pieces, the synthesizer one frame per character, and the
pacer plays them. Thousands of conversations a second, and the same every time.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from orchestrator.responders.api import Act
from orchestrator.session import actions as do
from orchestrator.session import events as ev
from orchestrator.session.ledger import SpokenMark
from orchestrator.session.machine import SessionMachine
from orchestrator.session.rules import Rules
from orchestrator.transports import protocol as msg
from parley.audio import FRAME_MS, FRAME_SAMPLES, SILENT_FRAME

STOP_MS = 200.0
ONSET_MS = 60.0
PARTIAL_MS = 150.0


@dataclass
class Stage:
    """The machine, its surroundings, and a protocol of all that was done."""

    reply: Callable[[str], list[str | Act]] = lambda text: [text]
    rules: Rules = field(default_factory=Rules)
    transcript_delay_ms: float = 80.0
    reply_delay_ms: float = 50.0
    speech_delay_ms: float = 60.0

    def __post_init__(self) -> None:
        self.now_ms = 0.0
        self.machine = SessionMachine("s", self.rules)
        self.done: list[tuple[float, do.Action]] = []
        self.played: list[tuple[float, int]] = []
        self.timers: dict[ev.Timer, int] = {}
        self._order = count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._words = ""
        self._reply_number = 0
        self._dead: set[int] = set()
        self._clocked: set[int] = set()
        self.tell(ev.Connected())

    # ---------- the user ----------

    def say(self, text: str, duration_ms: float, at_ms: float | None = None) -> None:
        """The user speaks `text` for so long, from `at_ms` (now, if not given) on."""
        start_ms = self.now_ms if at_ms is None else at_ms

        def start() -> None:
            self._words = f"{self._words} {text}".strip()
            self.tell(ev.SpeechStarted(self.now_ms, self.now_ms - ONSET_MS))
            if text:
                self.tell(ev.Heard(text.split()[0], final=False, at_ms=self.now_ms))

        self.at(start_ms, start)
        end_ms = start_ms + duration_ms
        if text:
            self.at(end_ms + PARTIAL_MS, lambda: self.tell(ev.Heard(self._words, final=False, at_ms=self.now_ms)))
        self.at(end_ms + STOP_MS, lambda: self.tell(ev.SpeechStopped(self.now_ms, end_ms)))

    def at(self, when_ms: float, what: Callable[[], None]) -> int:
        number = next(self._order)
        heapq.heappush(self._agenda, (when_ms, number, what))
        return number

    def run(self, until_ms: float) -> None:
        """Let time pass."""
        while self._agenda and self._agenda[0][0] <= until_ms:
            self.now_ms, _, what = heapq.heappop(self._agenda)
            what()
        self.now_ms = until_ms

    # ---------- the surroundings ----------

    def tell(self, event: ev.Event) -> None:
        for action in self.machine.handle(event):
            self.done.append((self.now_ms, action))
            self._perform(action)

    def _perform(self, action: do.Action) -> None:
        match action:
            case do.StartTimer(timer, after_ms):
                number = self.at(self.now_ms + after_ms, lambda: self._fire(timer, number))
                self.timers[timer] = number
            case do.CancelTimer(timer):
                self.timers.pop(timer, None)
            case do.Finalize(token):
                words, self._words = self._words, ""

                def answer() -> None:
                    self.tell(ev.Heard(words, final=True, at_ms=self.now_ms))
                    self.tell(ev.TranscriptDone(token, self.now_ms))

                self.at(self.now_ms + self.transcript_delay_ms, answer)
            case do.DiscardSpeech():
                self._words = ""
            case do.StartReply(utterance_id, request):
                self._reply_number += 1
                self.at(self.now_ms + self.reply_delay_ms, lambda n=self._reply_number: self._answer(utterance_id, request.text, n))
            case do.CancelReply():
                self._reply_number += 1
            case do.Speak(utterance_id, text, _, end):
                self.at(self.now_ms + self.speech_delay_ms, lambda: self._voice(utterance_id, text, end))
            case do.StopSpeaking(utterance_id=utterance_id):
                self._dead.add(utterance_id)
            case _:
                pass

    def _fire(self, timer: ev.Timer, number: int) -> None:
        if self.timers.get(timer) == number:
            del self.timers[timer]
            self.tell(ev.TimerFired(timer, self.now_ms))

    def _answer(self, utterance_id: int, text: str, number: int) -> None:
        for piece in self.reply(text):
            if number != self._reply_number:
                return
            self.tell(ev.ReplyPiece(utterance_id, piece, self.now_ms) if isinstance(piece, str) else ev.ReplyAct(utterance_id, piece))
        if number == self._reply_number:
            self.tell(ev.ReplyDone(utterance_id, self.now_ms))

    def _voice(self, utterance_id: int, text: str, end: bool) -> None:
        utterance = self.machine.utterance
        if utterance_id in self._dead or utterance is None or utterance.utterance_id != utterance_id:
            return
        ledger = utterance.ledger
        base = getattr(self, f"_chars_{utterance_id}", 0)
        for offset in range(len(text)):
            place = (base + offset) * FRAME_SAMPLES
            ledger.add_mark(SpokenMark(base + offset, base + offset + 1, place, place + FRAME_SAMPLES, estimated=False))
            ledger.receive(SILENT_FRAME)
        setattr(self, f"_chars_{utterance_id}", base + len(text))
        ledger.complete = end
        self._tick(utterance_id)
        if utterance_id not in self._clocked:
            self._clocked.add(utterance_id)
            self._clock(utterance_id)

    def _tick(self, utterance_id: int) -> None:
        utterance = self.machine.utterance
        if utterance_id in self._dead or utterance is None or utterance.utterance_id != utterance_id:
            return
        due = utterance.playout.due(self.now_ms)
        if due and not utterance.ledger.sent_samples:
            self.tell(ev.Audible(utterance_id, self.now_ms))
        for _ in range(due):
            utterance.ledger.take()
            self.played.append((self.now_ms, utterance_id))

    def _clock(self, utterance_id: int) -> None:
        def tick() -> None:
            utterance = self.machine.utterance
            if utterance_id in self._dead or utterance is None or utterance.utterance_id != utterance_id:
                return
            self._tick(utterance_id)
            if utterance.playout.finished(self.now_ms):
                self.tell(ev.Played(utterance_id, self.now_ms, utterance.ledger.sent_ms))
            else:
                self.at(self.now_ms + FRAME_MS, tick)

        self.at(self.now_ms + FRAME_MS, tick)

    # ---------- what to look at ----------

    def sent(self, kind: type[msg.Message] = msg.Message) -> list[msg.Message]:
        return [action.message for _, action in self.done if isinstance(action, do.Send) and isinstance(action.message, kind)]

    def actions(self, kind: type[do.Action]) -> list[tuple[float, do.Action]]:
        return [(at_ms, action) for at_ms, action in self.done if isinstance(action, kind)]

    @property
    def states(self) -> list[str]:
        return [message.state for message in self.sent(msg.State) if isinstance(message, msg.State)]
