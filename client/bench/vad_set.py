"""The scenes of `parley bench vad`: a user's turn, then the agent speaks and something happens, or nothing. True by construction.

    a real interruption    clean, over noise of 12-25 dB less (a fan, hum, hiss, babble), over the agent's echo of -40 to -12 dB
    none                   cough, door, keys; noise that begins; babble; echo of -40 to -6 dB; a person across the room

Each scene is two tracks on one clock: what the microphone hears, with a room's own noise under it, and what the agent says. Users are the
recordings of `speech.py`, at several levels and pitches; the agent is flite or espeak-ng, where they are installed, else a recording too.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from client.bench import noises
from client.bench.speech import read, runs, sound_files, speech_frames
from client.failure import Failure
from parley.audio import FRAME_SAMPLES, SAMPLE_RATE_HZ

INTERRUPTIONS: Final = ("clean", "noisy", "over_echo")
NONE: Final = ("cough", "door", "keyboard", "noise", "babble", "echo", "far")
SENTENCES: Final = (
    "The harbour lies in the north of the city, and the first ships left it more than eight hundred years ago.",
    "There are three ways to do this, and I will explain them one after the other, so that you can choose.",
    "Tomorrow will be mostly sunny, with light winds from the west and a few clouds late in the afternoon.",
    "Once upon a time there was a miller who had nothing left but his mill and a big old apple tree behind it.",
)
VOICES: Final = (("flite", "slt"), ("flite", "rms"), ("flite", "kal16"), ("espeak-ng", "en-us"), ("espeak-ng", "en-gb"))
REPLY_LEVEL_DBFS: Final = -20.0
TURN_FRAMES: Final = 90
BEFORE_REPLY_FRAMES: Final = 35
REPLY_FRAMES: Final = 300
MOST_PEOPLE: Final = 80
_SHORTEST_FRAMES: Final = 15
_AUDIBLE_DB: Final = 28.0

Wave = np.ndarray[Any, np.dtype[np.float64]]
Pcm = np.ndarray[Any, np.dtype[np.int16]]


@dataclass(frozen=True, slots=True)
class Scene:
    """One experiment; frames of 20 ms."""

    kind: str
    microphone: Pcm
    agent: Pcm
    reply_at: int
    speech_at: int | None
    """The first audible frame of a real interruption."""
    until: int
    """The last frame in which it is to be noticed."""


def make(seed: int, each: int, folder: Path | None) -> list[Scene]:
    """`each` scenes of every kind, the same for the same seed.

    Raises:
        Failure: there is no recorded speech.
    """
    people, voices = _people(folder, seed, min(MOST_PEOPLE, 10 + 2 * each)), _agent_voices()
    agents = voices or people
    scenes = []
    for kind in (*INTERRUPTIONS, *NONE):
        for number in range(each):
            chance = np.random.default_rng([seed, number, *kind.encode()])
            scenes.append(_Stage(chance, people, agents).scene(kind))
    return scenes


def save(file: Path, scenes: Sequence[Scene]) -> None:
    """For `orchestrator.vad.replay`, which is told nothing of the truth."""
    tracks = {f"{name}{i}": track for i, scene in enumerate(scenes) for name, track in (("mic", scene.microphone), ("agent", scene.agent))}
    np.savez(file, allow_pickle=False, reply_at=np.array([scene.reply_at for scene in scenes]), **tracks)


class _Stage:
    """Puts one scene together."""

    def __init__(self, chance: np.random.Generator, people: Sequence[Wave], agents: Sequence[Wave]) -> None:
        self._chance = chance
        self._people = people
        self._factor = float(chance.uniform(0.82, 1.12))  # pitch and formants: a larger or smaller person
        self._level_dbfs = float(chance.uniform(-30, -18))
        self._reply_at = TURN_FRAMES + BEFORE_REPLY_FRAMES
        self._size = (self._reply_at + REPLY_FRAMES) * FRAME_SAMPLES
        agent = np.zeros(self._size)
        voice = agents[int(chance.integers(len(agents)))]
        _add(agent, _levelled(voice, REPLY_LEVEL_DBFS), self._reply_at * FRAME_SAMPLES)
        self._agent = agent
        self._room = chance.normal(0, 10 ** (chance.uniform(-78, -60) / 20) * 32768, self._size)
        turn = np.resize(self._utterance(self._level_dbfs), (TURN_FRAMES - 5) * FRAME_SAMPLES)
        _add(self._room, turn, 5 * FRAME_SAMPLES)

    def scene(self, kind: str) -> Scene:
        microphone, speech_at, until = self._room, None, len(self._room) // FRAME_SAMPLES
        if kind in INTERRUPTIONS:
            speech_at, until = self._interrupt(microphone)
            if kind == "noisy":
                microphone += self._noise_under()
            elif kind == "over_echo":
                self.add_echo(microphone, -40, -12)
        else:
            _ADD[kind](self, microphone)
        pcm = np.clip(np.round(microphone), -32768, 32767).astype(np.int16)
        return Scene(kind, pcm, np.clip(self._agent, -32768, 32767).astype(np.int16), self._reply_at, speech_at, until)

    def _interrupt(self, microphone: Wave) -> tuple[int, int]:
        voice = self._utterance(self._level_dbfs + float(self._chance.uniform(-4, 4)))
        at = (self._reply_at + int(self._chance.integers(40, REPLY_FRAMES - 120))) * FRAME_SAMPLES + int(
            self._chance.integers(FRAME_SAMPLES)
        )
        _add(microphone, voice, at)
        return at // FRAME_SAMPLES, (at + len(voice)) // FRAME_SAMPLES + 5

    def _utterance(self, level_dbfs: float) -> Wave:
        voice = self._people[int(self._chance.integers(len(self._people)))]
        size = int(len(voice) * self._factor)
        shifted = np.interp(np.linspace(0, len(voice) - 1, size), np.arange(len(voice)), voice)
        return _levelled(shifted, level_dbfs)

    def _noise_under(self) -> Wave:
        """There from the first moment on, as where somebody calls from."""
        kinds = (self._hiss, self._pink, self._long(noises.fan), self._long(noises.hum), self._babble)
        noise = kinds[int(self._chance.integers(len(kinds)))]()
        return _levelled(noise, self._level_dbfs - float(self._chance.uniform(12, 25)))

    def begin_babble(self, microphone: Wave) -> None:
        """Many people, from the first moment on."""
        microphone += _levelled(self._babble(), self._level_dbfs - float(self._chance.uniform(12, 25)))

    def add_echo(self, microphone: Wave, lowest_db: float, highest_db: float) -> None:
        """The agent's voice, so much below what it is sent as."""
        microphone += self._echo(float(self._chance.uniform(lowest_db, highest_db)))

    def begin_noise(self, microphone: Wave) -> None:
        """While the agent speaks."""
        kinds = (self._hiss, self._pink, self._long(noises.fan), self._long(noises.hum), self._long(noises.street))
        noise = kinds[int(self._chance.integers(len(kinds)))]()
        self._later(microphone, _levelled(noise, float(self._chance.uniform(-50, -28))), 60, 61 + REPLY_FRAMES // 3)

    def add_burst(self, microphone: Wave, make_one: Callable[[np.random.Generator], Wave]) -> None:
        """One short sound."""
        self._later(microphone, _levelled(make_one(self._chance), float(self._chance.uniform(-34, -18))), 40, REPLY_FRAMES - 60)

    def add_far(self, microphone: Wave) -> None:
        """Somebody else across the room."""
        voice = noises.room(self._utterance(-20), self._chance)
        self._later(microphone, _levelled(voice, self._level_dbfs - float(self._chance.uniform(18, 28))), 40, REPLY_FRAMES - 120)

    def _later(self, microphone: Wave, sound: Wave, first: int, last: int) -> None:
        _add(microphone, sound, (self._reply_at + int(self._chance.integers(first, last))) * FRAME_SAMPLES)

    def _echo(self, level_db: float) -> Wave:
        """A loudspeaker of a phone or a laptop in a room, 80-250 ms later."""
        chance = self._chance
        size = 200 * SAMPLE_RATE_HZ // 1000
        room = chance.normal(0, 0.15, size) * np.exp(-np.arange(size) / SAMPLE_RATE_HZ / chance.uniform(0.012, 0.05))
        room[0] = 1.0
        response = np.concatenate((np.zeros(int(chance.uniform(80, 250) * SAMPLE_RATE_HZ / 1000)), room / np.sqrt(np.sum(room**2))))
        whole = 1 << (len(self._agent) + len(response)).bit_length()
        hertz = np.fft.rfftfreq(whole, 1 / SAMPLE_RATE_HZ)
        low, high = chance.uniform(150, 400), chance.uniform(3500, 9000)
        band = np.clip((hertz - low / 2) / low * 2, 0, 1) * np.clip((high - hertz) / 2000 + 1, 0, 1)
        echo = np.fft.irfft(np.fft.rfft(self._agent, whole) * np.fft.rfft(response, whole) * band, whole)[: len(self._agent)]
        return np.asarray(echo * 10 ** (level_db / 20))

    def _hiss(self) -> Wave:
        return self._chance.normal(0, 1, self._size)

    def _pink(self) -> Wave:
        spectrum = np.fft.rfft(self._chance.normal(0, 1, self._size))
        return np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 20), self._size)

    def _babble(self) -> Wave:
        wave = np.zeros(self._size)
        for _ in range(6):
            wave += np.roll(np.resize(self._utterance(-20), self._size), int(self._chance.integers(self._size)))
        return wave

    def _long(self, make_one: Callable[[np.random.Generator], Wave]) -> Callable[[], Wave]:
        """As long as the scene: the ends of the pieces, which fade, lie over each other."""

        def whole() -> Wave:
            wave = np.zeros(self._size)
            at = -SAMPLE_RATE_HZ // 2
            while at < self._size:
                piece = make_one(self._chance)
                _add(wave, piece if at >= 0 else piece[-at:], max(0, at))
                at += len(piece) - SAMPLE_RATE_HZ // 5
            return wave

        return whole


