"""Three ways to show a conversation: JSON lines for scripts, plain lines for pipes and logs, a live picture for a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any, Final, Protocol

from client.talk.picture import Picture, ending, latency_line


class View(Protocol):
    """Shows what happens. Called from the event loop, in order; `t_ms` counts from the connection."""

    def message(self, message: Mapping[str, Any], t_ms: float) -> None:
        """A message of the server, or one of the client's own (their types begin with `client_`)."""

    def played(self, utterance_id: int, played_ms: float) -> None:
        """The loudspeaker's place; called every 20 ms while there is sound."""

    def close(self) -> None:
        """The conversation is over."""


class JsonView:
    """One JSON object per line: the message as it came, and `t_ms`."""

    def message(self, message: Mapping[str, Any], t_ms: float) -> None:
        sys.stdout.write(json.dumps({"t_ms": round(t_ms, 1), **message}, ensure_ascii=False) + "\n")
        sys.stdout.flush()

    def played(self, utterance_id: int, played_ms: float) -> None:
        pass

    def close(self) -> None:
        pass


class PlainView:
    """One line per finished thing."""

    def __init__(self) -> None:
        self._picture = Picture()

    def message(self, message: Mapping[str, Any], t_ms: float) -> None:
        self._picture.message(message)
        for who, text in lines_of(message, self._picture):
            sys.stdout.write(f"{who:<8}{text}\n")
        sys.stdout.flush()

    def played(self, utterance_id: int, played_ms: float) -> None:
        pass

    def close(self) -> None:
        pass


class LiveView:
    """A terminal: finished lines scroll away above, the open turn, the words being spoken and the state stay below."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live

        self._picture = Picture()
        self._console = Console(highlight=False)
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def message(self, message: Mapping[str, Any], t_ms: float) -> None:
        from rich.text import Text

        self._picture.message(message)
        for who, text in lines_of(message, self._picture):
            style = {"you": "bold cyan", "parley": "bold green", "": "dim", "error": "bold red"}[who]
            self._console.print(Text.assemble((f"{who:<8}", style), (text, "dim" if not who else "")))
        self._draw()

    def played(self, utterance_id: int, played_ms: float) -> None:
        if self._picture.played(utterance_id, played_ms):
            self._draw()

    def close(self) -> None:
        self._live.stop()

    def _draw(self) -> None:
        from rich.console import Group
        from rich.text import Text

        rows = []
        if self._picture.user_text:
            rows.append(Text.assemble((f"{'you':<8}", "bold cyan"), (self._picture.user_text + " …", "italic")))
        said = self._picture.open
        if said is not None and said.text:
            cut = said.spoken_chars
            rows.append(Text.assemble((f"{'parley':<8}", "bold green"), said.text[:cut], (said.text[cut:], "dim")))
        state = self._picture.state.replace("_", " ").lower() + (" · thinking" if self._picture.thinking else "")
        rows.append(Text(f"{'':<8}[{state}]", style="yellow"))
        self._live.update(Group(*rows), refresh=True)


_UNANSWERED: Final = {"empty": "no words were understood", "silent": "(nothing to say to that)", "failed": "the answer failed"}


def verdict_line(message: Mapping[str, Any]) -> str:
    """What a sound over the agent's speech was taken for, and how long that took."""
    went_on = "" if message.get("verdict") == "interruption" else ", went on"
    return f"{message.get('verdict')} ({message.get('reason')}) {message.get('after_ms', 0):.0f} ms after the pause{went_on}"


def limit_line(message: Mapping[str, Any]) -> str:
    """What the session comes to the end of."""
    if message.get("what") == "messages":
        return f"{message.get('left')} exchanges are left"
    end = f"the session ends in {float(message.get('left_ms') or 0) / 1000:.0f} s"
    return f"{end}, unless you say something" if message.get("what") == "idle" else end


def lines_of(message: Mapping[str, Any], picture: Picture) -> list[tuple[str, str]]:
    """The finished lines, as (who, text), that a message gives rise to; `picture` has taken it in already."""
    match message.get("type"):
        case "transcription" if message.get("final"):
            return [("you", str(message["text"]) or "(nothing understood)")]
        case "utterance_ended":
            said = picture.forget(int(message["utterance_id"]))
            return (
                [("parley", (said.heard_text if said.reason == "interrupted" else said.text or said.heard_text) + ending(said))]
                if said
                else []
            )
        case "latency":
            return [("", latency_line(message))]
        case "conversation_complete" if message.get("reason") in _UNANSWERED:
            return [("", _UNANSWERED[message["reason"]])]
        case "verdict":
            return [("", verdict_line(message))]
        case "error":
            return [("error", f"{message.get('message')} [{message.get('code')}]")]
        case "connection" if message.get("resumed"):
            return [("", "connected again: the conversation goes on")]
        case "limit":
            return [("", limit_line(message))]
        case "client_note":
            return [("", str(message["text"]))]
        case _:
            return []
