"""What the TTS front counts. Hot paths add to plain integers; Prometheus reads them when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS: Final = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)


@dataclass(slots=True)
class Tally:
    """Totals of all sessions since the process began."""

    frames: int = 0
    underruns: int = 0
    discarded_ms: int = 0
    sessions_started: int = 0
    slow_clients: int = 0
    first_audio_us: float = 0.0
    """What an utterance's first audio takes lately."""

    def heard_first_audio(self, first_audio_us: int) -> None:
        """Another utterance has begun."""
        self.first_audio_us += (first_audio_us - self.first_audio_us) * (0.1 if self.first_audio_us else 1.0)


class TtsMetrics(Collector):
    """The front's metrics, registered with `registry` on construction."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.tally = Tally()
        self.sessions: Callable[[], int] = lambda: 0
        """Live sessions; the servicer puts its own in."""
        self.streams: Callable[[], int] = lambda: 0
        """Open streams, likewise."""
        self.stop_to_ack = _histogram("parley_tts_stop_to_ack_seconds", "receipt of STOP to its ack written", registry)
        self.first_audio = _histogram("parley_tts_first_audio_seconds", "first text to first audio of an utterance", registry)
        registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """Called on registration, when the sessions cannot be asked yet."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """The tally as Prometheus sees it."""
        tally = self.tally
        yield GaugeMetricFamily("parley_tts_sessions", "live sessions", self.sessions())
        yield GaugeMetricFamily("parley_tts_streams", "open Synthesize streams", self.streams())
        yield CounterMetricFamily("parley_tts_sessions_started", "sessions admitted", tally.sessions_started)
        yield CounterMetricFamily("parley_tts_frames_emitted", "frames handed to the transport", tally.frames)
        yield CounterMetricFamily("parley_tts_underruns", "gaps in mid-utterance that the engine is to blame for", tally.underruns)
        yield CounterMetricFamily("parley_tts_discarded_ms", "generated audio thrown away, in milliseconds", tally.discarded_ms)
        yield CounterMetricFamily("parley_tts_slow_clients", "streams ended because their client did not read", tally.slow_clients)


def _histogram(name: str, text: str, registry: CollectorRegistry) -> Histogram:
    return Histogram(name, text, buckets=_SECONDS, registry=registry)