_ADD: Final[dict[str, Callable[[_Stage, Wave], None]]] = {
    "cough": lambda stage, microphone: stage.add_burst(microphone, noises.cough),
    "door": lambda stage, microphone: stage.add_burst(microphone, noises.door),
    "keyboard": lambda stage, microphone: stage.add_burst(microphone, noises.keyboard),
    "noise": _Stage.begin_noise,
    "babble": _Stage.begin_babble,
    "echo": lambda stage, microphone: stage.add_echo(microphone, -40, -6),
    "far": _Stage.add_far,
}


def _people(folder: Path | None, seed: int, wanted: int) -> list[Wave]:
    """Stretches of recorded speech, short ones too, from their first audible sample on."""
    files = sound_files(folder)
    random.Random(seed).shuffle(files)
    found: list[Wave] = []
    for file in files:
        found.extend(_stretches(read(file)))
        if len(found) >= wanted:
            return found
    if not found:
        raise Failure(
            "there is no recorded speech for the users", "install asterisk-core-sounds-en-g722 and ffmpeg, or name a folder with --speech"
        )
    return found


def _stretches(sound: Pcm) -> Iterator[Wave]:
    sound = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES]
    for first, last in runs(speech_frames(sound)) if len(sound) else ():
        if last - first + 1 >= _SHORTEST_FRAMES:
            yield _audible(sound[max(0, first - 8) * FRAME_SAMPLES : (last + 1) * FRAME_SAMPLES].astype(np.float64))


