"""One TTS session, decided: text, controls, flow, engine audio and time come in, messages and engine commands go out.

Pure: it never awaits, reads no clock (methods are told `now_us`, which never goes back), knows no gRPC and no engine. The shell calls
`pull` whenever it can write; a frame becomes a message only then, and gets its `seq` then, so a STOP has nothing to call back.

    epoch       starts at 1; STOP(k) makes it max(epoch, k + 1), and everything older is gone before its ack is queued
    seq         one per frame emitted, for the session's whole life, whatever streams come and go
    utterance   one open at a time; those that have ended queue behind each other and are spoken in order
    events      acks, notices and the like leave before any further frame

What a client does against the ABI raises ParleyError and changes nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Final

from parley.errors import ParleyError, code_of
from parley.v1 import audio_pb2, tts_pb2
from workers.engines.api import WordMark
from workers.tts.acks import AckLog, verb_name
from workers.tts.emission import Emission, buffered_ms
from workers.tts.generation import Command, Generation
from workers.tts.intake import Intake
from workers.tts.lease import Lease
from workers.tts.limits import TtsLimits
from workers.tts.metrics import Tally
from workers.tts.pacing import Pacer

MAX_EVENTS: Final = 1024
_MAX_EPOCH: Final = 2**32 - 2


class TtsSession:
    """The core of one session. `config` is the effective one."""

    def __init__(self, config: tts_pb2.TtsConfig, lease: Lease, limits: TtsLimits, tally: Tally) -> None:
        self.config = config
        self.lease = lease
        """The model of utterances to come; each keeps the one it began with."""
        self.epoch = 1
        self.wake_us: int | None = None
        """After a `pull` that gave nothing: when to call it again, if nothing else happens before."""
        self.draining = False
        self._limits = limits
        self._tally = tally
        self._pacer = Pacer(config.pacing, config.lead_ms, config.max_frames_per_message)
        self._generation = Generation(config.buffer_ms)
        self._intake = Intake(config, limits, self._generation)
        words = config.marks == audio_pb2.MARK_KIND_WORD
        self._emission = Emission(self._pacer, config.max_frames_per_message, words, tally)
        self._events: deque[audio_pb2.AudioFrame] = deque()
        self._acks = AckLog()
        self._paused = False
        self._pause_due_us: int | None = None
        self._pause_lost = False
        self._attached = False
        self._greeting = ""  # the session's id, for the first message of a stream
        self._half_closed = False
        self._credit_due_us: int | None = None
        self._failure: ParleyError | None = None

    # ---------- streams ----------

    def attach(self, session_id: str) -> None:
        """A stream begins."""
        self._attached, self._half_closed, self._failure = True, False, None
        self._credit_due_us = None
        self._greeting = session_id

    def detach(self, now_us: int) -> None:
        """The stream is gone: what was not emitted is dropped; `seq`, epoch and utterance numbers go on with the next stream."""
        self._attached = False
        self._events.clear()
        self._discard()
        self._unpause(now_us)

    def half_close(self, now_us: int) -> None:
        """The client says no more: what was said is spoken to its end."""
        self._half_closed = True
        self._intake.end()
        self._generation.feed(now_us)

    @property
    def finished(self) -> bool:
        """A half-closed stream has nothing left to write."""
        return self._half_closed and not self._generation.utterances and not self._events

    # ---------- what the client says ----------

    def text(self, chunk: tts_pb2.TextChunk, now_us: int) -> None:
        """Text of one message; its `control` and `flow` are handed in by themselves, before.

        Raises:
            ParleyError: BAD_SEQUENCE, BAD_REQUEST, TEXT_TOO_LONG, TOO_FAST.
        """
        self._intake.take(chunk, self.epoch, self.lease, now_us)
        self._generation.feed(now_us)

    def flow(self, flow: audio_pb2.Flow, now_us: int) -> None:
        """How far the client has played, and how far we may emit. Absolute numbers: an old one changes nothing."""
        self._pacer.credit(flow.allow_through_seq)
        self._pacer.played(flow.played_seq, self._emission.last.seq, now_us)

    def control(self, control: audio_pb2.Control, now_us: int, in_band: bool) -> audio_pb2.ControlAck:
        """Apply PAUSE, RESUME or STOP; the ack, or the one it got before. To be followed by `acknowledge`.

        Raises:
            ParleyError: BAD_REQUEST, BAD_SEQUENCE.
        """
        if (ack := self.known_ack(control)) is not None:
            return ack
        match control.verb:
            case audio_pb2.CONTROL_VERB_PAUSE:
                return self._pause(control, now_us)
            case audio_pb2.CONTROL_VERB_RESUME:
                return self._resume(control, now_us)
            case audio_pb2.CONTROL_VERB_STOP:
                return self._stop(control, now_us, in_band)
        raise ParleyError("BAD_REQUEST", f"control.verb: expected PAUSE, RESUME, STOP or RELOAD, got {verb_name(control.verb)}")

    def acknowledge(self, ack: audio_pb2.ControlAck) -> None:
        """Remember the ack, now that the shell has filled in `applied_us`, and queue it for the stream, if there is one."""
        self._acks.keep(ack)
        self._emit(audio_pb2.TtsEvent(ack=ack))

    def known_ack(self, control: audio_pb2.Control) -> audio_pb2.ControlAck | None:
        """The ack of a control that came before.

        Raises:
            ParleyError: BAD_REQUEST, no id. BAD_SEQUENCE, the id belongs to another verb.
        """
        if not control.control_id:
            raise ParleyError("BAD_REQUEST", "control_id: expected a number that is not 0")
        return self._acks.find(control)

    def reloaded(self, control: audio_pb2.Control, lease: Lease | None) -> audio_pb2.ControlAck:
        """RELOAD has come to its end: `lease` is what new utterances are spoken by, None if that stays what it was."""
        if lease is not None:
            self.lease = lease
        ack = self._ack(control, applied=lease is not None)
        ack.model_revision = self.lease.info.revision
        return ack

    # ---------- what the engine says ----------

    def audio(self, job_id: int, pcm: bytes, marks: Sequence[WordMark], done: bool, step_us: int, now_us: int) -> None:
        """What a job gave."""
        self._generation.audio(job_id, pcm, marks, done, step_us)
        self._generation.feed(now_us)

    def engine_failed(self, job_id: int, error: ParleyError, now_us: int) -> None:
        """ENGINE_FAILED costs the segment, is told in a Notice, and the utterance goes on. Anything else ends the stream with `error`."""
        utterance = self._generation.failed(job_id)
        if utterance is None:
            return
        if error.reason == "ENGINE_FAILED":
            self.notice(error, utterance.utterance_id)
            self._generation.feed(now_us)
        else:
            self._discard()
            self._failure = error

    @property
    def wants_audio(self) -> bool:
        """The last `pull` may have given nothing for want of audio, not of time."""
        return self._emission.due_us is None

    def take_commands(self) -> list[Command]:
        """What the engine must be told, in order; to be called after every method that may change something."""
        commands, self._generation.commands = self._generation.commands, []
        return commands

    # ---------- what goes out ----------

    def pull(self, now_us: int) -> audio_pb2.AudioFrame | None:
        """The next message to write, or None until something happens or `wake_us` has come.

        Raises:
            ParleyError: what the stream ends with.
        """
        self._pass_time(now_us)
        if self._failure is not None:
            raise self._failure
        message = self._events.popleft() if self._events else None
        if message is None and not self._paused:
            message = self._emission.next(self._generation, now_us)
            if message is not None:
                self._generation.feed(now_us)
        if message is None:
            self._watch_credit(now_us)
            self.wake_us = self._next_wake()
        elif self._greeting:
            message.session_id, self._greeting = self._greeting, ""
        return message

    def notice(self, error: ParleyError, utterance_id: int = 0) -> None:
        """Tell the client of a problem that does not end the stream."""
        notice = audio_pb2.Notice(
            code=code_of(error), reason=error.reason, message=error.message, retryable=error.row.retryable, utterance_id=utterance_id
        )
        self._emit(audio_pb2.TtsEvent(notice=notice))

    def going_away(self, deadline_ms: int, reason: str) -> None:
        """The worker drains."""
        self.draining = True
        self._emit(audio_pb2.TtsEvent(going_away=audio_pb2.GoingAway(deadline_ms=deadline_ms, reason=reason)))

    # ---------- for the shell's books ----------

    @property
    def state(self) -> audio_pb2.SessionState:
        """PAUSED before SPEAKING before DRAINING before IDLE."""
        if self._paused:
            return audio_pb2.SESSION_STATE_PAUSED
        if self._generation.utterances:
            return audio_pb2.SESSION_STATE_SPEAKING
        return audio_pb2.SESSION_STATE_DRAINING if self.draining else audio_pb2.SESSION_STATE_IDLE

    def response(self) -> tts_pb2.EndSessionResponse:
        """The session's totals."""
        emission = self._emission
        return tts_pb2.EndSessionResponse(frames_emitted=emission.frames, underruns=emission.underruns, gpu_us=self._generation.gpu_us)

    def slack_us(self, now_us: int) -> int | None:
        """What the client has still to play, None if it is not spoken to."""
        speaking = self.state == audio_pb2.SESSION_STATE_SPEAKING
        return self._pacer.ahead_us(now_us) if speaking and self._pacer.by_lead else None

    def leases_in_use(self) -> list[Lease]:
        """Those of the utterances under way and of those to come."""
        return [self.lease, *(utterance.lease for utterance in self._generation.utterances)]

    # ---------- controls ----------

    def _pause(self, control: audio_pb2.Control, now_us: int) -> audio_pb2.ControlAck:
        freeze = control.pause_mode == audio_pb2.PAUSE_MODE_FREEZE
        if self._paused and freeze == self._generation.frozen:
            return self._ack(control, applied=False, resumable=not self._pause_lost)
        if not self._paused:
            self._paused = True
            self._pacer.pause(now_us)
        if freeze:
            self._generation.freeze()
        else:
            self._generation.thaw()
        asked_ms = control.max_pause_ms or self._limits.default_pause_ms
        self._pause_due_us = now_us + min(asked_ms, self._limits.max_pause_ms) * 1000
        return self._ack(control, applied=True, resumable=not self._pause_lost)

    def _resume(self, control: audio_pb2.Control, now_us: int) -> audio_pb2.ControlAck:
        was_paused, lost = self._paused, self._pause_lost
        self._unpause(now_us)
        self._generation.feed(now_us)
        return self._ack(control, applied=was_paused and not lost, resumable=not lost)

    def _stop(self, control: audio_pb2.Control, now_us: int, in_band: bool) -> audio_pb2.ControlAck:
        if not control.through_epoch and not in_band:
            raise ParleyError("BAD_REQUEST", "through_epoch: a unary STOP must say it, since 0 would race with text on the stream")
        if control.through_epoch > _MAX_EPOCH:
            raise ParleyError("BAD_REQUEST", f"through_epoch: at most {_MAX_EPOCH}, got {control.through_epoch}")
        dead = control.through_epoch or self.epoch
        if dead < self.epoch:
            return self._ack(control, applied=False)
        ack = self._ack(control, applied=True)
        last, speaking = self._emission.last, self._generation.utterances
        if speaking and last.epoch != self.epoch:  # not one frame of this epoch was emitted
            ack.utterance_id, ack.last_pts_end, ack.last_char_end = speaking[0].utterance_id, 0, 0
        ack.epoch = self.epoch
        self._discard()
        self._unpause(now_us)
        self.epoch = dead + 1
        ack.state = self.state
        return ack

    def _ack(self, control: audio_pb2.Control, applied: bool, resumable: bool = False) -> audio_pb2.ControlAck:
        last, speaking = self._emission.last, self._generation.utterances
        return audio_pb2.ControlAck(
            control_id=control.control_id,
            verb=control.verb,
            applied=applied,
            state=self.state,
            epoch=last.epoch if last.seq else self.epoch,
            utterance_id=last.utterance_id,
            last_seq=last.seq,
            last_pts_end=last.pts_end,
            last_char_end=last.char_end,
            generated_pts_end=speaking[0].generated_samples if speaking else last.pts_end,
            buffered_ms=buffered_ms(self._generation.buffered_samples),
            resumable=resumable,
        )

    def _unpause(self, now_us: int) -> None:
        self._pacer.resume(now_us)
        self._paused, self._pause_lost, self._pause_due_us = False, False, None
        self._generation.thaw()

    def _discard(self) -> None:
        """Drop everything that was not emitted; the client has dropped, or will drop, what it has."""
        self._intake.forget()
        self._drop()

    def _drop(self) -> None:
        self._tally.discarded_ms += buffered_ms(self._generation.discard())
        self._emission.restart()
        self._pacer.restart()

    # ---------- time ----------

    def _pass_time(self, now_us: int) -> None:
        if self._pause_due_us is not None and now_us >= self._pause_due_us:
            self._pause_due_us = None
            self._expire()
        if self._intake.speak_waiting(now_us):
            self._generation.feed(now_us)
        if self._credit_due_us is not None and now_us >= self._credit_due_us:
            self._failure = ParleyError("SLOW_CLIENT", "the client has closed its side without allowing the rest of the audio")

    def _expire(self) -> None:
        """The pause was too long: what it held is lost, and later text of an open utterance with it."""
        held = list(self._generation.utterances)
        if not held:
            return
        frozen = self._generation.frozen
        self._intake.expire()
        self._drop()
        self._pause_lost = True
        if frozen:
            self._generation.freeze()
        for utterance in held:
            self.notice(ParleyError("PAUSE_EXPIRED", "the pause was too long, the rest of this utterance is lost"), utterance.utterance_id)

    def _watch_credit(self, now_us: int) -> None:
        """A half-closed client can grant no more credit: give it the time of a slow one, then end the stream."""
        stuck = self._half_closed and self._pacer.by_credit and not self._paused and bool(self._generation.buffered_samples)
        if not stuck:
            self._credit_due_us = None
        elif self._credit_due_us is None:
            self._credit_due_us = now_us + round(self._limits.slow_client_s * 1e6)

    def _next_wake(self) -> int | None:
        emission_due = None if self._paused else self._emission.due_us
        times = (emission_due, self._pause_due_us, self._intake.due_us, self._credit_due_us)
        return min((time for time in times if time is not None), default=None)

    def _emit(self, event: audio_pb2.TtsEvent) -> None:
        """Queue an event. Full-policy: a client that takes none of a thousand events is gone, and the stream ends."""
        if not self._attached:
            return
        if len(self._events) >= MAX_EVENTS:
            self._failure = ParleyError("SLOW_CLIENT", f"{MAX_EVENTS} events wait for a client that does not read")
            return
        self._events.append(audio_pb2.AudioFrame(epoch=self.epoch, event=event))
