"""What the people of `bench barge-in` say, with the times of its words: recorded people where the machine has them, else a voice.

Recorded: Debian's prompts (`asterisk-core-sounds-en-g722`, through ffmpeg) and `alsa-utils`; what they say stands below, and where each
word lies is estimated from the letters and from where there is sound (some 100 ms off, which the benchmark's truth then has for all
alike). Spoken: by a worker's engine, flite if it is there, else espeak, with the engine's own word times.
"""

from __future__ import annotations

import asyncio
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
import numpy as np

from client.bench.pilot import band_limited
from client.bench.speech import PROMPTS, read
from client.bench.stubs import EOF, tts_stub
from client.failure import Failure
from client.stack.child import Child, Died, Service
from parley.audio import SAMPLE_RATE_HZ
from parley.v1 import audio_pb2, tts_pb2

LEVEL_DBFS: Final = -20.0
ALSA: Final = Path("/usr/share/sounds/alsa")
ENGINES: Final = (("flite", ("slt", "rms")), ("espeak", ("",)))
_READY_WITHIN_S: Final = 60.0
_SPEAK_WITHIN_S: Final = 60.0
_STEP: Final = SAMPLE_RATE_HZ // 200  # 5 ms
_AUDIBLE_DB: Final = 25.0
"""A sound begins and ends where it is so much below its own level."""

Wave = np.ndarray[Any, np.dtype[np.float64]]

SHORT: Final = {
    "vm-no": "no",
    "hello": "hello",
    "goodbye": "goodbye",
    "dictate/pause": "pause",
    "cancelled": "cancelled",
    "pbx-transfer": "transfer",
}
MEDIUM: Final = {
    "one-moment-please": "one moment please",
    "please-try-again": "please try again",
    "im-sorry": "i'm sorry",
    "do-not-disturb": "do not disturb",
    "conf-errormenu": "invalid choice",
    "vm-changeto": "change to which folder",
}
LONG: Final = {
    "vm-savefolder": "which folder should i save the message to",
    "check-number-dial-again": "please check the number and dial again",
    "feature-not-avail-line": "that feature is not available on this line",
    "something-terribly-wrong": "something is terribly wrong",
    "tt-weasels": "weasels have eaten our phone system",
    "vm-sorry": "i'm sorry i did not understand your response",
    "vm-nonumber": "i'm afraid i don't know who sent this message",
    "transfer": "please hold while i try that extension",
}
WHOLE: Final = {
    **LONG,
    "number-not-answering": "the number is not answering",
    "conf-full": "that conference is full",
    "all-circuits-busy-now": "all circuits are busy now",
    "vm-msgforwarded": "your message has been successfully forwarded",
    "conf-placeintoconf": "you will now be placed into the conference",
    "conf-hasleft": "has left the conference",
    "queue-thankyou": "thank you for your patience",
    "dir-nomatch": "no directory entries match your search",
}
BROKEN: Final = {
    "cannot-complete-as-dialed": "your call cannot be | completed as dialed",
    "feature-not-avail-line": "that feature is not available on | this line",
    "vm-enter-num-to-call": "please enter the number | you wish to call",
    "enter-num-blacklist": "please enter the number to be | blacklisted",
    "demo-nomatch": "i'm sorry there are no matches for | those keywords",
    "conf-waitforleader": "the conference will begin | when the leader arrives",
    "vm-nobodyavail": "nobody is available to | take your call at the moment",
    "vm-nonumber": "i'm afraid i don't know | who sent this message",
    "vm-tempgreetactive": "your temporary greeting is | currently active",
    "dir-nomore": "there are no more compatible entries in the | directory",
    "conf-onlyperson": "you are currently the only | person in this conference",
    "vm-savefolder": "which folder should i | save the message to",
}
"""The bar is where the speaker stops to think."""

SPOKEN_SHORT: Final = ("stop", "wait", "hold on", "excuse me", "no no")
SPOKEN_MEDIUM: Final = ("wait a moment", "stop it please", "that's enough", "can i ask something")
SPOKEN_LONG: Final = ("no that is not what i meant", "could you tell me about tomorrow instead")
SPOKEN_BACKCHANNELS: Final = ("yeah", "okay", "right", "i see", "yes", "sure", "uh-huh", "oh really")


