"""One person of `bench barge-in`: carries out exchanges against whatever the server does, and notes what it sees. No socket, no clock.

An exchange: say a sentence (a turn scene), wait for the answer, hear 0.8 to 2.5 s of it, let a scene happen over it, watch, and end the
answer by `interrupt` if the scene has not. Called with the time, every 20 ms for the next microphone frame (`frame`), and for all that
comes (`heard`, `told`). Times of sound are those of its samples: a frame's last sample is spoken when the frame is sent.
"""

from __future__ import annotations

import enum
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import numpy as np

from client.audio.playback import Playback
from client.bench import scenes as sc
from client.bench.loudspeaker import Check, EchoPath, Reference
from client.bench.scenes import Scene
from parley.audio import FRAME_BYTES, FRAME_SAMPLES, SAMPLE_RATE_HZ

REST_MS: Final = (300, 900)
OVER_AFTER_MS: Final = (800, 2500)
SETTLE_S: Final = 2.2
"""After the end of a scene: no verdict on it comes later."""
ANSWER_WITHIN_S: Final = 10.0
QUIET_WITHIN_S: Final = 8.0
QUIET_S: Final = 0.3
CLEAN_SHARE: Final = 0.5
"""Part of the turns that are clean; the rest is shared by pauses and hesitations."""
_REPORT_TICKS: Final = 5


class Step(enum.Enum):
    """What the person is at."""

    RESTING = enum.auto()
    TALKING = enum.auto()
    AWAITING = enum.auto()
    LISTENING = enum.auto()
    OVERLAPPING = enum.auto()
    WATCHING = enum.auto()
    CLEARING = enum.auto()


@dataclass(slots=True)
class TurnOutcome:
    """What the server made of a turn. `own_wait_ms`: from the last sample of the last word to the answer's first frame here."""

    kind: str
    name: str
    answered: bool = False
    early: bool = False
    """The answer was to be heard before the sentence was over."""
    wait_ms: float | None = None
    said: str = ""
    text: str = ""
    """What the server wrote down of `said` by the time it answered."""


@dataclass(slots=True)
class OverlapOutcome:
    """What the server made of a scene over its speech. Times from the scene's first audible sample; None: did not happen."""

    kind: str
    name: str
    echo_db: float | None = None
    void: str = ""
    """Why nothing can be learnt of it: the answer was over, or stopped, or paused before the scene began."""
    paused: bool = False
    stopped: bool = False
    silence_ms: float | None = None
    stop_ms: float | None = None
    gaps_ms: list[float] = field(default_factory=list)
    verdicts: list[str] = field(default_factory=list)
    early_pauses: int = 0
    """Pauses between the answer's beginning and the scene."""
    frames: int = 0
    wrong_frames: int | None = None
    """Compared with the reference; None where the voice is not the same twice."""
    slip_ms: float = 0.0
    misremembered: float | None = None
    """Words that the server believes were heard, less those that were."""
    words: str = ""


def plan(seed: int, session: int, scenes: Sequence[Scene]) -> Iterator[tuple[Scene, Scene]]:
    """An endless plan of exchanges, the same for the same seed; each round of a session has every scene over the agent's speech once."""
    chance = random.Random(f"{seed}/{session}")
    turns = {kind: [scene for scene in scenes if scene.kind == kind] for kind in sc.TURNS}
    over = [scene for scene in scenes if scene.kind in sc.OVERLAPS]
    while True:
        chance.shuffle(over)
        for scene in over:
            kind = "clean" if chance.random() < CLEAN_SHARE else chance.choice(sc.TURNS[1:])
            yield chance.choice(turns[kind]), scene


