"""Known requests are understood, and other sentences are left as they were dictated."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from workers.engines import phrases
from workers.engines.api import EngineInputError, SttRequest
from workers.engines.conformance import recognise
from workers.engines.pocketsphinx import PocketsphinxStt

REQUESTS = [
    "help", "count to thirty", "tell me a story", "what time is it", "what did i say", "how far did you get",
    "talk slower", "talk faster", "goodbye", "stop",
]  # fmt: skip

Speech = Callable[..., Callable[[int], bytes]]


@pytest.fixture(scope="module")
def asked() -> PocketsphinxStt:
    engine = PocketsphinxStt()
    engine.load({"words": [*REQUESTS, "repeat after me ..."]})
    return engine


def heard(engine: PocketsphinxStt, pcm: bytes) -> str:
    quiet = bytes(9600)
    final = recognise(engine, CARD, quiet + pcm + quiet, 100)
    assert [word.text for word in final.words] == (final.text or "").split()
    return final.text or ""


CARD = PocketsphinxStt().load({})


@pytest.mark.parametrize("request_text", REQUESTS)
@pytest.mark.parametrize("voice", ["rms", "slt"])
def test_request_is_understood(asked: PocketsphinxStt, flite_speech: Speech, request_text: str, voice: str) -> None:
    assert heard(asked, flite_speech(request_text, voice)(16000)) == request_text


@pytest.mark.parametrize(
    "sentence", ["the weather is nice today", "hello", "how are you today", "can you help me find my keys", "stop sign"]
)
def test_other_sentence_is_no_request(asked: PocketsphinxStt, flite_speech: Speech, sentence: str) -> None:
    assert heard(asked, flite_speech(sentence)(16000)) not in REQUESTS


def test_beginning_is_followed_by_dictation(asked: PocketsphinxStt, flite_speech: Speech) -> None:
    assert heard(asked, flite_speech("repeat after me the weather is nice today")(16000)) == "repeat after me the weather is nice today"


def test_grammar_comes_as_text_or_file(flite_speech: Speech, tmp_path: Path) -> None:
    grammar = "#JSGF V1.0;\ngrammar lights;\n<room> = kitchen | bedroom;\npublic <order> = turn the <room> light (on | off);\n"
    file = tmp_path / "lights.gram"
    file.write_text(grammar)
    for option in (grammar, str(file)):
        engine = PocketsphinxStt()
        engine.load({"grammar": option})
        assert heard(engine, flite_speech("turn the kitchen light off")(16000)) == "turn the kitchen light off"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"words": ["play xylophonics"]}, "no 'xylophonics'"),
        ({"words": [7]}, "one is 7"),
        ({"words": ["help"], "grammar": "#JSGF V1.0; grammar a; public <a> = help;"}, "either"),
        ({"grammar": "/no/such/file.gram"}, "neither"),
        ({"grammar": "#JSGF V1.0; grammar a; <a> = help;"}, "no public rule"),
    ],
)
def test_unusable_options_are_refused_with_the_reason(options: dict[str, object], complaint: str) -> None:
    with pytest.raises(EngineInputError, match=complaint):
        PocketsphinxStt().load(options)


def test_streams_are_limited_and_come_back() -> None:
    engine = PocketsphinxStt()
    engine.load({"max_sessions": 1})
    stream = engine.open(SttRequest())
    with pytest.raises(EngineInputError, match="max_sessions"):
        engine.open(SttRequest())
    engine.close(stream)
    engine.close(engine.open(SttRequest(languages=("en-GB",))))
    with pytest.raises(EngineInputError, match="English only"):
        engine.open(SttRequest(languages=("de",)))


def test_distance_counts_edits() -> None:
    assert phrases.distance("kitten", "sitting") == 3
    assert phrases.distance("", "abc") == 3


@pytest.mark.parametrize(
    ("dictated", "request_phones", "verdict"),
    [
        ("K AH M T UW TH ER T IY", "K AW N T T UW TH ER T IY", phrases.NEAR),
        ("DH AH N AY T", "G UH D B AY", phrases.WEIGH),
        ("S T AA P S AY N", "S T AA P", phrases.FAR),  # as near as the one above, and much longer
        ("W EH DH ER IH Z N AY S", "S T AA P", phrases.FAR),
        ("", "S T AA P", phrases.FAR),
    ],
)
def test_judgement(dictated: str, request_phones: str, verdict: str) -> None:
    assert phrases.judge(dictated.split(), request_phones.split()) == verdict


def test_beginning_needs_something_after_it() -> None:
    words = [list("abc"), list("de"), list("xyz")]
    assert phrases.beginning_words(words, list("abcde")) == 2
    assert phrases.beginning_words(words[:2], list("abcde")) == 0
    assert phrases.beginning_words(words, list("qrstu")) == 0
