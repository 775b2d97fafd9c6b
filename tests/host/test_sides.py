"""Who takes the engine's next step: the schedulers, by themselves, with an engine that notes what it was asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from workers.engines.api import EngineCard, SttInput, SttStep, TtsRequest, TtsStep
from workers.host.stt_side import MAX_QUEUED_BYTES, SttSide
from workers.host.tts_side import TtsSide

TEN_SAMPLES = bytes(20)


class Noting:
    """Speaks ten samples a step and writes down its batches; a job whose text is "bad" breaks the batch it is in."""

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.closed: list[str] = []
        self.wait_ms = 0.0

    def load(self, options: Mapping[str, Any]) -> EngineCard:
        return EngineCard(16000)

    def open(self, request: TtsRequest) -> str:
        return request.text

    def step(self, jobs: Sequence[str]) -> list[TtsStep]:
        if "bad" in jobs:
            raise ValueError("a bad job")
        self.batches.append(list(jobs))
        return [TtsStep(TEN_SAMPLES, wait_ms=self.wait_ms) for _ in jobs]

    def close(self, job: str) -> None:
        self.closed.append(job)


def speaking(max_batch: int, **allowed: int) -> tuple[TtsSide, Noting, list[list[Any]]]:
    sent: list[list[Any]] = []
    engine = Noting()
    side = TtsSide(engine, max_batch, lambda header, payload: sent.append(list(header)))
    for job_id, (text, samples) in enumerate(allowed.items()):
        side.handle(["open", job_id, {"text": text}, samples], b"")
    return side, engine, sent


def test_job_least_ahead_goes_first_and_a_silent_one_before_all() -> None:
    side, engine, _ = speaking(1, rich=100, poor=20)
    for _ in range(4):
        side.run()
    assert engine.batches[:2] == [["rich"], ["poor"]]  # neither has any audio; then the one that may run further ahead is hungrier
    assert engine.batches[2:] == [["rich"], ["rich"]]


def test_batch_holds_no_more_than_the_engine_takes() -> None:
    side, engine, _ = speaking(2, a=10, b=10, c=10)
    side.run()
    side.run()
    assert [len(batch) for batch in engine.batches] == [2, 1]
    assert not side.ready()


def test_bad_job_of_a_batch_ends_alone() -> None:
    side, engine, sent = speaking(3, good=10, bad=10, fine=10)
    side.run()
    assert engine.batches == [["good"], ["fine"]]
    assert engine.closed == ["bad"]
    assert [header for header in sent if header[0] == "failed"] == [["failed", 1, "ValueError: a bad job"]]


def test_waiting_job_is_not_ready_until_it_is_time() -> None:
    side, engine, _ = speaking(1, a=100)
    engine.wait_ms = 1000.0
    side.run()
    assert not side.ready()
    due = side.due()
    assert due is not None
    side.wake(due - 0.001)
    assert not side.ready()
    side.wake(due)
    assert side.ready()


def test_late_commands_of_ended_jobs_do_nothing() -> None:
    side, _, sent = speaking(1, a=10)
    side.handle(["close", 0], b"")
    for late in (["allow", 0, 100], ["thaw", 0], ["close", 0], ["freeze", 5]):
        side.handle(late, b"")
    assert not side.ready()
    assert not sent


class Listening:
    """Notes what each stream heard at once."""

    def __init__(self) -> None:
        self.heard: list[tuple[int, int, bool]] = []
        self.opened = 0
        self.resets = 0

    def load(self, options: Mapping[str, Any]) -> EngineCard:
        return EngineCard(16000)

    def open(self, request: object) -> int:
        self.opened += 1
        return self.opened

    def step(self, inputs: Sequence[SttInput]) -> list[SttStep]:
        self.heard += [(part.stream, len(part.pcm) // 2, part.finalize) for part in inputs]
        return [SttStep("text", final=part.finalize) for part in inputs]

    def reset(self, stream: int) -> None:
        self.resets += 1

    def close(self, stream: int) -> None:
        return


def listening(streams: int) -> tuple[SttSide, Listening, list[list[Any]]]:
    sent: list[list[Any]] = []
    engine = Listening()
    side = SttSide(engine, 1, lambda header, payload: sent.append(list(header)))
    for stream_id in range(1, streams + 1):
        side.handle(["open", stream_id, {"languages": [], "hotwords": [], "options": {}}], b"")
    return side, engine, sent


def drain(side: SttSide) -> None:
    while side.ready():
        side.run()


def test_audio_is_heard_at_once_up_to_a_finalize_and_streams_take_turns() -> None:
    side, engine, sent = listening(2)
    for _ in range(3):
        side.handle(["feed", 1], TEN_SAMPLES)
    side.handle(["finalize", 1, 9], b"")
    side.handle(["feed", 1], TEN_SAMPLES)
    side.handle(["feed", 2], TEN_SAMPLES)
    drain(side)
    assert engine.heard == [(1, 30, True), (2, 10, False), (1, 10, False)]
    assert [(header[0], header[1]) for header in sent] == [("final", 1), ("step", 2), ("step", 1)]
    assert sent[0][2:4] == [9, 30]
    assert sent[2][3] == 40


def test_reset_drops_what_was_not_heard_yet_and_counts_it() -> None:
    side, engine, sent = listening(1)
    side.handle(["feed", 1], TEN_SAMPLES)
    side.handle(["reset", 1, 1], b"")
    assert (engine.resets, side.ready()) == (1, False)
    side.handle(["feed", 1], TEN_SAMPLES)
    drain(side)
    assert engine.heard == [(1, 10, False)]
    assert sent[0][2:4] == [1, 20]


def test_stream_that_is_fed_too_far_ahead_fails_alone() -> None:
    side, _, sent = listening(2)
    big = bytes(MAX_QUEUED_BYTES // 4)
    for _ in range(5):
        side.handle(["feed", 1], big)
    side.handle(["feed", 2], TEN_SAMPLES)
    assert [header[:2] for header in sent] == [["failed", 1]]
    drain(side)
    assert sent[-1][:2] == ["step", 2]
