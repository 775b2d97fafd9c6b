"""Sound files of any rate and format, in and out."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile

from client.audio.files import SoundReader, SoundWriter, stream_header
from client.failure import Failure


def sine(rate_hz: int, seconds: float, hz: float = 440.0) -> np.ndarray:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)).astype(np.float32)


def dominant_hz(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, "<i2").astype(float)
    return float(np.argmax(np.abs(np.fft.rfft(samples))) * 48000 / len(samples))


@pytest.mark.parametrize(
    ("rate_hz", "channels", "suffix"), [(8000, 1, "wav"), (16000, 2, "flac"), (44100, 2, "ogg"), (48000, 1, "wav"), (22050, 1, "aiff")]
)
def test_everything_becomes_48_khz_mono_frames(rate_hz: int, channels: int, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"in.{suffix}"
    soundfile.write(file, np.tile(sine(rate_hz, 1.01)[:, None], (1, channels)), rate_hz)
    frames = list(SoundReader(str(file)).frames())
    assert {len(frame) for frame in frames} == {1920}
    assert 50 <= len(frames) <= 52
    assert dominant_hz(b"".join(frames)) == pytest.approx(440, abs=3)
    assert np.abs(np.frombuffer(b"".join(frames[5:45]), "<i2")).max() == pytest.approx(16384, rel=0.03)


def test_an_empty_file_has_no_frames(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "empty.wav", np.zeros(0, np.float32), 16000)
    assert list(SoundReader(str(tmp_path / "empty.wav")).frames()) == []


def test_what_is_written_is_read_again_sample_for_sample(tmp_path: Path) -> None:
    pcm = np.random.default_rng(1).integers(-30000, 30000, 9600, dtype="<i2").tobytes()
    for name in ("out.wav", "out.flac"):
        with SoundWriter(str(tmp_path / name)) as writer:
            writer.write(pcm[:5000])
            writer.write(pcm[5000:])
        assert writer.samples == 9600
        samples, rate_hz = soundfile.read(tmp_path / name, dtype="int16")
        assert (rate_hz, samples.tobytes()) == (48000, pcm)


def test_raw_is_bare_pcm(tmp_path: Path) -> None:
    with SoundWriter(str(tmp_path / "out.pcm"), raw=True) as writer:
        writer.write(b"\1\2" * 960)
    assert (tmp_path / "out.pcm").read_bytes() == b"\1\2" * 960


def test_a_stream_of_unknown_length_is_readable() -> None:
    samples, rate_hz = soundfile.read(io.BytesIO(stream_header() + b"\1\0" * 4800), dtype="int16")
    assert (rate_hz, len(samples)) == (48000, 4800)


@pytest.mark.parametrize(("name", "said"), [("out.xyz", "cannot tell the format"), ("nowhere/out.wav", "no such folder")])
def test_unwritable_names_are_told_in_words(name: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(Failure, match=said):
        SoundWriter(str(tmp_path / name))
