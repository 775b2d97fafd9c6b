"""Where a stream of text is cut for speaking."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.responders.clauses import ClauseSplitter


def cut(pieces: list[str]) -> list[str]:
    splitter = ClauseSplitter()
    return [clause for piece in pieces for clause in splitter.push(piece)] + splitter.finish()


@pytest.mark.parametrize(
    "cuts",
    [
        ["Certainly, my friend,", " here it is, as you asked.", " And more, too."],
        ["Yes.", " That is right.", " Quite right!"],
        ["The answer is this:", " one, two; three."],
        ["Well, I think so,", " but who knows?", " Not me."],
        ["Dr. Smith met Mr. Jones,", " e.g. at St. Mary's, i.e. here.", " They talked."],
        ["It costs 3.50 euros.", " Or 4.", " Or 1,000.50 dollars."],
        ["It is 3.", " That is all."],
        ["We met at 10 a.m. and talked.", " It was 5 p.m.", " We left."],
        ["He lives in the U.S. and works.", " He likes the U.S.", " She does too."],
        ["J. R. Smith came home.", " He slept."],
        ["She said “Go home.”", " He went."],
        ['"Stop that now,"', " she said.", " He did."],
        ["First line without end", "\nSecond line", "\nThird."],
        ["1. Take an egg.", " 2. Break it.", " 3. Eat."],
        ["今日は。", "元気ですか？", "はい。"],
        ["One, two, three,", " four, five.", " Six, seven, eight."],
        ["No.", " I will not."],
    ],
)
def test_cuts(cuts: list[str]) -> None:
    text = "".join(cuts)
    assert cut([text]) == cuts
    assert cut(list(text)) == cuts


@pytest.mark.parametrize(
    "cuts",
    [
        ["Well... so it goes.", " Hmm...", " Maybe."],
        ["Really?!", " Yes!!!", " Go on."],
        ["**Done.**", " Next one."],
        ["See example.com for more.", " It is good."],
        ['He said "Stop."', " (And so on.)", " Then he left."],
    ],
)
def test_cuts_where_the_terminator_comes_with_what_belongs_to_it(cuts: list[str]) -> None:
    assert cut(["".join(cuts)]) == cuts


@pytest.mark.parametrize(
    ("text", "ready"),
    [
        ("Hello there.", ["Hello there."]),
        ("Yes!", ["Yes!"]),
        ("Is that so?", ["Is that so?"]),
        ("Certainly, sir,", ["Certainly, sir,"]),
        ("Certainly not —", ["Certainly not —"]),
        ("Well,", []),
        ("It is 3.", []),
        ("This is Dr.", []),
        ("Ask J.", []),
        ("At 5 p.m.", []),
        ("e.g.", []),
        ('He said "Go.', []),
        ("It holds 1,000,", []),
        ("No terminator yet", []),
        ("...", []),
    ],
)
def test_what_is_spoken_before_the_next_token(text: str, ready: list[str]) -> None:
    assert ClauseSplitter().push(text) == ready


def test_a_sentence_leaves_with_its_terminator_token() -> None:
    splitter = ClauseSplitter()
    came = [splitter.push(token) for token in ["Hello", " there", ".", " How", " are", " you", "?", " 3", ".", "5", " is", " it", "."]]
    assert came == [[], [], ["Hello there."], [], [], [], [" How are you?"], [], [], [], [], [], [" 3.5 is it."]]
    assert splitter.finish() == []


def test_text_without_punctuation_is_cut_at_white_space() -> None:
    cuts = cut(["and so on " * 100])
    assert len(cuts[0]) <= 80
    assert all(len(part) <= 240 for part in cuts)
    assert all(part.endswith(("and", "so", "on")) for part in cuts[:-1])


def test_a_long_sentence_is_cut_at_an_inner_stop() -> None:
    cuts = cut(["Hello. ", "now this is a part, " * 30])
    assert all(part.endswith(",") for part in cuts[1:-1])


def test_memory_is_bounded_even_without_white_space() -> None:
    splitter = ClauseSplitter()
    for _ in range(1000):
        splitter.push("x" * 100)
    assert len("".join(splitter.finish())) <= 480


def test_one_splitter_gives_the_second_reply_nothing_of_the_first() -> None:
    splitter = ClauseSplitter()
    splitter.push("half a")
    assert splitter.finish() == ["half a"]
    assert splitter.finish() == []


words = st.sampled_from(["well", "then", "my", "friend", "home", "17", "3.5", "1,000", "it's", "Dr.", "e.g.", "a.m.", "Bob", "twenty-one"])
sentence = st.builds(
    lambda parts, end: "".join(f"{word}{stop} " for word, stop in parts) + f"end{end}",
    st.lists(st.tuples(words, st.sampled_from(["", "", "", ",", ";", ":", " —"])), max_size=40),
    st.sampled_from([".", "!", "?"]),
)
prose = st.builds(lambda parts, gap: gap.join(parts), st.lists(sentence, max_size=6), st.sampled_from([" ", "  ", "\n", "\n\n"]))


def chunks(draw: st.DrawFn, text: str) -> list[str]:
    at = sorted(draw(st.lists(st.integers(0, len(text)), max_size=20)))
    return [text[begin:end] for begin, end in zip([0, *at], [*at, len(text)], strict=True)]


@given(st.data(), st.text(alphabet="ab1.!?…,;:—\"'()” \n。x", max_size=700) | st.text(max_size=200) | prose)
def test_no_character_is_lost_for_any_chunks(data: st.DataObject, text: str) -> None:
    parts = cut(chunks(data.draw, text))
    assert "".join(parts) == text
    assert all(parts)


@given(st.data(), prose)
def test_prose_is_cut_the_same_for_any_chunks(data: st.DataObject, text: str) -> None:
    assert cut(chunks(data.draw, text)) == cut([text]) == cut(list(text))


@given(prose)
def test_every_cut_holds_something_to_say(text: str) -> None:
    assert all(any(map(str.isalnum, part)) for part in cut([text]))
