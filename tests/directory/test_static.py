"""The static directory."""

from __future__ import annotations

import pytest

from orchestrator.directory.registry import build_directory
from orchestrator.directory.static import StaticDirectory
from orchestrator.settings import DirectorySettings


def test_addresses_become_records_of_their_kind_once_each():
    directory = StaticDirectory(stt=["b:2", "a:1", "b:2"], tts=["[::1]:3"])
    assert [(record.kind, record.address) for record in directory.workers("stt")] == [("stt", "a:1"), ("stt", "b:2")]
    assert [record.address for record in directory.workers("tts")] == ["[::1]:3"]


@pytest.mark.parametrize("address", ["", "host", ":80", "host:", "host:0", "host:65536", "host:http"])
def test_an_address_that_cannot_be_one_is_refused_with_its_text(address):
    with pytest.raises(ValueError, match="HOST:PORT"):
        StaticDirectory(stt=[address])


def test_the_settings_name_the_provider():
    directory = build_directory(DirectorySettings(provider="static", tts=("h:1",)))
    assert [record.address for record in directory.workers("tts")] == ["h:1"]
    with pytest.raises(ValueError, match="scheme"):
        build_directory(DirectorySettings(provider="redis", redis_url="not a url"))
