"""Where text is cut, and that nothing is lost by it."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.tts.segment import MAX_SEGMENT_CHARS, Segmenter, speakable


def spoken(*pieces: str, first_clause_chars: int = 10_000) -> list[str]:
    segmenter = Segmenter(first_clause_chars)
    segments = [segment for piece in pieces for segment in segmenter.feed(piece)]
    return [segment.text for segment in [*segments, *segmenter.end()]]


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It costs 3.5 euros. Yes.", ["It costs 3.5 euros.", "Yes."]),
        ("Dr. Smith met Mr. J. Jones. He left.", ["Dr. Smith met Mr. J. Jones.", "He left."]),
        ("See e.g. the book, i.e. this one. Good.", ["See e.g. the book, i.e. this one.", "Good."]),
        (
            "Nuts, bolts etc. are here. Nuts, bolts etc. They are here.",
            ["Nuts, bolts etc. are here.", "Nuts, bolts etc.", "They are here."],
        ),
        ("Wait... what? Well... Yes.", ["Wait... what?", "Well...", "Yes."]),
        ("So… maybe. So… Maybe.", ["So… maybe.", "So…", "Maybe."]),
        ('He said "Stop!" and left. "Why?" Good.', ['He said "Stop!"', "and left.", '"Why?"', "Good."]),
        ("“Go.” (Really?) Yes.", ["“Go.”", "(Really?)", "Yes."]),
        ("Go to example.com now. Done", ["Go to example.com now.", "Done"]),
        ("你好。今天天气很好！走吧", ["你好。", "今天天气很好！", "走吧"]),
        ("नमस्ते। कैसे हो?", ["नमस्ते।", "कैसे हो?"]),
        ("مرحبا؟ نعم.", ["مرحبا؟", "نعم."]),
        ("What?! No!!! Yes.", ["What?!", "No!!!", "Yes."]),
        ("1. Eat\n2. Sleep", ["1. Eat", "2. Sleep"]),
        ("A title\n\nThe text goes on\nhere.", ["A title", "The text goes on\nhere."]),
        ("I am 30. You are 40.", ["I am 30.", "You are 40."]),
        ("...", [""]),
        ("  \n ", [""]),
        ("", []),
        ("Hello ... ", ["Hello ..."]),
        ("?! Hello.", ["?! Hello."]),
        ("Is 5 > 3? Yes", ["Is 5 > 3?", "Yes"]),
    ],
)
def test_sentences(text: str, segments: list[str]) -> None:
    assert spoken(text) == segments


def test_a_sentence_is_cut_at_its_terminator_and_not_one_token_later() -> None:
    segmenter = Segmenter()
    assert [s.text for s in segmenter.feed("I am here")] == []
    assert [s.text for s in segmenter.feed(".")] == ["I am here."]


@pytest.mark.parametrize("beginning", ["It costs 3.", "Dr.", "J.", "Well..", "1.", "See e.g."])
def test_a_full_stop_that_may_go_on_is_waited_for(beginning: str) -> None:
    segmenter = Segmenter()
    assert segmenter.feed(beginning) == []
    assert segmenter.waiting


def test_the_first_clause_is_not_kept_waiting_and_later_ones_are_not_cut() -> None:
    text = "Well, that is good news, and there is more, I think. One, two, three, four, five."
    assert spoken(text, first_clause_chars=12) == [
        "Well, that is good news,",
        "and there is more, I think.",
        "One, two, three, four, five.",
    ]
    assert spoken("今天天气真的很好很好呢，我们走吧。", first_clause_chars=10) == ["今天天气真的很好很好呢，", "我们走吧。"]


def test_numbers_are_no_clauses() -> None:
    assert spoken("There are 1,000,000 at 12:30:00 here, look", first_clause_chars=12) == ["There are 1,000,000 at 12:30:00 here,", "look"]


def test_flush_speaks_what_is_there_and_leaves_what_has_no_sound() -> None:
    segmenter = Segmenter()
    assert segmenter.feed("Let me see") == []
    assert [s.text for s in segmenter.flush()] == ["Let me see"]
    assert segmenter.feed(" ...") == []
    assert segmenter.flush() == []
    (segment,) = segmenter.feed(" Yes!")
    assert (segment.text, segment.char_begin, segment.text_begin, segment.char_end) == ("... Yes!", 10, 11, 19)


def test_a_text_without_any_end_is_cut_between_words() -> None:
    text = "word " * 400
    parts = spoken(text)
    assert " ".join(parts).split() == text.split()
    assert max(map(len, parts)) <= MAX_SEGMENT_CHARS
    assert all(len(part) <= MAX_SEGMENT_CHARS for part in spoken("x" * 2000))


TEXT = st.text(alphabet=st.sampled_from("abcE1 \n.,!?…\"'()。，éß中😀:;—"), max_size=120) | st.text(max_size=200)


@given(pieces=st.lists(st.tuples(TEXT, st.booleans()), max_size=8))
def test_segments_tile_the_text_and_have_something_to_say(pieces: list[tuple[str, bool]]) -> None:
    segmenter = Segmenter()
    segments = []
    for piece, flush in pieces:
        segments += segmenter.feed(piece)
        segments += segmenter.flush() if flush else []
    segments += segmenter.end()
    text = "".join(piece for piece, _ in pieces)
    at = 0
    for segment in segments:
        assert segment.char_begin == at < segment.char_end
        assert text[segment.text_begin : segment.text_begin + len(segment.text)] == segment.text
        assert segment.char_begin <= segment.text_begin
        assert speakable(segment.text) or (segment.text == "" and segment is segments[-1])
        assert len(segment.text) <= MAX_SEGMENT_CHARS + 40
        at = segment.char_end
    assert at == len(text) == segmenter.chars


@given(text=st.text(alphabet=st.sampled_from("abc E1.,!?"), max_size=80), cuts=st.lists(st.integers(0, 80), max_size=4))
def test_what_is_certain_does_not_depend_on_how_the_text_came(text: str, cuts: list[int]) -> None:
    """Without the one eager rule, a full stop behind a plain word at the end of what has come."""
    places = sorted({0, len(text), *(cut for cut in cuts if cut <= len(text) and (cut == 0 or text[cut - 1] not in ".!?"))})
    pieces = [text[a:b] for a, b in itertools.pairwise(places)]
    assert spoken(*pieces, first_clause_chars=8) == spoken(text, first_clause_chars=8)
