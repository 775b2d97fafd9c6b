"""What the callers say: recorded human speech, found on this machine at run time. None is kept in the repository.

Looked for in this order: the folder that was named; Debian's recorded prompts (`asterisk-core-sounds-en-g722`, read through ffmpeg).
Where there is neither, `synthetic.py` has a worker speak. A recording is cut to stretches that a load can use: 1.4 to 3.2 s, loud
enough, without an inner pause that would end a turn. Where its speech begins and ends is what WebRTC's voice detector says when it
hears the stretch out of the callers' background noise: so the detector's own delay is not charged to the server, and a server with the
same detector and the same rules can reach the arithmetic of its delays (one that looks at the level too can be faster).
"""

from __future__ import annotations

import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr
import webrtcvad

from client.failure import Failure
from parley.audio import FRAME_BYTES, FRAME_MS, FRAME_SAMPLES, SAMPLE_RATE_HZ

PROMPTS = Path("/usr/share/asterisk/sounds/en_US_f_Allison")
VAD_MODE = 2
CLIPS = 24
SHORTEST_FRAMES, LONGEST_FRAMES = 70, 160
INNER_PAUSE_FRAMES = 6
"""A pause up to this long is inside a turn under every rule that waits for 200 ms; a longer one would cut the turn in two."""
FIRM_FRAMES = 12
"""The speech begins with this many speech frames in a row, so that a rule of 200 ms sees its start at once."""
EDGE_FRAMES = 5
LEVEL_DBFS = -20.0
QUIET_DBFS = -48.0
"""A stretch with an inner pause by this level is left out too: the detector holds on to it, a server that looks at the level does not."""
NOISE_FRAMES = 97  # a prime, so that the background's period meets nobody else's
_NOISE_LSB = 8.0  # -72 dBFS: a quiet room
_VAD_HZ = 16_000
_VAD_BYTES = _VAD_HZ * FRAME_MS // 1000 * 2

Pcm = np.ndarray[Any, np.dtype[np.int16]]


@dataclass(frozen=True, slots=True)
class Recording:
    """A stretch of speech in 20 ms frames of 48 kHz mono s16le; it speaks from `first_speech` to `last_speech`, both included."""

    name: str
    frames: Sequence[bytes]
    first_speech: int
    last_speech: int


def find_recordings(folder: Path | None, seed: int, wanted: int = CLIPS) -> list[Recording]:
    """Up to `wanted` recordings, the same for the same seed; none if no folder is named and the prompts are not installed.

    Raises:
        Failure: a named folder holds nothing usable.
    """
    files = sound_files(folder)
    random.Random(seed).shuffle(files)
    found: list[Recording] = []
    for file in files:
        found.extend(stretches(file.stem, read(file)))
        if len(found) >= wanted:
            return found[:wanted]
    if folder is not None and not found:
        raise Failure(f"{folder} holds no speech to use", "expected WAV, FLAC, Ogg or G.722 files with 1.4 s or more without a pause")
    return found


def read(file: Path) -> Pcm:
    """The file's sound at 48 kHz, mono.

    Raises:
        Failure: neither soundfile nor ffmpeg can read it.
    """
    if file.suffix == ".g722":
        command = ["ffmpeg", "-v", "error", "-i", str(file), "-f", "s16le", "-ac", "1", "-ar", str(SAMPLE_RATE_HZ), "-"]
        decoded = subprocess.run(command, capture_output=True, check=False)
        if decoded.returncode:
            raise Failure(f"ffmpeg cannot read {file}", decoded.stderr.decode(errors="replace").strip())
        return np.frombuffer(decoded.stdout, np.int16)
    try:
        sound, rate_hz = soundfile.read(file, dtype="int16", always_2d=True)
    except soundfile.SoundFileError as error:
        raise Failure(f"{file} cannot be read", str(error)) from None
    return resampled(np.ascontiguousarray(sound[:, 0]), rate_hz, SAMPLE_RATE_HZ)


def resampled(sound: Pcm, from_hz: int, to_hz: int) -> Pcm:
    """The whole of `sound` at another rate, without delay."""
    return sound if from_hz == to_hz else np.asarray(soxr.resample(sound, from_hz, to_hz), np.int16)


