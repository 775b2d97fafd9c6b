"""What the worker counts of its models and their engine processes, whichever tier it serves."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from workers.models import Models


class ModelMetrics(Collector):
    """Registers itself; asks the models and the operating system when somebody reads."""

    def __init__(self, registry: CollectorRegistry, models: Models) -> None:
        self._models = models
        registry.register(self)

    def describe(self) -> Iterator[Metric]:
        """Called on registration; what there is depends on what is loaded."""
        return iter(())

    def collect(self) -> Iterator[Metric]:
        """Per loaded model: sessions, CPU and memory of its engine process; and restarts."""
        refs = GaugeMetricFamily("parley_model_refs", "sessions that hold the model", labels=["model"])
        cpu = CounterMetricFamily("parley_engine_cpu_seconds", "CPU time of the engine process", labels=["model"])
        memory = GaugeMetricFamily("parley_engine_resident_bytes", "resident memory of the engine process", labels=["model"])
        for name, held, pid in self._models.processes():
            refs.add_metric([name], held)
            try:
                process = psutil.Process(pid)
                cpu.add_metric([name], sum(process.cpu_times()[:2]))
                memory.add_metric([name], process.memory_info().rss)
            except psutil.Error:  # it died since; the restart is on its way
                continue
        yield from (refs, cpu, memory)
        yield CounterMetricFamily("parley_engine_restarts", "engine processes that died and were started again", self._models.restarts)
