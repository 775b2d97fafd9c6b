"""The scenes of `bench barge-in`: what a person, a room or the agent's own loudspeaker does, and what would be right. The same for a seed.

    over the agent's speech                                   after it, in a turn of one's own
        interruption short, medium, long   stop                   clean       answer soon
        interruption_echo                  stop                   pause_N     wait N ms, and until the sentence is over
        backchannel                        go on                  um          wait
        burst, noise, echo, far            go on

A scene is microphone frames, ready to send, with a room's faint noise under it. Where there are words, a pilot tells them to the `tone`
recogniser (`pilot.py`), so that what a policy is given is always true; and where a room carries the agent's voice, the frames of
`echo_db` scenes are mixed at run time with what the agent really says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from client.bench import noises
from client.bench.pilot import MOST_SOUNDS, band_limited, pilot
from client.bench.voices import LEVEL_DBFS, Spoken, Voices, Word, audible, cut_at, trimmed
from parley.audio import FRAME_SAMPLES, SAMPLE_RATE_HZ

INTERRUPTIONS: Final = ("interruption_short", "interruption_medium", "interruption_long")
PAUSES_MS: Final = (300, 500, 800, 1200)
TURNS: Final = ("clean", *(f"pause_{ms}" for ms in PAUSES_MS), "um")
OVERLAPS: Final = (*INTERRUPTIONS, "interruption_echo", "backchannel", "burst", "noise", "echo", "far")
STOP: Final = frozenset((*INTERRUPTIONS, "interruption_echo"))
"""In these the agent is to stop; in all others over its speech it is to go on."""
ROOM_LSB: Final = 8.0
ECHO_SCENE_MS: Final = 2500
UM_PAUSE_MS: Final = (600, 1200)

Wave = np.ndarray[Any, np.dtype[np.float64]]
Pcm = np.ndarray[Any, np.dtype[np.int16]]


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene. Samples count from its first; `onset` and `end` are the true ones of what is heard, `gap` is the pause to think."""

    name: str
    kind: str
    pcm: Pcm
    onset: int
    end: int
    text: str = ""
    gap: tuple[int, int] | None = None
    echo_db: float | None = None
    echo_delay_ms: int = 0


@dataclass(frozen=True, slots=True)
class SceneSet:
    """All scenes, and what their pilots mean: number -> [[word, begin_ms, end_ms], ...]."""

    scenes: Sequence[Scene]
    sounds: Mapping[str, Sequence[tuple[str, float, float]]]
    origin: str