def _audible(wave: Wave) -> Wave:
    """Without the quiet before its first sound: truth begins where somebody can hear it."""
    step = SAMPLE_RATE_HZ // 200
    levels = 10 * np.log10(np.mean(wave[: len(wave) // step * step].reshape(-1, step) ** 2, axis=1) + 1)
    return wave[int(np.argmax(levels > levels.max() - _AUDIBLE_DB)) * step :]


def _agent_voices() -> list[Wave]:
    """Each voice that is here says all sentences."""
    spoken = []
    with tempfile.TemporaryDirectory() as folder:
        for program, voice in VOICES:
            if shutil.which(program) is None:
                continue
            file = Path(folder) / f"{program}-{voice}.wav"
            text = " ".join(SENTENCES)
            command = (
                [program, "-voice", voice, "-t", text, "-o", str(file)]
                if program == "flite"
                else [program, "-v", voice, "-w", str(file), text]
            )
            if not subprocess.run(command, capture_output=True, check=False).returncode and file.is_file():
                sound = read(file).astype(np.float64)
                third = len(sound) // 3
                spoken += [sound[:third], sound[third : 2 * third], sound[2 * third :]]
    return spoken


def _levelled(wave: Wave, level_dbfs: float) -> Wave:
    """By its loud frames, as people set levels: silence in it does not count."""
    frames = wave[: max(1, len(wave) // FRAME_SAMPLES) * FRAME_SAMPLES]
    powers = np.mean(frames.reshape(-1, FRAME_SAMPLES) ** 2, axis=1) if len(frames) >= FRAME_SAMPLES else np.array([np.mean(wave**2)])
    loud = powers[powers > powers.max() / 1000]
    return np.asarray(wave * (10 ** (level_dbfs / 20) * 32768 / np.sqrt(loud.mean() + 1e-9)))


def _add(track: Wave, sound: Wave, at: int) -> None:
    end = min(len(track), at + len(sound))
    track[at:end] += sound[: end - at]