class Interrupter:
    """One participant. `send` takes a message for the server, `note` an outcome."""

    def __init__(
        self,
        exchanges: Iterator[tuple[Scene, Scene]],
        reference: Reference,
        room: Sequence[bytes],
        send: Callable[[dict[str, Any]], None],
        note: Callable[[str, dict[str, Any]], None],
        seed: int,
        now_s: float,
    ) -> None:
        self._exchanges = exchanges
        self._reference = reference
        self._room = room
        self._send = send
        self._note = note
        self._seed = seed
        self._chance = random.Random(f"rests/{seed}")
        self._playback = Playback()
        self._ticks = seed * 7
        self._turn_scene, self._over_scene = next(exchanges)
        self._turn = TurnOutcome("", "")
        self._over = OverlapOutcome("", "")
        self._scene: Scene | None = None
        self._at = 0  # next frame of the scene
        self._onset_s = self._ended_s = 0.0
        self._echo: EchoPath | None = None
        self._check: Check | None = None
        self._utterance = 0
        self._held_s: float | None = None
        self._heard_s = 0.0
        self._state = "LISTENING"
        self._over_after_ms = 0.0
        self.step = Step.RESTING
        self._until_s = now_s + self._chance.uniform(0, 3)

    # ---------- the microphone ----------

    def frame(self, now_s: float) -> bytes:
        """The next 20 ms, as sound."""
        loud = self._playback.pull(FRAME_SAMPLES)
        self._ticks += 1
        if self._ticks % _REPORT_TICKS == 0 and self._playback.playing:
            self._report()
        self._go_on(now_s)
        frame = self._scene_frame(now_s) if self._scene is not None else self._room[self._ticks % len(self._room)]
        if self._echo is None:
            return frame
        mixed = np.frombuffer(frame, np.int16) + self._echo.push(loud)
        return np.clip(np.round(mixed), -32768, 32767).astype(np.int16).tobytes()

    def _go_on(self, now_s: float) -> None:
        """Steps that time or the answer's progress bring about."""
        match self.step:
            case Step.RESTING if now_s >= self._until_s:
                self._talk()
            case Step.AWAITING if now_s >= self._until_s:
                self._note_turn()
                self._clear(now_s)
            case Step.LISTENING if self._playback.played_ms >= self._over_after_ms and self._held_s is None:
                self._overlap()
            case Step.LISTENING | Step.WATCHING if now_s >= self._until_s:
                self._note_overlap("stalled" if self.step is Step.LISTENING else "")
                self._clear(now_s)
            case Step.CLEARING if self._quiet(now_s) or now_s >= self._until_s:
                self._turn_scene, self._over_scene = next(self._exchanges)
                self._rest(now_s)

    def _scene_frame(self, now_s: float) -> bytes:
        scene = self._scene
        assert scene is not None
        begin = self._at * FRAME_SAMPLES
        end = begin + FRAME_SAMPLES
        self._at += 1
        if begin <= scene.onset < end:
            self._onset_s = now_s - (end - scene.onset) / SAMPLE_RATE_HZ
        if begin <= scene.end - 1 < end:
            self._ended_s = now_s - (end - scene.end) / SAMPLE_RATE_HZ
        if end >= len(scene.pcm):
            self._scene = None
            self._scene_over(now_s)
        return scene.pcm[begin:end].tobytes()

    # ---------- from the server ----------

    def heard(self, now_s: float, pcm: bytes) -> None:
        """Frames of the answer."""
        self._heard_s = now_s
        self._playback.push(pcm)
        for at in range(0, len(pcm), FRAME_BYTES):
            if self._check is not None:
                self._check.push(pcm[at : at + FRAME_BYTES])
        if self.step is Step.TALKING and not self._turn.answered:
            self._turn.answered = True
            self._turn.early = not self._sentence_over
            self._turn.wait_ms = None if self._turn.early else (now_s - self._ended_s) * 1000
        elif self.step is Step.AWAITING:
            if not self._turn.answered:
                self._turn.answered = True
                self._turn.wait_ms = (now_s - self._ended_s) * 1000
            self._listen(now_s)

    def told(self, now_s: float, message: Mapping[str, Any]) -> None:
        """A text message."""
        match message.get("type"):
            case "utterance_started":
                self._started(int(message["utterance_id"]))
            case "pause":
                self._playback.pause()
                self._report()
                self._paused(now_s)
            case "resume":
                self._playback.resume()
                self._resumed(now_s)
            case "flush":
                self._report()
                self._playback.flush()
                self._flushed(now_s)
            case "utterance_ended":
                self._utterance_ended(message)
            case "verdict":
                self._over.verdicts.append(f"{message['verdict']}/{message['reason']}")
            case "transcription":
                self._over.words = str(message["text"])
                if not self._turn.answered:
                    self._turn.text = self._over.words
            case "state":
                self._state = str(message["state"])
            case "error":
                self._note("error", {"code": str(message.get("code"))})

    def _started(self, utterance_id: int) -> None:
        self._utterance = utterance_id
        self._held_s = None
        self._playback.begin(utterance_id)
        self._check = Check(self._reference)
        if self.step is Step.CLEARING:
            self._send({"type": "interrupt"})

    def _paused(self, now_s: float) -> None:
        self._held_s = now_s
        if self.step is Step.LISTENING:
            self._over.early_pauses += 1
            self._over.paused |= self._over.kind == "echo"
        elif self.step in (Step.OVERLAPPING, Step.WATCHING):
            self._over.paused = True
            self._silenced(now_s)

    def _resumed(self, now_s: float) -> None:
        if self._held_s is not None and self.step in (Step.LISTENING, Step.OVERLAPPING, Step.WATCHING):
            self._over.gaps_ms.append((now_s - self._held_s) * 1000)
        self._held_s = None

    def _flushed(self, now_s: float) -> None:
        if self.step in (Step.OVERLAPPING, Step.WATCHING):
            self._over.stopped = True
            self._over.stop_ms = (now_s - self._onset_s) * 1000
            self._silenced(now_s)
        elif self.step is Step.LISTENING:
            self._over.stopped = self._over.kind == "echo"
            self._note_overlap("" if self._over.stopped else "stopped before")
            self._clear(now_s)
        self._held_s = None

    def _utterance_ended(self, message: Mapping[str, Any]) -> None:
        over = self._over
        played_ms = self._playback.played_ms
        self._playback.end()
        if self.step in (Step.OVERLAPPING, Step.WATCHING) and message.get("utterance_id") == self._utterance:
            if over.stopped:
                believed = len(str(message.get("heard_text", "")).split())
                over.misremembered = believed - self._reference.words_heard(played_ms)
            elif message.get("reason") == "played":
                over.void = over.void or "answer over"

    def _silenced(self, now_s: float) -> None:
        if self._over.silence_ms is None:
            self._over.silence_ms = (now_s - self._onset_s) * 1000

    # ---------- steps ----------

    @property
    def _sentence_over(self) -> bool:
        return self._scene is None or self._at * FRAME_SAMPLES >= self._scene.end

    def _rest(self, now_s: float) -> None:
        self.step = Step.RESTING
        self._until_s = now_s + self._chance.uniform(*REST_MS) / 1000

    def _talk(self) -> None:
        self.step = Step.TALKING
        self._scene, self._at = self._turn_scene, 0
        self._turn = TurnOutcome(self._turn_scene.kind, self._turn_scene.name, said=self._turn_scene.text)
        self._over = OverlapOutcome(self._over_scene.kind, self._over_scene.name, self._over_scene.echo_db)

    def _scene_over(self, now_s: float) -> None:
        if self.step is Step.OVERLAPPING:
            self.step = Step.WATCHING
            self._until_s = now_s + SETTLE_S
        elif self._turn.early:
            self._note_turn()
            self._clear(now_s)
        elif self._turn.answered:
            self._listen(now_s)
        else:
            self.step = Step.AWAITING
            self._until_s = now_s + ANSWER_WITHIN_S

    def _listen(self, now_s: float) -> None:
        self._note_turn()
        self.step = Step.LISTENING
        self._over_after_ms = self._chance.uniform(*OVER_AFTER_MS)
        self._until_s = now_s + ANSWER_WITHIN_S
        scene = self._over_scene
        if scene.echo_db is not None:
            self._echo = EchoPath(scene.echo_db, scene.echo_delay_ms, self._seed)

    def _overlap(self) -> None:
        self.step = Step.OVERLAPPING
        self._scene, self._at = self._over_scene, 0
        self._over.words = ""

    def _clear(self, now_s: float) -> None:
        self.step = Step.CLEARING
        self._until_s = now_s + QUIET_WITHIN_S
        self._echo = None
        self._send({"type": "interrupt"})

    def _quiet(self, now_s: float) -> bool:
        return self._state == "WAITING_FOR_INPUT" and now_s - self._heard_s > QUIET_S and now_s - self._until_s + QUIET_WITHIN_S > QUIET_S

    def _note_turn(self) -> None:
        self._note("turn", asdict(self._turn))

    def _note_overlap(self, void: str) -> None:
        over = self._over
        over.void = over.void or void
        if self._check is not None:
            over.frames = self._check.frames
            over.wrong_frames = self._check.wrong_frames if self._reference.exact else None
            over.slip_ms = self._check.slip_ms()
        self._note("overlap", asdict(over))

    def _report(self) -> None:
        played = {"utterance_id": self._playback.utterance_id, "played_ms": round(self._playback.played_ms, 1)}
        if played["utterance_id"]:
            self._send({"type": "playback", **played})
