"""One recognition session, decided: audio, verbs, what the engine says and time come in, actions go out.

No event loop, no clock, no gRPC call and no engine in here: the shell (`stream.py`) does what the actions say and brings back what
comes of it. `now_us` is monotonic, from whatever origin. A client's violation of the contract raises ParleyError and changes nothing.

A stream is cut into segments. FINALIZE, the end of speech (where the worker does the endpointing), a segment's greatest length and
the client's half-close each cut the open one: it waits in `_cuts`, in order, for its final, while the next one already hears. What
the engine says belongs to the oldest cut, or to the open segment if there is none.
"""

from __future__ import annotations

from collections import deque
from typing import Final

from parley.audio import ms_of
from parley.errors import ParleyError
from parley.v1 import audio_pb2, stt_pb2
from workers.engines.api import SttStep
from workers.stt import actions
from workers.stt.acks import AckLog
from workers.stt.actions import Action, Emit, Feed, Finalize, Finished, Reload, Reopen, Reset, StartTimer, Void
from workers.stt.endpoint import Begin, Endpointer
from workers.stt.hearing import DownsamplerFactory, Hearing
from workers.stt.intake import Intake
from workers.stt.limits import SttLimits
from workers.stt.segments import Cut, Pending, Segment, hypothesis

MAX_ENGINE_FAILURES: Final = 3  # in a row, without any audio heard between them

_VERBS: Final = {audio_pb2.CONTROL_VERB_PAUSE, audio_pb2.CONTROL_VERB_RESUME, audio_pb2.CONTROL_VERB_STOP, audio_pb2.CONTROL_VERB_RELOAD}


