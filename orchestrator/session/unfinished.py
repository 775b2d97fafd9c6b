"""Words on which no turn ends, and sounds of thinking aloud, by language. Data; `turn_taking.py` reads it.

`openers` are function words that want something after them. Words that often end a sentence as well ("that", "can", "are") are left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Unfinished:
    """One language's lists; entries have one or two words."""

    openers: frozenset[str]
    hesitations: frozenset[str]
    stranded: frozenset[str] = frozenset()
    """Openers which may end a question ("who is it for")."""
    askers: frozenset[str] = frozenset()
    """Words that begin such a question."""


_SOUNDS: Final = "um|umm|uh|uhh|uhm|er|erm|hm|hmm|mmm|eh|ähm|äh|öh|euh|eeh"
_ENGLISH: Final = (
    "a|an|the|and|or|but|because|if|when|while|although|unless|until|since|than|between|my|your|his|our|their|its|i|we|they|he|she"
    "|i'm|i'd|i'll|we'll|you're|would|could|should|might|must|would like|i'd like|very|every|some|any|which|who|whose|want to|going to"
    "|need to|have to|so that|such as|kind of|sort of|there is|there are|it's|that's|what's|let's|tell me|give me|show me|into|as"
    "|be|been|being|cannot|don't|doesn't|didn't|won't|isn't|aren't",
    "so|you know|i mean|let me|let's see|you see",
    "of|to|for|with|from|at|by|about|on|in",
    "what|who|where|which|how|when|whom",
)
_LISTS: Final[dict[str, tuple[str, str, str, str]]] = {
    "en": _ENGLISH,
    "de": (
        "der|die|das|ein|eine|einen|einem|und|oder|aber|weil|wenn|dass|ob|obwohl|als|von|zu|für|bei|nach|aus|mein|meine|dein|sein|ich"
        "|wir|er|möchte|würde|könnte|sollte|muss|sehr|jeder|zum|zur|im|am",
        "also|naja|ja also|sag mal|weißt du",
        "mit|an|auf",
        "was|wer|wo|wie|wann|warum|welche",
    ),
    "fr": (
        "le|la|les|un|une|des|et|ou|mais|parce|que|quand|si|de|du|à|au|aux|avec|pour|dans|sur|chez|mon|ma|mes|ton|ta|son|sa|je|nous|ils|elle"
        "|très|chaque|qui|parce que|afin de",
        "alors|donc|ben|bah|tu sais|enfin",
        "",
        "",
    ),
    "es": (
        "el|la|los|las|un|una|y|o|pero|porque|cuando|si|de|del|a|al|con|para|en|mi|tu|su|yo|nosotros|muy|cada|que|quiero|puedo",
        "bueno|pues|este|o sea|sabes",
        "",
        "",
    ),
    "it": (
        "il|lo|la|i|gli|le|un|una|e|o|ma|perché|quando|se|di|del|a|al|con|per|in|mio|mia|tuo|io|noi|molto|ogni|che|vorrei",
        "allora|dunque|cioè|beh|sai",
        "",
        "",
    ),
}


def _compile(openers: str, hesitations: str, stranded: str, askers: str) -> Unfinished:
    return Unfinished(
        frozenset(openers.split("|")),
        frozenset(f"{_SOUNDS}|{hesitations}".split("|")),
        frozenset(filter(None, stranded.split("|"))),
        frozenset(filter(None, askers.split("|"))),
    )


BY_LANGUAGE: Final = {tag: _compile(*lists) for tag, lists in _LISTS.items()}
_ANY: Final = Unfinished(frozenset(), frozenset(_SOUNDS.split("|")))


def of(language: str) -> Unfinished:
    """The lists for a BCP-47 tag; a language without any has the sounds."""
    return BY_LANGUAGE.get(language.split("-")[0].lower(), _ANY)
