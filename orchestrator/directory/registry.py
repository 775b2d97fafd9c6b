"""Directory providers by name."""

from __future__ import annotations

from orchestrator.directory.api import Directory
from orchestrator.directory.redis import RedisDirectory
from orchestrator.directory.static import StaticDirectory
from orchestrator.settings import DirectorySettings


def build_directory(settings: DirectorySettings) -> Directory:
    """The provider that the settings name.

    Raises:
        ValueError: an address or a URL that cannot be one.
    """
    match settings.provider:
        case "static":
            return StaticDirectory(settings.stt, settings.tts)
        case "redis":
            return RedisDirectory(settings.redis_url)