def stretches(name: str, sound: Pcm) -> Iterator[Recording]:
    """The usable stretches of one recording, at one loudness."""
    sound = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES]
    if not len(sound):
        return
    for number, (first, last) in enumerate(runs(speech_frames(sound))):
        last = min(last, first + LONGEST_FRAMES - 1)
        if last - first + 1 < SHORTEST_FRAMES:
            continue
        begin, end = max(0, first - EDGE_FRAMES), min(len(sound) // FRAME_SAMPLES, last + 1 + EDGE_FRAMES)
        cut = levelled(sound[begin * FRAME_SAMPLES : end * FRAME_SAMPLES])
        recording = _marked(f"{name}#{number}", cut)
        if recording is not None:
            yield recording


def runs(speech: Sequence[bool]) -> list[tuple[int, int]]:
    """First and last frame of each stretch of speech; pauses of up to INNER_PAUSE_FRAMES belong to it."""
    found: list[tuple[int, int]] = []
    for at, voiced in enumerate(speech):
        if not voiced:
            continue
        if found and at - found[-1][1] - 1 <= INNER_PAUSE_FRAMES:
            found[-1] = (found[-1][0], at)
        else:
            found.append((at, at))
    return found


def speech_frames(sound: Pcm) -> list[bool]:
    """What the detector says about each frame of `sound` (48 kHz, whole frames), heard alone."""
    low = resampled(sound, SAMPLE_RATE_HZ, _VAD_HZ).tobytes()
    vad = webrtcvad.Vad(VAD_MODE)
    return [vad.is_speech(low[at : at + _VAD_BYTES], _VAD_HZ) for at in range(0, len(low) - _VAD_BYTES + 1, _VAD_BYTES)]


def levelled(sound: Pcm) -> Pcm:
    """`sound` at LEVEL_DBFS, not beyond full scale, with 5 ms of fade at both ends."""
    wave = sound.astype(np.float64)
    rms = float(np.sqrt(np.mean(wave**2))) or 1.0
    gain = min(10 ** (LEVEL_DBFS / 20) * 32768 / rms, 32000 / max(1.0, float(np.abs(wave).max())))
    fade = np.minimum(1.0, np.arange(len(wave)) / (SAMPLE_RATE_HZ * 0.005))
    return np.asarray(np.round(wave * gain * fade * fade[::-1]), np.int16)


def levels_dbfs(sound: Pcm) -> list[float]:
    """The level of each whole frame."""
    frames = sound[: len(sound) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES).astype(np.float64)
    return [float(level) for level in 20 * np.log10(np.sqrt(np.mean(frames**2, axis=1)) / 32768 + 1e-9)]


def noise_frames() -> list[bytes]:
    """The background between the words: always the same."""
    noise = np.random.default_rng(7).normal(0, _NOISE_LSB, NOISE_FRAMES * FRAME_SAMPLES)
    return split(np.asarray(np.round(noise), np.int16))


def split(sound: Pcm) -> list[bytes]:
    """Whole frames as bytes."""
    pcm = sound.tobytes()
    return [pcm[at : at + FRAME_BYTES] for at in range(0, len(pcm) - FRAME_BYTES + 1, FRAME_BYTES)]


def save_clips(file: Path, clips: Sequence[Recording]) -> None:
    """Hand recordings to other processes of this machine."""
    arrays = {f"clip{number}": np.frombuffer(b"".join(clip.frames), np.int16) for number, clip in enumerate(clips)}
    marks = np.array([(clip.first_speech, clip.last_speech) for clip in clips], np.int64)
    np.savez(file, allow_pickle=False, marks=marks, names=np.array([clip.name for clip in clips]), **arrays)


def load_clips(file: Path) -> list[Recording]:
    """What `save_clips` saved."""
    with np.load(file, allow_pickle=False) as saved:
        return [
            Recording(str(name), split(saved[f"clip{number}"]), int(first), int(last))
            for number, (name, (first, last)) in enumerate(zip(saved["names"], saved["marks"], strict=True))
        ]


def _marked(name: str, cut: Pcm) -> Recording | None:
    """The stretch with its marks, or None if, out of the noise, it no longer begins firmly or stays whole."""
    noise = np.frombuffer(b"".join(noise_frames()), np.int16)
    speech = speech_frames(np.concatenate([noise, cut, noise]))
    found = runs(speech)
    firm = [voiced and level >= QUIET_DBFS for voiced, level in zip(speech[NOISE_FRAMES:], levels_dbfs(cut), strict=False)]
    if len(found) != 1 or len(runs(firm)) != 1:
        return None
    first, last = (at - NOISE_FRAMES for at in found[0])
    frames = len(cut) // FRAME_SAMPLES
    if first < 0 or last >= frames or not all(speech[found[0][0] : found[0][0] + FIRM_FRAMES]):
        return None
    return Recording(name, split(cut), first, last)


def sound_files(folder: Path | None) -> list[Path]:
    if folder is not None:
        if not folder.is_dir():
            raise Failure(f"{folder} is no folder", "--speech wants a folder of recordings")
        kinds = {".wav", ".flac", ".ogg", ".g722"}
        return sorted(file for file in folder.rglob("*") if file.suffix.lower() in kinds)
    if shutil.which("ffmpeg") is None:
        return []
    return sorted(file for file in PROMPTS.glob("*.g722") if 14_000 < file.stat().st_size < 40_000)  # 1.7 to 5 s
