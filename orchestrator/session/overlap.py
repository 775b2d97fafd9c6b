"""The user's sound over the agent's speech: what is known of it, and what is to be done about it. Pure.

It is a turn to be, if it is an interruption. The policy (`verdict.py`) rules on the evidence; what is kept here is when to ask it: as soon
as something new is known, and at the deadline, by which a paused agent has its verdict whatever the policy says.
"""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.session.turn import Turn
from orchestrator.session.verdict import Evidence, Policy, Ruling, Verdict, VerdictRules


@dataclass(frozen=True, slots=True)
class Judged:
    """A verdict and what it rests on."""

    ruling: Ruling
    evidence: Evidence


@dataclass(frozen=True, slots=True)
class LookAgain:
    """No verdict yet: ask again after so long, if nothing comes before."""

    after_ms: float


class Listening:
    """No verdict, and nothing to wait for but news: the agent speaks on, and the user makes a sound."""


class Over:
    """The sound is over, and it was nothing."""


@dataclass(slots=True)
class Overlap:
    """One sound, from its onset over a speaking agent until it is an interruption or over."""

    turn: Turn
    began_ms: float
    held_ms: float
    """When the agent paused for it."""
    stopped_ms: float | None = None
    complete: bool = False
    """The recogniser has said all that it heard of it."""

    def decide(
        self, at_ms: float, language: str, policy: Policy, rules: VerdictRules, *, held: bool
    ) -> Judged | LookAgain | Listening | Over:
        """What is the sound, by what is known now? `held`: the agent is paused for it."""
        evidence = self._evidence(at_ms, language, held)
        ruling = policy(evidence, rules)
        if ruling.verdict is Verdict.OPEN and held and evidence.elapsed_ms >= rules.deadline_ms:
            ruling = Ruling(Verdict.NOISE, "deadline")  # nobody is left hanging
        if ruling.verdict is not Verdict.OPEN:
            return Judged(ruling, evidence)
        if held:
            return LookAgain(self.look_again_ms(at_ms, rules))
        if self.stopped_ms is None:
            return Listening()
        over = self.complete or evidence.silence_ms >= rules.words_after_ms
        return Over() if over else LookAgain(self.look_again_ms(at_ms, rules))

    def look_again_ms(self, at_ms: float, rules: VerdictRules) -> float:
        """How long until time alone can change the verdict."""
        times = [self.held_ms + rules.deadline_ms]
        if self.stopped_ms is not None:
            times.append(self.stopped_ms + rules.words_after_ms)
        return max(1.0, min((time - at_ms for time in times if time > at_ms), default=1.0))

    def _evidence(self, at_ms: float, language: str, held: bool) -> Evidence:
        return Evidence(
            text=self.turn.text,
            elapsed_ms=at_ms - self.held_ms,
            speech_ms=(at_ms if self.stopped_ms is None else self.stopped_ms) - self.began_ms,
            talking=self.stopped_ms is None,
            silence_ms=0.0 if self.stopped_ms is None else at_ms - self.stopped_ms,
            complete=self.complete,
            language=language,
            held=held,
        )
