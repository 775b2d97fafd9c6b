"""All gates together, on sounds made by arithmetic: what pauses the agent, and what does not."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.settings import VadSettings
from orchestrator.transports.protocol import PublicState
from orchestrator.vad.ear import MULTIPLIER_DB, Ear, EarOptions
from orchestrator.vad.gate import Edge
from orchestrator.vad.registry import ear_options, make_ear
from parley.audio import SILENT_FRAME, split_frames

Wave = NDArray[np.float64]
Chance = np.random.Generator


def _voice(ms: int, level_dbfs: float, pitch_hz: float = 130.0, swing: float = 0.4) -> Wave:
    """A vowel that goes up and down five times a second."""
    t = np.arange(48 * ms) / 48_000
    wave = sum(np.sin(2 * np.pi * pitch_hz * k * t + k) / k for k in range(1, 25)) * (1 - swing + swing * np.sin(2 * np.pi * 5 * t))
    return np.asarray(_level(np.asarray(wave), level_dbfs))


def _level(wave: Wave, level_dbfs: float) -> Wave:
    return wave * (10 ** (level_dbfs / 20) * 32768 / np.sqrt(np.mean(wave**2)))


def _hiss(ms: int, level_dbfs: float, chance: Chance) -> Wave:
    return _level(chance.normal(0, 1, 48 * ms), level_dbfs)


def _thud(ms: int, level_dbfs: float, chance: Chance) -> Wave:
    t = np.arange(48 * ms) / 48_000
    rough = np.convolve(chance.normal(0, 1, len(t)), np.hanning(240), "same")
    return _level(rough * np.exp(-t / 0.08), level_dbfs)


def _cough(ms: int, level_dbfs: float, chance: Chance) -> Wave:
    """A burst, and a pitch as loud as it at its end."""
    t = np.arange(48 * ms) / 48_000
    burst = chance.normal(0, 1, len(t)) * np.exp(-t / 0.07)
    end = 1.2 * np.sin(2 * np.pi * 190 * t) * np.exp(-(((t - 0.14) / 0.05) ** 2))
    return _level(burst + end, level_dbfs)


class Room:
    """A microphone in a quiet room, and what the ear makes of it."""

    def __init__(self, ear: Ear | None = None) -> None:
        self.ear = ear or make_ear(VadSettings())
        self.chance = np.random.default_rng(3)
        self.now_ms = 1000.0

    def hear(self, wave: Wave, state: PublicState, agent: Wave | None = None) -> list[Edge]:
        edges = []
        sent = [] if agent is None else list(split_frames(agent[: len(agent) // 960 * 960].astype(np.int16).tobytes()))
        noisy = wave[: len(wave) // 960 * 960] + self.chance.normal(0, 10, len(wave) // 960 * 960)
        for number, frame in enumerate(split_frames(np.clip(noisy, -32768, 32767).astype(np.int16).tobytes())):
            if number < len(sent):
                self.ear.sent(sent[number], self.now_ms)
            edge = self.ear.push(frame, self.now_ms, state)
            edges += [] if edge is None else [edge]
            self.now_ms += 20
        return edges

    def quiet(self, ms: int, state: PublicState) -> list[Edge]:
        return self.hear(np.zeros(48 * ms), state)


def test_a_voice_over_the_agent_is_an_onset_within_five_frames() -> None:
    room = Room()
    room.quiet(1000, "SPEAKING")
    assert room.hear(_voice(100, -22), "SPEAKING") == [Edge.STARTED]


@pytest.mark.parametrize("level_dbfs", [-35, -25, -15])
@pytest.mark.parametrize("make", [_hiss, _thud, _cough])
def test_what_is_no_voice_is_none_over_the_agent(make: Callable[[int, float, Chance], Wave], level_dbfs: float) -> None:
    room = Room()
    room.quiet(1000, "SPEAKING")
    assert room.hear(make(300, level_dbfs, room.chance), "SPEAKING") == []
    assert room.quiet(500, "SPEAKING") == []


def test_a_hiss_that_stays_never_pauses_and_a_voice_over_it_does() -> None:
    room = Room()
    room.quiet(1000, "SPEAKING")
    assert room.hear(_hiss(6000, -40, room.chance), "SPEAKING") == []
    assert room.hear(_voice(300, -20) + _hiss(300, -40, room.chance), "SPEAKING") == [Edge.STARTED]


def test_in_a_turn_a_voice_needs_no_pitch() -> None:
    room = Room()
    room.quiet(1000, "LISTENING")
    assert room.hear(_hiss(160, -25, room.chance), "LISTENING") == [Edge.STARTED]


def test_somebody_across_the_room_does_not_pause_and_the_user_does() -> None:
    room = Room()
    room.quiet(500, "LISTENING")
    room.hear(_voice(2000, -22), "LISTENING")
    room.quiet(500, "LISTENING")
    assert room.hear(_voice(800, -40, 170), "SPEAKING") == []
    room.quiet(300, "SPEAKING")
    assert room.hear(_voice(800, -25), "SPEAKING") == [Edge.STARTED]


def test_a_whole_reply_of_echo_does_not_pause_and_a_voice_over_it_does() -> None:
    room = Room()
    agent = np.concatenate(
        [_voice(180 + 40 * (n % 5), -20 - n % 4, 110 + 15 * (n % 3)) * np.hanning(48 * (180 + 40 * (n % 5))) for n in range(24)]
    )
    echo = np.concatenate([np.zeros(48 * 130), agent * 10 ** (-22 / 20)])[: len(agent)]
    assert room.hear(echo, "SPEAKING", agent) == []
    over = echo.copy()
    over[48 * 3000 : 48 * 3400] += _voice(400, -22, 150)
    assert room.hear(over, "SPEAKING", agent)[:1] == [Edge.STARTED]


def test_a_hum_that_was_judged_noise_closes_the_gate_and_a_rise_is_an_onset_again() -> None:
    """The hum has a pitch, so it pauses the agent once."""
    room = Room(make_ear(VadSettings(own_level_db=0)))
    room.quiet(1000, "SPEAKING")
    assert room.hear(_voice(600, -40, swing=0.2), "SPEAKING")[0] is Edge.STARTED
    room.ear.accept_noise()
    assert Edge.STARTED not in room.hear(_voice(800, -40, swing=0.2), "SPEAKING")
    assert not room.ear.talking
    assert room.hear(_voice(300, -20), "SPEAKING") == [Edge.STARTED]


class Always:
    """A detector that takes all for speech."""

    def is_speech(self, frame: bytes) -> bool:
        return True


@pytest.mark.parametrize("state", ["LISTENING", "BARGED_IN", "SPEAKING"])
def test_the_margin_depends_on_who_has_the_floor(state: PublicState) -> None:
    options = EarOptions(noise_margin_db=4, echo_margin_db=None, voicing=None, own_level_db=None, start_ms=20, barge_in_start_ms=20)
    need_db = 4 + MULTIPLIER_DB.get(state, 0.0)
    for above_db, edges in ((need_db - 2, []), (need_db + 2, [Edge.STARTED])):
        room = Room(Ear(Always(), options))
        room.hear(_hiss(3000, -45, room.chance), "SPEAKING")
        assert not room.ear.talking
        assert room.hear(_hiss(20, -45 + above_db, room.chance), state) == edges


def test_a_margin_of_nothing_is_a_gate_taken_away() -> None:
    settings = VadSettings(noise_gate=False, echo_gate=False, own_level_db=0, voicing=0)
    options = ear_options(settings)
    assert (options.noise_margin_db, options.echo_margin_db, options.own_level_db, options.voicing) == (None, None, None, None)
    room = Room(make_ear(settings))
    room.quiet(500, "SPEAKING")
    assert room.hear(_hiss(160, -25, room.chance), "SPEAKING") == [Edge.STARTED]


def test_uneven_arrivals_do_not_move_the_microphones_clock() -> None:
    """Frames come in bursts of five; the echo is explained all the same."""
    room = Room()
    agent = np.concatenate([_voice(260, -18 - 2 * (n % 4)) * np.hanning(48 * 260) for n in range(16)])
    echo = np.concatenate([np.zeros(48 * 180), agent * 10 ** (-20 / 20)])[: len(agent)]
    sent = list(split_frames(agent[: len(agent) // 960 * 960].astype(np.int16).tobytes()))
    heard = list(split_frames(echo[: len(echo) // 960 * 960].astype(np.int16).tobytes()))
    found = []
    for number, (there, here) in enumerate(zip(sent, heard, strict=True)):
        room.ear.sent(there, number * 20.0)
        found.append(room.ear.push(here, (number + 4 - number % 5) * 20.0, "SPEAKING"))
    assert Edge.STARTED not in found


def test_silence_costs_no_more_than_a_look_at_the_level() -> None:
    class Never:
        def is_speech(self, frame: bytes) -> bool:
            raise AssertionError("a quiet frame was shown to the detector")

    ear = Ear(Never(), EarOptions())
    assert all(ear.push(SILENT_FRAME, n * 20.0, "SPEAKING") is None for n in range(100))
