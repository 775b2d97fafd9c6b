"""One caller: carries out a plan of turns against whatever the server does, and notes what it sees. No socket, no clock, no task.

Called with the time, once per 20 ms for its next microphone frame (`frame`), and for everything that comes (`heard`, `told`).
Speech begins and ends with the frames that a voice detector called speech when the recording was prepared, at the moment they are sent:
    voice-to-voice   the last speech frame was sent     -> the first frame of the answer is here
    barge-in         the first speech frame was sent    -> silence: `pause` or `flush` is here
    flush            the first speech frame was sent    -> `flush` is here: the server is sure that it was interrupted
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from client.bench.playout import LATE_MS, Playout
from client.bench.scenario import Turn
from client.bench.tally import Tally

ANSWER_WITHIN_S = 10.0
SILENT_ANSWER_S = 5.0
"""An answer that neither ends nor goes on for this long is given up."""


class Floor(enum.Enum):
    """What the caller is at."""

    PAUSING = enum.auto()
    SPEAKING = enum.auto()
    AWAITING = enum.auto()
    LISTENING = enum.auto()


@dataclass(frozen=True, slots=True)
class Clip:
    """A recording as frames ready to send; `first_speech` and `last_speech` are the frames between which it speaks."""

    frames: Sequence[bytes]
    first_speech: int
    last_speech: int


class Caller:
    """One participant of the load."""

    def __init__(self, plan: Iterator[Turn], clips: Sequence[Clip], noise: Sequence[bytes], tally: Tally, now_s: float) -> None:
        self._plan = plan
        self._clips = clips
        self._noise = noise
        self._tally = tally
        self._turn = next(plan)
        self._floor = Floor.PAUSING
        self._until_s = now_s + self._turn.pause_ms / 1000  # PAUSING: speak then; AWAITING: give up then
        self._clip: Clip | None = None
        self._at = 0  # next frame of the clip, or of the noise
        self._ended_s = 0.0  # when the last speech frame went out
        self._interrupting_s: float | None = None  # when a barge-in began that was not yet answered by `flush`
        self._silenced = False  # that barge-in was answered by `pause`
        self._held = False  # paused: what comes waits
        self._barge_in_at_s: float | None = None
        self._fresh = False  # an utterance was announced since we began to speak
        self._dead = False  # flushed: nothing of this utterance may come any more
        self._playout: Playout | None = None
        self._heard_s = 0.0

    @property
    def floor(self) -> Floor:
        return self._floor

    def frame(self, now_s: float) -> bytes:
        """The microphone's next 20 ms."""
        if self._floor is Floor.PAUSING:
            if now_s >= self._until_s:
                self._speak()
        elif self._floor is Floor.LISTENING:
            self._listen(now_s)
        elif self._floor is Floor.AWAITING and now_s >= self._until_s:
            self._tally.count("unanswered")
            self._pause(now_s)
        clip = self._clip
        if clip is None:
            self._at = (self._at + 1) % len(self._noise)
            return self._noise[self._at]
        return self._clip_frame(clip, now_s)

    def heard(self, now_s: float, frames: int) -> None:
        """`frames` frames of audio came in one message."""
        if self._dead:
            self._tally.count("dead_frames", frames)
            return
        self._heard_s = now_s
        if self._floor is Floor.AWAITING and self._fresh:
            self._answered(now_s)
        self._tally.count("frames", frames)
        if self._held:
            return
        playout = self._playout
        if playout is None:
            playout = self._playout = Playout()
        for _ in range(frames):
            arrival = playout.arrived(now_s)
            self._tally.sample("late_ms", arrival.late_ms)
            if arrival.late_ms > LATE_MS:
                self._tally.count("late_frames")
            if arrival.underrun:
                self._tally.count("underruns")

    def told(self, now_s: float, message: Mapping[str, Any]) -> None:
        """A text message came."""
        match message.get("type"):
            case "utterance_started":
                self._started()
            case "flush":
                self._flushed(now_s)
            case "pause":
                self._paused(now_s)
            case "resume":
                self._held = False
            case "state":
                if message.get("state") == "SPEAKING":  # taken back: what was flushed is sent again
                    self._dead = False
            case "utterance_ended":
                self._utterance_ended(now_s, str(message.get("reason")))
            case "conversation_complete":
                if self._floor is Floor.AWAITING and message.get("reason") in ("empty", "failed"):
                    self._tally.count(f"{message['reason']}_turns")
                    self._pause(now_s)
            case "error":
                self._tally.error(str(message.get("code")))

    def _clip_frame(self, clip: Clip, now_s: float) -> bytes:
        at = self._at
        if at == clip.first_speech and self._interrupting_s is not None:
            self._interrupting_s = now_s
        if at == clip.last_speech:
            self._fell_silent(now_s)
        self._at = at + 1
        if self._at == len(clip.frames):
            self._clip, self._at = None, 0
        return clip.frames[at]

    def _speak(self) -> None:
        self._floor = Floor.SPEAKING
        self._clip, self._at = self._clips[self._turn.clip], 0
        self._interrupting_s = self._barge_in_at_s = None
        self._fresh = self._silenced = False

    def _listen(self, now_s: float) -> None:
        if self._barge_in_at_s is not None and now_s >= self._barge_in_at_s:
            self._turn = next(self._plan)
            self._speak()
            self._interrupting_s = now_s
            self._tally.count("barge_ins")
        elif now_s - self._heard_s > SILENT_ANSWER_S:
            self._tally.count("stalled_answers")
            self._pause(now_s, next(self._plan))

    def _fell_silent(self, now_s: float) -> None:
        if self._interrupting_s is not None:
            self._tally.count("missed_barge_ins")
            self._interrupting_s = None
        if self._fresh and self._playout is not None:  # answered too early, and the answer goes on: nothing to measure
            self._heard_s = now_s
            self._floor = Floor.LISTENING
            return
        self._ended_s = now_s
        self._until_s = now_s + ANSWER_WITHIN_S
        self._floor = Floor.AWAITING

    def _answered(self, now_s: float) -> None:
        self._tally.sample("v2v_ms", (now_s - self._ended_s) * 1000)
        self._tally.count("turns")
        after_ms = self._turn.barge_in_after_ms
        self._barge_in_at_s = None if after_ms is None else now_s + after_ms / 1000
        self._floor = Floor.LISTENING

    def _pause(self, now_s: float, turn: Turn | None = None) -> None:
        self._turn = turn or next(self._plan)
        self._until_s = now_s + self._turn.pause_ms / 1000
        self._floor = Floor.PAUSING
        self._playout = None

    def _started(self) -> None:
        self._playout = Playout()
        self._fresh, self._dead, self._held = True, False, False
        if self._floor is Floor.SPEAKING:
            self._tally.count("early_answers")

    def _paused(self, now_s: float) -> None:
        self._silence(now_s)
        if self._floor is Floor.LISTENING:
            self._tally.count("false_pauses")
        self._playout = None  # what comes after `resume` has a schedule of its own
        self._held = True

    def _flushed(self, now_s: float) -> None:
        self._silence(now_s)
        if self._interrupting_s is not None:
            self._tally.sample("flush_ms", (now_s - self._interrupting_s) * 1000)
            self._interrupting_s = None
        elif self._floor is Floor.LISTENING:
            self._tally.count("false_barge_ins")
        self._playout = None
        self._fresh, self._dead, self._held = False, True, False

    def _silence(self, now_s: float) -> None:
        """The agent is to be heard no more, by `pause` or by `flush`, whichever comes first."""
        if self._interrupting_s is not None and not self._silenced:
            self._silenced = True
            self._tally.sample("barge_in_ms", (now_s - self._interrupting_s) * 1000)

    def _utterance_ended(self, now_s: float, reason: str) -> None:
        self._playout = None
        if reason == "played":  # it ended by itself just as we began to talk over it: no barge-in to measure
            self._interrupting_s = None
        if self._floor is Floor.LISTENING:
            self._pause(now_s)