class SttSession:
    """The rules of one session. Streams come and go (one at a time); the control log and the pause stay."""

    def __init__(self, session_id: str, config: stt_pb2.SttConfig, limits: SttLimits, make_downsampler: DownsamplerFactory) -> None:
        self.session_id = session_id
        self.config = config
        self.intake = Intake(limits.max_frames_per_message)
        self._limits = limits
        self._make_downsampler = make_downsampler
        self._acks = AckLog()
        self._paused = False
        self._reloading: dict[int, Pending] = {}
        self._last_segment_id = 0
        self._last_token = 0
        self._hearing: Hearing | None = None
        self._segment = Segment(0, 0, 0)
        self._cuts: deque[Cut] = deque()
        self._endpointer: Endpointer | None = None
        self._held: tuple[Segment, SttStep] | None = None
        self._last_interim_us = 0
        self._timer_runs = False
        self._half_closed = False
        self._engine_failures = 0

    # The stream.

    def open_stream(self, rate_hz: int, now_us: int) -> None:
        """A stream begins, with a recognition whose engine wants `rate_hz`; its pts begin at 0."""
        self._hearing = Hearing(rate_hz, 0, self._make_downsampler)
        self._begin_segment()
        ends = self.config.endpointing
        self._endpointer = None if ends.disabled else Endpointer(ends.silence_ms)
        self._last_interim_us = now_us - self.config.interim_min_interval_ms * 1000
        self._half_closed, self._timer_runs, self._engine_failures = False, False, 0

    def close_stream(self, now_us: int) -> list[Action]:
        """The stream has ended, in whatever way: what is open is forgotten, what waits for an ack gets one."""
        done = self._abandon_cuts(now_us)
        self._hearing, self._held, self._endpointer = None, None, None
        return done

    def move(self, rate_hz: int) -> None:
        """A new recognition takes over, between two segments (`between_segments`)."""
        hearing = self._open_hearing()
        self._hearing = Hearing(rate_hz, hearing.received_pts, self._make_downsampler)
        self._segment.begin_sample = 0

    @property
    def between_segments(self) -> bool:
        """Whether the engine holds nothing of this stream that is still needed."""
        return not self._cuts and self._is_empty()

    @property
    def backlog_ms(self) -> float:
        """Audio that the engine has yet to hear."""
        return self._hearing.backlog_ms if self._hearing is not None else 0.0

    def half_close(self, now_us: int) -> list[Action]:
        """The client says no more: the open segment gets its final, then the stream ends."""
        self._half_closed = True
        return [*self._cut(stt_pb2.END_KIND_UNSPECIFIED), *self._finish_empty_cuts(now_us), *self._finished()]

    # Audio.

    def audio(self, frame: audio_pb2.AudioFrame) -> list[Action]:
        """Frames of the stream.

        Raises:
            ParleyError: BAD_FRAME, BAD_SEQUENCE.
        """
        hearing = self._open_hearing()
        came = self.intake.admit(frame, hearing.received_pts)
        done: list[Action] = []
        if came.lost:
            done.append(self._emit(notice=actions.notice(ParleyError("DEGRADED", f"{came.lost} frames lost before frame {came.seq}"))))
        if self._paused:
            hearing.skip(came.pts + came.samples)
            return done
        if self._is_empty():
            self._segment.begin_pts = came.pts
        done += self._feed(hearing.push(frame.pcm, came.pts))
        done += self._endpoints(frame.pcm, came.pts)
        if ms_of(hearing.received_pts - self._segment.begin_pts) >= self._limits.max_segment_ms:
            done += self._cut(stt_pb2.END_KIND_FORCED, hearing.received_pts)
        return done

    # Verbs.

    def control(self, control: audio_pb2.Control, now_us: int) -> list[Action]:
        """A verb, in-band or unary: both are the same. Its ack is emitted now, or when what it asked for has happened.

        Raises:
            ParleyError: BAD_SEQUENCE, BAD_REQUEST, TOO_FAST.
        """
        finalize = control.verb == audio_pb2.CONTROL_VERB_FINALIZE
        if not finalize and control.verb not in _VERBS:
            raise ParleyError("BAD_REQUEST", f"verb: expected PAUSE, RESUME, STOP, RELOAD or FINALIZE, got {control.verb}")
        waiting = sum(len(cut.pending) for cut in self._cuts) + len(self._reloading)
        if waiting >= self._limits.max_pending_finals:
            raise ParleyError("TOO_FAST", f"{waiting} controls wait for their answer already")
        known = self._acks.admit(control)
        if known is not None:
            return [self._emit(ack=known.ack)] if known.ack is not None else []
        pending = Pending(self._ack_now(control), now_us)
        if finalize:
            return self._finalize(pending, now_us)
        if control.verb == audio_pb2.CONTROL_VERB_RELOAD:
            self._reloading[control.control_id] = pending
            return [Reload(control.control_id)]
        return self._apply(control.verb, pending, now_us)

    def reloaded(self, control_id: int, result: str | ParleyError, now_us: int) -> list[Action]:
        """What became of a `Reload`: the new revision, or why there is none."""
        pending = self._reloading.pop(control_id)
        if isinstance(result, ParleyError):
            done = [self._emit(notice=actions.notice(result)), self._answer(pending, False, now_us)]
        else:
            pending.ack.model_revision = result
            done = [self._answer(pending, True, now_us)]
        return [*done, *self._finished()]

    def going_away(self, deadline_ms: int, reason: str) -> list[Action]:
        """The worker is about to end."""
        return [self._emit(going_away=audio_pb2.GoingAway(deadline_ms=deadline_ms, reason=reason))]

    # The engine.

    def stepped(self, step: SttStep, samples_processed: int, now_us: int) -> list[Action]:
        """The engine heard more."""
        self._open_hearing().processed(samples_processed)
        self._engine_failures = 0
        if step.text is None or not self.config.interim:
            return []
        segment = next((cut.segment for cut in self._cuts if not cut.empty), self._segment)
        if not segment.is_news(step, self.config.word_times):
            self._held = None if self._held is not None and self._held[0] is segment else self._held
            return []
        self._held = (segment, step)
        if self._timer_runs:
            return []
        wait_us = self._last_interim_us + self.config.interim_min_interval_ms * 1000 - now_us
        if wait_us <= 0:
            return self._emit_held(now_us)
        self._timer_runs = True
        return [StartTimer(wait_us)]

    def timer(self, now_us: int) -> list[Action]:
        """The time of a `StartTimer` has come."""
        self._timer_runs = False
        return self._emit_held(now_us)

    def finalized(self, token: int, step: SttStep, samples_processed: int, now_us: int) -> list[Action]:
        """The final of a `Finalize`; of one that a STOP has voided there is nothing left to say."""
        self._open_hearing().processed(samples_processed)
        self._engine_failures = 0
        if not self._cuts or self._cuts[0].token != token:
            return []
        return [*self._finish(self._cuts.popleft(), step, now_us), *self._finish_empty_cuts(now_us), *self._finished()]

    def engine_failed(self, error: ParleyError, now_us: int) -> list[Action]:
        """The recognition is gone. If the input was at fault, what it held is lost and another one begins.

        Raises:
            ParleyError: the stream cannot go on: `error` itself.
        """
        self._engine_failures += 1
        if error.reason != "ENGINE_FAILED" or self._engine_failures > MAX_ENGINE_FAILURES:
            raise error
        hearing = self._open_hearing()
        done: list[Action] = [self._emit(notice=actions.notice(error)), Void(self._segment.segment_id)]
        while self._cuts:
            done += self._finish(self._cuts.popleft(), SttStep(text="", final=True), now_us)
        self._held = None
        self._hearing = Hearing(hearing.rate_hz, hearing.received_pts, self._make_downsampler)
        self._begin_segment()
        return [*done, Reopen(), *self._finished()]

    # Helpers: segments.

    def _finalize(self, pending: Pending, now_us: int) -> list[Action]:
        if self._hearing is None:
            return [self._answer(pending, False, now_us)]
        return [*self._cut(stt_pb2.END_KIND_UNSPECIFIED, pending=pending), *self._finish_empty_cuts(now_us)]

    def _cut(self, kind: stt_pb2.EndKind, speech_end_pts: int = 0, pending: Pending | None = None) -> list[Action]:
        """End the open segment; its final is on its way after this."""
        hearing = self._open_hearing()
        waiting = [pending] if pending is not None else []
        empty = self._is_empty()
        if empty and pending is None:
            return []
        self._last_token += 1
        done = [] if empty else [*self._feed(hearing.flush()), Finalize(self._last_token)]
        self._cuts.append(Cut(self._segment, self._last_token, hearing.received_pts, empty, kind, speech_end_pts, waiting))
        self._begin_segment()
        if self._endpointer is not None and kind == stt_pb2.END_KIND_UNSPECIFIED:
            self._endpointer.reset()
        return done

    def _finish(self, cut: Cut, step: SttStep, now_us: int) -> list[Action]:
        """The final of a cut, then what was waiting for it."""
        hearing = self._open_hearing()
        if self._held is not None and self._held[0] is cut.segment:
            self._held = None
        final = hypothesis(cut.segment, step, hearing, cut.end_pts, final=True, word_times=self.config.word_times)
        done: list[Action] = [self._emit(hypothesis=final)]
        if cut.kind != stt_pb2.END_KIND_UNSPECIFIED:
            end = stt_pb2.EndOfUtterance(pts=cut.speech_end_pts, probability=1.0, kind=cut.kind, segment_id=cut.segment.segment_id)
            done.append(self._emit(end_of_utterance=end))
        done += [self._answer(pending, True, now_us) for pending in cut.pending]
        hearing.forget_before(self._cuts[0].segment.begin_sample if self._cuts else self._segment.begin_sample)
        return done

    def _finish_empty_cuts(self, now_us: int) -> list[Action]:
        done: list[Action] = []
        while self._cuts and self._cuts[0].empty:
            done += self._finish(self._cuts.popleft(), SttStep(text="", final=True), now_us)
        return done

    def _abandon_cuts(self, now_us: int) -> list[Action]:
        cuts, self._cuts = self._cuts, deque()
        return [self._answer(pending, False, now_us) for cut in cuts for pending in cut.pending]

    def _begin_segment(self) -> None:
        hearing = self._open_hearing()
        self._last_segment_id += 1
        self._segment = Segment(self._last_segment_id, hearing.fed_samples, hearing.received_pts)

    def _is_empty(self) -> bool:
        """Whether the open segment has no audio, neither fed nor in the resampler."""
        hearing = self._open_hearing()
        return hearing.fed_samples == self._segment.begin_sample and not hearing.holds_audio

    def _apply(self, verb: audio_pb2.ControlVerb, pending: Pending, now_us: int) -> list[Action]:
        """PAUSE, RESUME, STOP."""
        was_paused, done = self._paused, []
        if verb == audio_pb2.CONTROL_VERB_PAUSE:
            self._paused = True
            if self._hearing is not None:
                done = self._feed(self._hearing.flush())
            return [*done, self._answer(pending, not was_paused, now_us)]
        self._paused = False
        if verb == audio_pb2.CONTROL_VERB_RESUME:
            return [self._answer(pending, was_paused, now_us)]
        had_audio = self._hearing is not None and not self.between_segments
        done = self._discard(now_us) if had_audio else []
        return [*done, self._answer(pending, had_audio or was_paused, now_us)]

    def _discard(self, now_us: int) -> list[Action]:
        """STOP: the open segment, and finals that have not come yet, are void."""
        hearing = self._open_hearing()
        void = [Void(cut.segment.segment_id) for cut in self._cuts] + [Void(self._segment.segment_id)]
        done = [*void, *self._abandon_cuts(now_us), Reset()]
        hearing.discard()
        self._held = None
        self._begin_segment()
        hearing.forget_before(self._segment.begin_sample)
        if self._endpointer is not None:
            self._endpointer.reset()
        return done

    # Helpers: audio.

    def _open_hearing(self) -> Hearing:
        if self._hearing is None:
            raise RuntimeError("no stream is open")
        return self._hearing

    def _feed(self, pcm: bytes) -> list[Action]:
        return [Feed(pcm)] if pcm else []

    def _endpoints(self, pcm: bytes, pts: int) -> list[Action]:
        done: list[Action] = []
        for change in self._endpointer.push(pcm, pts) if self._endpointer is not None else ():
            if isinstance(change, Begin):
                done.append(self._emit(speech_begin=stt_pb2.SpeechBegin(pts=change.pts, probability=1.0)))
                continue
            done.append(self._emit(speech_end=stt_pb2.SpeechEnd(pts=change.pts)))
            done += self._cut(stt_pb2.END_KIND_ACOUSTIC, change.pts)
        return done

    # Helpers: events.

    def _emit_held(self, now_us: int) -> list[Action]:
        held, self._held = self._held, None
        if held is None:
            return []
        self._last_interim_us = now_us
        segment, step = held
        hearing = self._open_hearing()
        return [
            self._emit(hypothesis=hypothesis(segment, step, hearing, hearing.pts_processed, final=False, word_times=self.config.word_times))
        ]

    def _emit(self, **event: object) -> Emit:
        pts = self._hearing.pts_processed if self._hearing is not None else 0
        return Emit(stt_pb2.TranscriptEvent(session_id=self.session_id, pts_processed=pts, **event))  # type: ignore[arg-type]

    def _ack_now(self, control: audio_pb2.Control) -> audio_pb2.ControlAck:
        """The ack of a verb that has just come: how far the stream was then."""
        hearing = self._hearing
        return audio_pb2.ControlAck(
            control_id=control.control_id,
            verb=control.verb,
            last_seq=self.intake.last_seq,
            last_pts_end=hearing.received_pts if hearing is not None else 0,
            resumable=True,
        )

    def _answer(self, pending: Pending, applied: bool, now_us: int) -> Emit:
        ack = pending.ack
        ack.applied = applied
        ack.state = self._state()
        ack.generated_pts_end = self._hearing.pts_processed if self._hearing is not None else 0
        ack.buffered_ms = int(self.backlog_ms)
        ack.applied_us = actions.clamp_us(now_us - pending.received_us)
        self._acks.answer(ack)
        return self._emit(ack=ack)

    def _state(self) -> audio_pb2.SessionState:
        if self._paused:
            return audio_pb2.SESSION_STATE_PAUSED
        busy = self._hearing is not None and not self.between_segments
        return audio_pb2.SESSION_STATE_SPEAKING if busy else audio_pb2.SESSION_STATE_IDLE

    def _finished(self) -> list[Action]:
        done = self._half_closed and not self._cuts and not self._reloading
        return [Finished()] if done else []
