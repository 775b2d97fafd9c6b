"""From a name to a responder, built-in or from another package."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from orchestrator.responders.api import ReplyRequest
from orchestrator.responders.registry import BUILT_IN, build_responder, names
from parley.settings import SettingsError

Install = Callable[[str, str, str], None]

SHOUT = """
from parley.settings import SettingsError

class Shout:
    def __init__(self, mark):
        self.mark = mark
    async def reply(self, request):
        yield request.text.upper() + self.mark
    async def close(self):
        pass

def create(options):
    if set(options) - {"mark"}:
        raise SettingsError(f"responder 'shout': expected only 'mark', got {sorted(options)}")
    if not options.get("mark", "!"):
        raise ValueError("mark must not be empty")
    return Shout(options.get("mark", "!"))

def create_wrong(options):
    return 7

number = 7
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Makes an installed distribution of a name, a module's source and its entry points."""
    monkeypatch.syspath_prepend(str(tmp_path))

    def place(name: str, source: str, points: str) -> None:
        (tmp_path / f"{name.replace('-', '_')}.py").write_text(source)
        info = tmp_path / f"{name.replace('-', '_')}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[parley.responders]\n{points}\n")

    return place


@pytest.mark.parametrize("name", ["echo", "guide", "script"])
async def test_built_in_ones_need_no_options(name: str) -> None:
    responder = build_responder(name)
    assert [piece async for piece in responder.reply(ReplyRequest("s", 1, "hello"))]
    await responder.close()


@pytest.mark.parametrize("name", sorted(BUILT_IN))
def test_an_unknown_option_is_refused_by_every_built_in_one(name: str) -> None:
    with pytest.raises(SettingsError, match=f"responder '{name}': unknown key 'volume'"):
        build_responder(name, {"volume": 11})


def test_the_nearest_option_is_named() -> None:
    with pytest.raises(SettingsError, match="did you mean 'words_per_s'"):
        build_responder("script", {"word_per_s": 3})


def test_the_nearest_responder_is_named() -> None:
    with pytest.raises(SettingsError, match="unknown responder 'giude'; did you mean 'guide'"):
        build_responder("giude")
    with pytest.raises(SettingsError, match="known here: echo, guide, openai, script"):
        build_responder("xyz")


async def test_another_package_brings_a_responder(install: Install) -> None:
    install("parley-shout", SHOUT, "shout = parley_shout:create")
    assert "shout" in names()
    responder = build_responder("shout", {"mark": "!!"})
    assert [piece async for piece in responder.reply(ReplyRequest("s", 1, "hello"))] == ["HELLO!!"]
    with pytest.raises(SettingsError, match="expected only 'mark'"):
        build_responder("shout", {"colour": 1})
    with pytest.raises(SettingsError, match="responder 'shout': mark must not be empty"):
        build_responder("shout", {"mark": ""})
    with pytest.raises(SettingsError, match="did you mean 'shout'"):
        build_responder("shoot")


async def test_another_package_cannot_replace_a_built_in_one(install: Install) -> None:
    install("parley-fake", SHOUT, "echo = parley_fake:create")
    responder = build_responder("echo")
    assert [piece async for piece in responder.reply(ReplyRequest("s", 1, "hello"))] == ["hello"]


def test_a_name_offered_twice_is_refused_with_both_packages(install: Install) -> None:
    install("parley-one", SHOUT, "twice = parley_one:create")
    install("parley-two", SHOUT, "twice = parley_two:create")
    with pytest.raises(SettingsError, match="offered by parley-one, parley-two"):
        build_responder("twice")


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("parley_bad:missing", "of parley-bad does not load"),
        ("parley_nowhere:create", "of parley-bad does not load"),
        ("parley_bad:number", "expected a callable, found int"),
        ("parley_bad:create_wrong", "gave int, which has no reply"),
    ],
)
def test_a_broken_package_is_named(install: Install, target: str, says: str) -> None:
    install("parley-bad", SHOUT, f"bad = {target}")
    with pytest.raises(SettingsError, match=says):
        build_responder("bad")
