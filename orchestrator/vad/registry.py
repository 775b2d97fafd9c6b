"""From the configuration to a session's ear."""

from __future__ import annotations

from orchestrator.settings import VadSettings
from orchestrator.vad.api import Vad
from orchestrator.vad.ear import Ear, EarOptions
from orchestrator.vad.silero import SileroVad
from orchestrator.vad.webrtc import WebrtcVad


def make_vad(settings: VadSettings) -> Vad:
    """The detector by its name.

    Raises:
        SettingsError: what it needs is not here.
    """
    if settings.name == "silero":
        return SileroVad(settings.silero_threshold, settings.silero_model)
    return WebrtcVad(settings.mode)


def make_ear(settings: VadSettings, vad: Vad | None = None) -> Ear:
    """A session's ear, with its detector."""
    return Ear(vad or make_vad(settings), ear_options(settings))


def ear_options(settings: VadSettings) -> EarOptions:
    """The gates' numbers."""
    return EarOptions(
        min_level_dbfs=settings.min_level_dbfs,
        start_ms=settings.start_ms,
        barge_in_start_ms=settings.barge_in_start_ms,
        stop_ms=settings.stop_ms,
        noise_margin_db=settings.noise_margin_db if settings.noise_gate else None,
        echo_margin_db=settings.echo_margin_db if settings.echo_gate else None,
        own_level_db=settings.own_level_db or None,
        voicing=settings.voicing or None,
    )
