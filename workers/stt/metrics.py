"""What an STT front counts."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

LATENCY_BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 5.0)


class SttMetrics:
    """One per process."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.sessions = Gauge("parley_stt_sessions", "sessions", registry=registry)
        self.streams = Gauge("parley_stt_streams", "open Transcribe streams", registry=registry)
        self.frames = Counter("parley_stt_frames", "20 ms frames received", registry=registry)
        self.frames_lost = Counter("parley_stt_frames_lost", "20 ms frames missing in the clients' numbering", registry=registry)
        self.finals = Counter("parley_stt_finals", "final hypotheses", registry=registry)
        self.finalize_s = Histogram(
            "parley_stt_finalize_seconds", "from FINALIZE to its final", buckets=LATENCY_BUCKETS_S, registry=registry
        )
        self.throttled = Counter("parley_stt_throttled", "times a stream was not read because the engine was behind", registry=registry)
        self.errors = Counter("parley_stt_errors", "streams that failed", ["reason"], registry=registry)
