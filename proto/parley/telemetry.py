"""Logs and metrics, the same on every service: structlog (JSON or console) and one Prometheus registry per process.

Log events are named (`session_started`), with `session_id` and `utterance_id` bound where there is one; never transcripts.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Literal

import psutil
import structlog
from prometheus_client import CollectorRegistry, Gauge, generate_latest

LogFormat = Literal["json", "console"]


def configure_logs(service: str, level: str = "info", form: LogFormat = "console") -> None:
    """Once per process, before grpc.aio starts (grpc #43421: never again at run time). Logs go to stderr; stdout is for `ready`."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info if form == "json" else structlog.processors.UnicodeDecoder(),
    ]
    renderer: Any = structlog.processors.JSONRenderer() if form == "json" else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")


def new_registry() -> CollectorRegistry:
    """A registry with this process's CPU seconds and memory, which every service shows."""
    registry = CollectorRegistry()
    process = psutil.Process()
    cpu = Gauge("parley_process_cpu_seconds", "CPU time of this process, user and system, in seconds", registry=registry)
    cpu.set_function(lambda: sum(process.cpu_times()[:2]))
    memory = Gauge("parley_process_resident_bytes", "resident memory of this process in bytes", registry=registry)
    memory.set_function(lambda: process.memory_info().rss)
    return registry


def render(registry: CollectorRegistry) -> bytes:
    """The registry in Prometheus' text format."""
    return generate_latest(registry)
