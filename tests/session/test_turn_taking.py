"""How a stretch of words ends."""

from __future__ import annotations

import pytest

from orchestrator.session.turn_taking import Ending, ending


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "", Ending.UNKNOWN),
        ("en", "What time is it?", Ending.CLOSED),
        ("en", "tell me a story", Ending.UNKNOWN),
        ("en", "I would like", Ending.OPEN),
        ("en", "I want to", Ending.OPEN),
        ("en", "because the", Ending.OPEN),
        ("en", "I went there with", Ending.OPEN),
        ("en", "who did you go with", Ending.UNKNOWN),
        ("en", "what are you looking for", Ending.UNKNOWN),
        ("en", "yes I can", Ending.UNKNOWN),
        ("en", "give me a um", Ending.HESITATING),
        ("en", "Well, you know", Ending.HESITATING),
        ("en", "First of all,", Ending.OPEN),
        ("en", "And then...", Ending.OPEN),
        ("de", "ich möchte", Ending.OPEN),
        ("de", "wie spät ist es", Ending.UNKNOWN),
        ("fr", "parce que", Ending.OPEN),
        ("ja", "今日は。", Ending.CLOSED),
        ("xx", "um", Ending.HESITATING),
    ],
)
def test_endings(language: str, text: str, expected: Ending) -> None:
    assert ending(text, language) is expected