@dataclass(frozen=True, slots=True)
class Word:
    """A word and its place in the sound."""

    text: str
    begin_ms: float
    end_ms: float


@dataclass(frozen=True, slots=True)
class Spoken:
    """A stretch of speech without silence at its ends, at LEVEL_DBFS. `cut`: how many words stand before the speaker's stop to think."""

    name: str
    wave: Wave
    words: tuple[Word, ...]
    cut: int = 0
    recorded: bool = False

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class Voices:
    """All that can be said, by what it is for."""

    short: Sequence[Spoken]
    medium: Sequence[Spoken]
    long: Sequence[Spoken]
    whole: Sequence[Spoken]
    broken: Sequence[Spoken]
    backchannels: Sequence[Spoken]
    origin: str


async def find_voices(folder: Path) -> Voices:
    """Everything this machine can say; `folder` is for a log.

    Raises:
        Failure: there is no engine that speaks here.
    """
    recorded = shutil.which("ffmpeg") is not None and PROMPTS.is_dir()
    texts = [*SPOKEN_SHORT, *SPOKEN_MEDIUM, *SPOKEN_LONG, *SPOKEN_BACKCHANNELS]
    if not recorded:
        texts += [text for table in (SHORT, MEDIUM, LONG, WHOLE, BROKEN) for text in table.values()]
    said, engine = await _speak_all(list(dict.fromkeys(texts)), folder)

    def voices(table: dict[str, str], spoken: Sequence[str] = ()) -> list[Spoken]:
        people = _recordings(table) if recorded else [one for text in table.values() for one in said[text][:1]]
        return people + [one for text in spoken for one in said[text]]

    return Voices(
        voices(SHORT, SPOKEN_SHORT),
        voices(MEDIUM, SPOKEN_MEDIUM),
        voices(LONG, SPOKEN_LONG),
        voices(WHOLE),
        voices(BROKEN),
        [*(_rights() if recorded else []), *voices({}, SPOKEN_BACKCHANNELS)],
        f"recorded prompts and {engine}" if recorded else f"{engine} alone: no recorded speech on this machine",
    )


def trimmed(wave: Wave) -> Wave:
    """What is between the first and the last sound, at LEVEL_DBFS, with 5 ms of fade at both ends."""
    wave = band_limited(wave.astype(np.float64))
    begin, end = audible(wave)
    cut = wave[begin:end]
    gain = 10 ** (LEVEL_DBFS / 20) * 32768 / (np.sqrt(np.mean(cut**2)) + 1e-9)
    gain = min(gain, 30_000 / (np.abs(cut).max() + 1e-9))
    ramp = np.minimum(1, np.arange(len(cut)) / _STEP)
    return np.asarray(cut * gain * ramp * ramp[::-1])


