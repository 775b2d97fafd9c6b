"""What the orchestrator counts. One object per process, on its own registry."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SHORT_S = (0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1)
_LATENCY_S = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5)


class Metrics:
    """Counters and histograms of sessions, turns and audio."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self.sessions = Gauge("parley_sessions", "live sessions", registry=registry)
        self.parked = Gauge("parley_sessions_parked", "sessions whose client may come back", registry=registry)
        self.resumed = Counter("parley_sessions_resumed", "clients that came back, and to what", ["found"], registry=registry)
        self.refused = Counter("parley_sessions_refused", "sessions refused", ["reason"], registry=registry)
        self.ended = Counter("parley_sessions_ended", "sessions ended", ["reason"], registry=registry)
        self.exchanges = Counter("parley_exchanges", "exchanges by how they ended", ["reason"], registry=registry)
        self.barge_ins = Counter("parley_barge_ins", "times the user took the floor from a speaking agent", registry=registry)
        self.verdicts = Counter("parley_verdicts", "what sounds over the agent's speech were", ["verdict", "reason"], registry=registry)
        self.unheard = Counter("parley_unheard_seconds", "audio that was synthesized and stopped before it was heard", registry=registry)
        self.onset_to_silence = Histogram(
            "parley_onset_to_silence_seconds", "from the user's first sound to the agent's pause", buckets=_SHORT_S, registry=registry
        )
        self.resumed_gap = Histogram(
            "parley_resumed_gap_seconds", "pauses that turned out to be no interruption", buckets=_SHORT_S, registry=registry
        )
        self.errors = Counter("parley_errors", "errors told to clients", ["reason"], registry=registry)
        self.underruns = Counter("parley_underruns", "times a client ran dry within an utterance", registry=registry)
        self.late_frames = Counter("parley_late_frames", "frames sent more than 20 ms after they were due", registry=registry)
        self.dropped_frames = Counter("parley_dropped_frames", "microphone frames beyond real time", registry=registry)
        stage = "from the end of the user's speech, in seconds"
        self.turn_end = Histogram("parley_turn_end_seconds", f"turn end, {stage}", buckets=_LATENCY_S, registry=registry)
        self.transcript = Histogram("parley_transcript_seconds", f"final transcript, {stage}", buckets=_LATENCY_S, registry=registry)
        self.first_text = Histogram("parley_first_text_seconds", f"first words, {stage}", buckets=_LATENCY_S, registry=registry)
        self.first_audio = Histogram("parley_first_audio_seconds", f"first frame, {stage}", buckets=_LATENCY_S, registry=registry)
