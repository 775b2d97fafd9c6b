"""What a person is shown of a conversation, as data: the server's messages and the place of the loudspeaker, made into words.

Pure; the views only print it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Said:
    """One utterance of the agent. `spoken_chars` follows the loudspeaker; `heard_text` and `reason` come at its end."""

    utterance_id: int
    text: str = ""
    marks: list[tuple[float, int]] = field(default_factory=list)
    spoken_chars: int = 0
    heard_text: str = ""
    reason: str = ""
    played_ms: float = 0.0


@dataclass(slots=True)
class Picture:
    """The conversation as it stands. `user_text` is the open turn's; `said` the utterance that is heard or being made."""

    session_id: str = ""
    state: str = ""
    thinking: bool = False
    user_text: str = ""
    said: dict[int, Said] = field(default_factory=dict)

    def message(self, message: Mapping[str, Any]) -> None:
        """Take a message of the server in; unknown ones change nothing."""
        match message.get("type"):
            case "connection":
                self.session_id = str(message.get("session_id", ""))
                self.said.clear()  # what was under way over another connection has ended with it
                self.user_text = ""
            case "state":
                self.state, self.thinking = str(message["state"]), bool(message.get("thinking"))
            case "transcription":
                self.user_text = "" if message.get("final") else str(message["text"])
            case "response_text":
                self._said(message).text += str(message["text"])
            case "mark":
                self._said(message).marks.append((float(message["at_ms"]), int(message["char_end"])))
            case "utterance_ended":
                said = self._said(message)
                said.reason, said.heard_text = str(message.get("reason", "")), str(message.get("heard_text", ""))
                said.played_ms = float(message.get("played_ms", 0.0))
            case _:
                pass

    def played(self, utterance_id: int, played_ms: float) -> bool:
        """Move the spoken words on; True if there are more."""
        said = self.said.get(utterance_id)
        if said is None:
            return False
        before = said.spoken_chars
        while said.marks and said.marks[0][0] <= played_ms:
            said.spoken_chars = max(said.spoken_chars, said.marks.pop(0)[1])
        return said.spoken_chars > before

    @property
    def open(self) -> Said | None:
        """The utterance that has begun and not ended."""
        return next((said for said in self.said.values() if not said.reason), None)

    def forget(self, utterance_id: int) -> Said | None:
        """Drop an utterance that has been shown to its end."""
        return self.said.pop(utterance_id, None)

    def _said(self, message: Mapping[str, Any]) -> Said:
        number = int(message["utterance_id"])
        return self.said.setdefault(number, Said(number))


def latency_line(message: Mapping[str, Any]) -> str:
    """A `latency` message in words: where the time from the end of speech went."""
    steps = (
        ("turn end", "turn_end_ms"),
        ("transcript", "transcript_ms"),
        ("first text", "first_text_ms"),
        ("first audio", "first_audio_ms"),
    )
    shown = [f"{name} {message[key]:.0f}" for name, key in steps if message.get(key) is not None]
    return " · ".join(shown) + " ms after the end of speech"


def ending(said: Said) -> str:
    """What to add to an utterance that was not played to its end."""
    if said.reason == "interrupted":
        return f" … [interrupted after {said.played_ms / 1000:.1f} s]"
    return " … [failed]" if said.reason == "failed" else ""
