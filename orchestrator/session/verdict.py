"""Was it an interruption? One pure function of the evidence, asked again whenever the evidence grows.

A pause loses nothing, so the agent pauses at once when the user makes a sound, and this decides what the sound was. Words decide: a word
count cannot tell "stop" from "okay", so what counts is the first word that is no backchannel. Sound alone never ends an answer: a cough,
a door or steady noise has no words. Whoever only makes sounds for longer than the deadline gets the answer back, and words that come
later are an interruption then.

Another policy is a callable of the same type (`Policy`), handed to the machine.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Final

from orchestrator.session import backchannels


class Verdict(Enum):
    """What the user's sound over the agent's speech was."""

    OPEN = "open"
    INTERRUPTION = "interruption"
    BACKCHANNEL = "backchannel"
    NOISE = "noise"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known. Times in milliseconds since the onset."""

    text: str
    """The recogniser's words so far."""
    elapsed_ms: float
    speech_ms: float
    """How long the VAD has heard speech."""
    talking: bool
    """The VAD hears it still."""
    silence_ms: float
    """Since it stopped; 0 while talking."""
    complete: bool
    """The sound is over, and the recogniser has said all that it heard of it."""
    language: str
    held: bool
    """The agent is paused and waits for this verdict; else it speaks on, and only an interruption would change anything."""


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict and why, in one word for logs and metrics."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class VerdictRules:
    """The numbers the policy goes by."""

    deadline_ms: float = 600
    """No verdict is open for longer."""
    words_after_ms: float = 500
    """How long after the end of a sound its words may still come, from a recogniser that does not say when it has said all."""
    min_words: int = 1
    """Words that are no backchannel, to be an interruption."""
    min_speech_ms: float = 0
    """Shorter sounds are never one, whatever the recogniser makes of them."""


Policy = Callable[[Evidence, VerdictRules], Ruling]

_WORD: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*", re.UNICODE)


def floor_words(text: str, language: str) -> int:
    """How many words of `text` want the floor: neither backchannels nor fillers of the language.

    A last word that may yet become one ("oka") is not counted: a recogniser's partial can end in the middle of a word.
    """
    known = backchannels.of(language)
    words = _WORD.findall(known.phrases.sub(" ", text.lower().replace("’", "'")))
    wanting = sum(word not in known.words for word in words)
    growing = bool(words) and words[-1] not in known.words and any(word.startswith(words[-1]) for word in known.words)
    return wanting - growing


def judge(evidence: Evidence, rules: VerdictRules) -> Ruling:
    """The default policy."""
    spoken = bool(evidence.text.strip())
    if evidence.speech_ms >= rules.min_speech_ms and floor_words(evidence.text, evidence.language) >= rules.min_words:
        return Ruling(Verdict.INTERRUPTION, "words")
    if not evidence.held:
        return Ruling(Verdict.OPEN, "")
    if not evidence.talking and (evidence.complete or evidence.silence_ms >= rules.words_after_ms):
        return Ruling(Verdict.BACKCHANNEL, "backchannel") if spoken else Ruling(Verdict.NOISE, "sound")
    if evidence.elapsed_ms >= rules.deadline_ms:
        return Ruling(Verdict.BACKCHANNEL, "backchannel") if spoken else Ruling(Verdict.NOISE, "no_words")
    return Ruling(Verdict.OPEN, "")