def audible(wave: Wave) -> tuple[int, int]:
    """First and last sample of what is to be heard: not more than 25 dB below the whole's level, in steps of 5 ms."""
    steps = wave[: len(wave) // _STEP * _STEP].reshape(-1, _STEP)
    level = np.sqrt(np.mean(steps**2, axis=1))
    loud = level > np.sqrt(np.mean(wave**2)) * 10 ** (-_AUDIBLE_DB / 20)
    where = np.flatnonzero(loud)
    return (0, len(wave)) if not len(where) else (int(where[0]) * _STEP, int(where[-1] + 1) * _STEP)


def aligned(name: str, text: str, wave: Wave, *, recorded: bool = True) -> Spoken:
    """`wave` (trimmed) with its words placed by their letters over the time in which there is sound. A bar in `text` is a cut."""
    before, bar, after = text.partition("|")
    words = [*before.split(), *after.split()]
    steps = wave[: len(wave) // _STEP * _STEP].reshape(-1, _STEP)
    level = np.sqrt(np.mean(steps**2, axis=1))
    sounding = np.cumsum(level > level.max() * 10 ** (-30 / 20)).astype(np.float64)
    weights = np.cumsum([0, *(len(word) + 1 for word in words)])
    edges = np.searchsorted(sounding, sounding[-1] * weights / weights[-1]) * 5.0
    placed = tuple(Word(word, float(b), float(e)) for word, b, e in zip(words, edges[:-1], edges[1:], strict=True))
    return Spoken(name, wave, placed, len(before.split()) if bar else 0, recorded)


def _recordings(table: dict[str, str]) -> list[Spoken]:
    files = {name: PROMPTS / f"{name}.g722" for name in table}
    return [aligned(name, table[name], trimmed(_wave(file))) for name, file in files.items() if file.is_file()]


def _rights() -> list[Spoken]:
    """ "right", as people really said it: the second word of the loudspeaker tests."""
    found = []
    for name in ("Front_Right", "Rear_Right", "Side_Right"):
        file = ALSA / f"{name}.wav"
        if file.is_file():
            both = trimmed(_wave(file))
            found.append(aligned(f"right-{name}", "right", trimmed(both[_quietest(both, len(both) // 2) :])))
    return found


def _quietest(wave: Wave, near: int) -> int:
    """The sample around which it is quietest, not further than 200 ms from `near`."""
    reach, width = SAMPLE_RATE_HZ // 5, SAMPLE_RATE_HZ // 50
    first = max(0, near - reach)
    power = np.convolve(wave[first : near + reach] ** 2, np.ones(width), "same")
    return first + int(power.argmin())


def cut_at(spoken: Spoken) -> int:
    """The sample at which the speaker stops to think: the quietest place at the end of the last word before it."""
    return _quietest(spoken.wave, round(spoken.words[spoken.cut - 1].end_ms * SAMPLE_RATE_HZ / 1000))


def _wave(file: Path) -> Wave:
    return np.asarray(read(file), np.float64)


# ---------- an engine's voices ----------


async def _speak_all(texts: Sequence[str], folder: Path) -> tuple[dict[str, list[Spoken]], str]:
    why = ""
    for engine, voices in ENGINES:
        arguments = ("-m", "workers", "tts", "--engine", engine, "--listen", "127.0.0.1:0")
        try:
            child = await Child.start(Service("tts", f"tts ({engine})", arguments, folder / f"{engine}.log"), _READY_WITHIN_S)
        except Died as error:
            why = str(error)
            continue
        try:
            address = child.address.removeprefix("grpc://")
            async with asyncio.timeout(_SPEAK_WITHIN_S), grpc.aio.insecure_channel(address) as channel:
                return {text: [await _speak(channel, text, voice) for voice in voices] for text in texts}, engine
        finally:
            child.kill()
            await child.follow()
    raise Failure("there is nobody who could say anything", f"neither flite nor espeak works here ({why})")


async def _speak(channel: grpc.aio.Channel, text: str, voice: str) -> Spoken:
    """`text` by the worker, with its word marks."""
    stub, session_id = tts_stub(channel), uuid.uuid4().hex
    plain = text.replace("|", "")
    config = tts_pb2.TtsConfig(voice=voice, pacing=tts_pb2.PACING_UNPACED, max_frames_per_message=25, marks=audio_pb2.MARK_KIND_WORD)
    await stub.StartSession(tts_pb2.StartSessionRequest(session_id=session_id, config=config, allow_load=True))
    call = stub.Synthesize()
    pcm = bytearray()
    marks: dict[int, Any] = {}
    try:
        await call.write(tts_pb2.TextChunk(session_id=session_id, text=plain, end_of_utterance=True))
        while (frame := await call.read()) is not EOF:
            pcm += frame.pcm
            marks |= {mark.char_begin: mark for mark in frame.marks if mark.kind == audio_pb2.MARK_KIND_WORD}
            if frame.HasField("event") and frame.event.HasField("done"):
                break
    finally:
        call.cancel()
    await stub.EndSession(tts_pb2.EndSessionRequest(session_id=session_id))
    wave = np.frombuffer(bytes(pcm), np.int16).astype(np.float64)
    name = f"{plain.replace(' ', '-')}-{voice or 'voice'}"
    begin, _ = audible(band_limited(wave))
    sound = trimmed(wave)
    if any(not mark.pts_end for mark in marks.values()):
        return aligned(name, text, sound, recorded=False)

    def ms(pts: int) -> float:
        return min(max(0, pts - begin), len(sound)) * 1000 / SAMPLE_RATE_HZ

    words = tuple(Word(plain[at : mark.char_end], ms(mark.pts_begin), ms(mark.pts_end)) for at, mark in sorted(marks.items()))
    return Spoken(name, sound, words, len(text.partition("|")[0].split()) if "|" in text else 0)
