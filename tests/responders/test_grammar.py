"""The embedded recogniser's grammar and the guide speak of the same requests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import pytest

from orchestrator.responders.guide import REQUESTS, understand
from orchestrator.responders.phrases import Heard, Phrasebook, spell

GRAMMAR = Path(__file__).parents[2] / "configs" / "embedded" / "guide.gram"
TOKEN = re.compile(r"<\w+>|[()\[\]|]|[^\s()\[\]|<>]+")


def rules() -> dict[str, str]:
    text = re.sub(r"//.*", "", GRAMMAR.read_text(encoding="utf-8"))
    return dict(re.findall(r"<(\w+)>\s*=\s*([^;]+);", text))


class Expander:
    """Every sentence of a rule of the subset of JSGF that the grammar uses: words, references, ( ), [ ] and |."""

    def __init__(self, table: dict[str, str]) -> None:
        self._table = table

    def sentences(self, rule: str) -> list[str]:
        tokens = TOKEN.findall(self._table[rule])
        found, rest = self._choice(tokens)
        assert not rest, f"<{rule}>: {rest} left over"
        return found

    def _choice(self, tokens: list[str]) -> tuple[list[str], list[str]]:
        found, tokens = self._sequence(tokens)
        while tokens and tokens[0] == "|":
            more, tokens = self._sequence(tokens[1:])
            found = found + more
        return found, tokens

    def _sequence(self, tokens: list[str]) -> tuple[list[str], list[str]]:
        parts: list[list[str]] = []
        while tokens and tokens[0] not in ("|", ")", "]"):
            head, tokens = tokens[0], tokens[1:]
            if head in ("(", "["):
                inner, tokens = self._choice(tokens)
                assert tokens[0] == {"(": ")", "[": "]"}[head]
                tokens = tokens[1:]
                parts.append(inner + ([""] if head == "[" else []))
            else:
                parts.append(self.sentences(head[1:-1]) if head.startswith("<") else [head])
        return [" ".join(filter(None, combination)) for combination in product(*parts)], tokens


def requests() -> Iterator[str]:
    return (name for name in rules() if name in REQUESTS)


@pytest.mark.parametrize("name", sorted(requests()))
def test_every_sentence_is_understood_as_what_it_is(name: str) -> None:
    expander = Expander(rules())
    for sentence in expander.sentences(name):
        assert understand(sentence) == name, sentence
    for frame in ("please {}", "could you {} please"):
        sentence = frame.format(expander.sentences(name)[0])
        assert understand(sentence) == name, sentence


def test_the_grammar_has_every_request_that_needs_no_free_words() -> None:
    table = rules()
    assert set(requests()) == set(REQUESTS) - {"repeat"}
    assert set(re.findall(r"<(\w+)>", table["request"])) == {*requests(), "polite"}


def test_every_number_to_a_hundred_is_in_it_with_its_value() -> None:
    book = Phrasebook({"count": ("count to #",)})
    said = Expander(rules()).sentences("number")
    assert {book.match(f"count to {words}") for words in said} == {Heard("count", number) for number in range(1, 101)}
    assert {spell(number).replace("-", " ") for number in range(1, 101)} <= set(said)


def test_the_recogniser_knows_every_word_and_takes_the_grammar() -> None:
    pocketsphinx = pytest.importorskip("pocketsphinx", reason="needs parley[embedded]")
    lines = (Path(pocketsphinx.get_model_path()) / "en-us" / "cmudict-en-us.dict").read_text(encoding="utf-8").splitlines()
    known = {line.split(" ", 1)[0] for line in lines}
    used = {token for body in rules().values() for token in TOKEN.findall(body) if token[0] not in "<([|])"}
    assert used <= known
    jsgf = pocketsphinx.Jsgf(str(GRAMMAR))
    decoder_math = pocketsphinx.LogMath()
    assert jsgf.build_fsg(jsgf.get_rule("guide.request"), decoder_math, 1.0) is not None
