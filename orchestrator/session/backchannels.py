"""Words that people say to a speaker without wanting the floor, by language. Data; `verdict.py` reads it.

`words` also hold the fillers ("um"): a speaker's hesitation alone takes no floor either. Words that start or stop something ("no", "stop",
"wait", "what", "but") are none of these, however short.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Backchannels:
    """One language's lists."""

    words: frozenset[str]
    phrases: re.Pattern[str]


_SOUNDS: Final = "mhm mm mmm mmhm mmhmm mm-hm mm-hmm m-hm uh-huh uhhuh uhuh hm hmm hmmm huh ah aha ahh oh ooh ok okay uh um er erm eh"
_LISTS: Final[dict[str, tuple[str, str]]] = {
    "en": (
        "right yeah yea yep yes yup sure exactly indeed absolutely totally cool great nice wow good fine alright really interesting true "
        "gotcha",
        "i see|go on|of course|got it|all right|that's right|makes sense|sounds good|uh huh|mm hm|m hm",
    ),
    "de": (
        "ach ja jo jaja genau gut klar richtig stimmt sicher schön super echt wirklich so äh ähm öh",
        "ach so|na klar|ja genau|alles klar|ich verstehe|sehr gut",
    ),
    "fr": ("ouais oui d'accord bien exact exactement voilà bon super vraiment euh", "je vois|bien sûr|très bien|ça marche"),
    "es": ("ajá sí si ya claro vale bueno bien exacto cierto verdad eh", "ya veo|por supuesto|muy bien|de acuerdo"),
    "it": ("sì si già certo bene esatto giusto davvero", "va bene|ho capito|certo che sì"),
}


def _compile(words: str, phrases: str) -> Backchannels:
    return Backchannels(frozenset(f"{_SOUNDS} {words}".split()), re.compile(rf"(?<!\w)(?:{phrases})(?!\w)"))


BY_LANGUAGE: Final = {tag: _compile(*lists) for tag, lists in _LISTS.items()}
_ANY: Final = Backchannels(frozenset(_SOUNDS.split()), re.compile(r"(?!)"))


def of(language: str) -> Backchannels:
    """The lists for a BCP-47 tag; a language without any has the sounds that mean the same nearly everywhere."""
    return BY_LANGUAGE.get(language.split("-")[0].lower(), _ANY)