class _Maker:
    """Puts sounds, pilots and room together; numbers the sounds that have words."""

    def __init__(self, seed: int) -> None:
        self.chance = np.random.default_rng(seed)
        self.sounds: dict[str, list[tuple[str, float, float]]] = {}

    def scene(self, name: str, kind: str, wave: Wave, words: Sequence[Word], level_db: float, **more: Any) -> Scene:
        """`wave` (at LEVEL_DBFS) at another level, with its pilot, in the room. Silent recognition: no `words`."""
        samples = -(-len(wave) // FRAME_SAMPLES) * FRAME_SAMPLES
        whole = self.chance.normal(0, ROOM_LSB, samples)
        whole[: len(wave)] += wave * 10 ** ((level_db - LEVEL_DBFS) / 20)
        number = len(self.sounds)
        if number >= MOST_SOUNDS:
            raise ValueError(f"more than {MOST_SOUNDS} sounds with a pilot")
        self.sounds[str(number)] = [(word.text, round(word.begin_ms), round(word.end_ms)) for word in words]
        whole += pilot(number, samples)
        begin, end = audible(wave)
        text = " ".join(word.text for word in words)
        return Scene(name, kind, np.clip(np.round(whole), -32768, 32767).astype(np.int16), begin, end, text, **more)

    def level(self) -> float:
        """How loud a person is who speaks to a microphone of their own."""
        return float(self.chance.uniform(-26, -17))


def build(voices: Voices, seed: int) -> SceneSet:
    """Every scene, in no order."""
    make = _Maker(seed)
    scenes: list[Scene] = []
    for kind, people in zip(INTERRUPTIONS, (voices.short, voices.medium, voices.long), strict=True):
        scenes += [make.scene(spoken.name, kind, spoken.wave, spoken.words, make.level()) for spoken in people]
    scenes += [*_over_echo(make, voices), *_backchannels(make, voices), *_bursts(make), *_noises(make, voices)]
    scenes += [*_echoes(make), *_far(make, voices), *_turns(make, voices)]
    return SceneSet(scenes, make.sounds, voices.origin)


def _over_echo(make: _Maker, voices: Voices) -> Iterator[Scene]:
    people = [*voices.short[::3], *voices.medium[::3], *voices.long[::2]]
    for number, spoken in enumerate(people):
        scene = make.scene(spoken.name, "interruption_echo", spoken.wave, spoken.words, make.level())
        yield replace(scene, echo_db=(-14.0, -20.0, -26.0, -32.0)[number % 4], echo_delay_ms=int(make.chance.integers(20, 160)))


def _backchannels(make: _Maker, voices: Voices) -> Iterator[Scene]:
    for spoken in voices.backchannels:
        yield make.scene(spoken.name, "backchannel", spoken.wave, spoken.words, make.level() - 3)
    for number in range(6):  # some recognisers write it down, some do not
        wave = trimmed(noises.throat(make.chance))
        words = (Word("mm-hm", 0.0, len(wave) * 1000 / SAMPLE_RATE_HZ),) if number % 3 else ()
        yield make.scene(f"throat-{number}", "backchannel", wave, words, make.level() - 3)


def _bursts(make: _Maker) -> Iterator[Scene]:
    for name, sound in noises.BURSTS.items():
        for number in range(4):
            wave = trimmed(sound(make.chance))
            yield make.scene(f"{name}-{number}", "burst", wave, (), float(make.chance.uniform(-34, -20)))


def _noises(make: _Maker, voices: Voices) -> Iterator[Scene]:
    for number, level_db in enumerate((-30.0, -36.0, -42.0)):
        for name, sound in noises.NOISES.items():
            yield make.scene(f"{name}-{number}", "noise", trimmed(sound(make.chance)), (), level_db)
        crowd = noises.babble([spoken.wave for spoken in voices.whole[:8]], make.chance)
        yield make.scene(f"babble-{number}", "noise", trimmed(crowd), (), level_db - 4)


def _echoes(make: _Maker) -> Iterator[Scene]:
    size = ECHO_SCENE_MS * SAMPLE_RATE_HZ // 1000
    for number, level_db in enumerate((-12.0, -16.0, -20.0, -24.0, -28.0, -32.0, -36.0, -40.0)):
        pcm = np.round(make.chance.normal(0, ROOM_LSB, size // FRAME_SAMPLES * FRAME_SAMPLES)).astype(np.int16)
        delay_ms = int(make.chance.integers(20, 160))
        yield Scene(f"echo-{number} {level_db:g} dB", "echo", pcm, 0, len(pcm), echo_db=level_db, echo_delay_ms=delay_ms)


def _far(make: _Maker, voices: Voices) -> Iterator[Scene]:
    for number, spoken in enumerate([*voices.long[:5], *voices.whole[-5:]]):
        wave = trimmed(noises.room(spoken.wave, make.chance))
        words = spoken.words if number % 2 else ()
        yield make.scene(f"{spoken.name}{'' if words else ' unwritten'}", "far", wave, words, float(make.chance.uniform(-50, -40)))


def _turns(make: _Maker, voices: Voices) -> Iterator[Scene]:
    for spoken in voices.whole:
        yield make.scene(spoken.name, "clean", spoken.wave, spoken.words, make.level())
    for number, spoken in enumerate(voices.broken):
        for pause_ms in PAUSES_MS:
            yield _broken(make, spoken, f"pause_{pause_ms}", pause_ms, None)
        hesitation = trimmed(noises.um(make.chance))
        yield _broken(make, spoken, "um", int(make.chance.integers(*UM_PAUSE_MS)), (0.0 if number % 2 else 120.0, hesitation))


def _broken(make: _Maker, spoken: Spoken, kind: str, pause_ms: int, um: tuple[float, Wave] | None) -> Scene:
    """The sentence with a pause in it, after an "um" (so many ms after the words) if there is one."""
    at = cut_at(spoken)
    before, after = _faded(spoken.wave[:at]), _faded(spoken.wave[at:][::-1])[::-1]
    cut_ms = at * 1000 / SAMPLE_RATE_HZ
    words = [replace(word, end_ms=min(word.end_ms, cut_ms)) for word in spoken.words[: spoken.cut]]
    if um is not None:
        silence = np.zeros(round(um[0] * SAMPLE_RATE_HZ / 1000))
        begin_ms = (at + len(silence)) * 1000 / SAMPLE_RATE_HZ
        before = np.concatenate([before, silence, um[1] * 0.7])
        words.append(Word("um", begin_ms, len(before) * 1000 / SAMPLE_RATE_HZ))
    gap = (audible(before)[1], len(before) + pause_ms * SAMPLE_RATE_HZ // 1000 + audible(after)[0])
    wave = np.concatenate([before, np.zeros(pause_ms * SAMPLE_RATE_HZ // 1000), after])
    later_ms = (len(wave) - len(spoken.wave)) * 1000 / SAMPLE_RATE_HZ
    words += [Word(word.text, max(word.begin_ms, cut_ms) + later_ms, word.end_ms + later_ms) for word in spoken.words[spoken.cut :]]
    scene = make.scene(f"{spoken.name} {kind}", kind, wave, words, make.level())
    return replace(scene, gap=gap)


def _faded(wave: Wave) -> Wave:
    """10 ms of fade at the end: a cut makes no click."""
    ramp = np.minimum(1, np.arange(len(wave)) / (SAMPLE_RATE_HZ * 0.01))
    return np.asarray(band_limited(wave * ramp[::-1]))


def save(file: Path, scenes: Sequence[Scene]) -> None:
    """Hand the scenes to other processes of this machine."""
    facts = [{**asdict(scene), "pcm": None} for scene in scenes]
    arrays = {f"scene{number}": scene.pcm for number, scene in enumerate(scenes)}
    np.savez(file, allow_pickle=False, facts=np.array(json.dumps(facts)), **arrays)


def load(file: Path) -> list[Scene]:
    """What `save` saved."""
    with np.load(file, allow_pickle=False) as saved:
        scenes = []
        for number, facts in enumerate(json.loads(str(saved["facts"]))):
            gap = None if facts["gap"] is None else (int(facts["gap"][0]), int(facts["gap"][1]))
            scenes.append(Scene(**{**facts, "pcm": saved[f"scene{number}"], "gap": gap}))
        return scenes
