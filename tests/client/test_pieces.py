"""How a long text is cut before it is spoken."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from client.tier.synthesis import PIECE_CHARS, pieces

WORDS = st.lists(st.sampled_from(["a", "word", "Ende.", "what? ", "\n\n", "x" * 50, "名前"]), max_size=900)


@given(WORDS)
def test_pieces_joined_are_the_text_and_none_is_too_long(words: list[str]) -> None:
    text = " ".join(words)
    cut = list(pieces(text))
    assert "".join(cut) == text
    assert all(0 < len(piece) <= PIECE_CHARS for piece in cut) or text == ""


def test_sentences_stay_whole() -> None:
    sentence = "This is one sentence of many. "
    assert all(piece.endswith(". ") for piece in pieces(sentence * 200))


def test_a_text_without_any_place_to_cut_is_cut_all_the_same() -> None:
    assert [len(piece) for piece in pieces("x" * (2 * PIECE_CHARS + 1))] == [PIECE_CHARS, PIECE_CHARS, 1]
