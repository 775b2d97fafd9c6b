"""Where espeak's words are."""

from __future__ import annotations

import numpy as np
import pytest

from workers.engines.api import EngineInputError, TtsRequest
from workers.engines.conformance import speak
from workers.engines.espeak import EspeakTts
from workers.engines.text_slices import cut, pause_ms

ENGINE = EspeakTts()
CARD = ENGINE.load({})


@pytest.mark.parametrize(
    ("text", "unspoken"),
    [
        ("Hello world, this is naïve café ☕ 😀 text.", ""),
        ("Grüße an alle: 12345 more, at 10:30!", ""),
        ("one — two\n\nthree   four", "—"),
        ("A sentence of middling length, with a clause in it. " * 12, ""),
    ],
)
def test_every_word_is_marked_where_it_stands(text: str, unspoken: str) -> None:
    spoken = speak(ENGINE, CARD, TtsRequest(text))
    assert [text[mark.char_begin : mark.char_end] for mark in spoken.marks] == [word for word in text.split() if word != unspoken]
    assert not spoken.late_marks
    ends = [mark.sample_end for mark in spoken.marks]
    assert ends == sorted(ends)


def test_pause_after_a_sentence_belongs_to_no_word() -> None:
    spoken = speak(ENGINE, CARD, TtsRequest("First sentence. Second."))
    sound = np.abs(np.frombuffer(spoken.pcm, np.int16))
    first_end, second_begin = spoken.marks[1].sample_end, spoken.marks[2].sample_begin
    assert second_begin - first_end > CARD.sample_rate_hz // 10
    assert sound[first_end:second_begin].max() < 200


def test_language_finds_its_voice() -> None:
    german = speak(ENGINE, CARD, TtsRequest("Straße", language="de-AT")).pcm
    english = speak(ENGINE, CARD, TtsRequest("Straße", language="en")).pcm
    assert len(german) != len(english)
    with pytest.raises(EngineInputError, match="does not speak 'tlh'"):
        ENGINE.open(TtsRequest("nuqneH", language="tlh"))


def test_voice_variants_are_voices() -> None:
    assert speak(ENGINE, CARD, TtsRequest("hello", voice="de+Alex")).pcm
    with pytest.raises(EngineInputError, match="variant"):
        ENGINE.open(TtsRequest("hello", voice="de+nobody"))


def test_cut_falls_behind_sentences_then_clauses_then_words() -> None:
    assert cut("short", 100) == [(0, 5)]
    pieces = [text[begin:end] for text in ("One two. Three four, five six seven",) for begin, end in cut(text, 12)]
    assert pieces == ["One two. ", "Three four, ", "five six ", "seven"]
    assert [end - begin for begin, end in cut("x" * 25, 10)] == [10, 10, 5]
    assert "".join(pieces) == "One two. Three four, five six seven"


def test_pauses_follow_the_punctuation() -> None:
    assert pause_ms("Done. ") > pause_ms("well, ") > pause_ms("and")
