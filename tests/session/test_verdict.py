"""Words that want the floor, and the default policy."""

from __future__ import annotations

import pytest

from orchestrator.session.verdict import Evidence, Verdict, VerdictRules, floor_words, judge


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("en", "mm-hm", 0),
        ("en-GB", "Yeah, I see.", 0),
        ("en", "uh huh okay right", 0),
        ("en", "That’s right!", 0),
        ("en", "um", 0),
        ("en", "okay stop", 1),
        ("en", "no", 1),
        ("en", "wait a moment", 3),
        ("en", "I see what you mean", 3),
        ("de", "ja genau", 0),
        ("de", "nein", 1),
        ("fr", "ouais d'accord", 0),
        ("fr", "attends", 1),
        ("es", "sí claro", 0),
        ("it", "va bene", 0),
        ("xx", "mm hm ok", 0),
        ("xx", "yeah", 1),
        ("en", "oka", 0),
        ("en", "sto", 1),
        ("en", "", 0),
    ],
)
def test_words_that_want_the_floor(language: str, text: str, words: int) -> None:
    assert floor_words(text, language) == words


def _evidence(
    text: str = "", elapsed_ms: float = 200, talking: bool = True, silence_ms: float = 0, held: bool = True, complete: bool = False
) -> Evidence:
    return Evidence(text, elapsed_ms, 300, talking, silence_ms, complete, "en", held)


@pytest.mark.parametrize(
    ("evidence", "verdict", "reason"),
    [
        (_evidence("stop"), Verdict.INTERRUPTION, "words"),
        (_evidence("stop", held=False), Verdict.INTERRUPTION, "words"),
        (_evidence("okay"), Verdict.OPEN, ""),
        (_evidence("okay", talking=False, silence_ms=100), Verdict.OPEN, ""),
        (_evidence("okay", talking=False, silence_ms=500), Verdict.BACKCHANNEL, "backchannel"),
        (_evidence("okay", talking=False, silence_ms=200, complete=True), Verdict.BACKCHANNEL, "backchannel"),
        (_evidence("", talking=False, silence_ms=500), Verdict.NOISE, "sound"),
        (_evidence("", talking=False, silence_ms=200, complete=True), Verdict.NOISE, "sound"),
        (_evidence("", elapsed_ms=600), Verdict.NOISE, "no_words"),
        (_evidence("yeah", elapsed_ms=600), Verdict.BACKCHANNEL, "backchannel"),
        (_evidence("yeah", elapsed_ms=600, held=False), Verdict.OPEN, ""),
    ],
)
def test_the_default_policy(evidence: Evidence, verdict: Verdict, reason: str) -> None:
    ruling = judge(evidence, VerdictRules())
    assert (ruling.verdict, ruling.reason) == (verdict, reason)


def test_more_words_or_more_speech_can_be_asked_for() -> None:
    assert judge(_evidence("stop"), VerdictRules(min_words=2)).verdict is Verdict.OPEN
    assert judge(_evidence("stop"), VerdictRules(min_speech_ms=400)).verdict is Verdict.OPEN
