"""The order of a client's frames: sizes, numbers and positions, checked before anything hears them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from parley.audio import FRAME_BYTES, FRAME_SAMPLES
from parley.errors import ParleyError
from parley.v1 import audio_pb2

MAX_POSITION: Final = 1 << 53  # of seq and pts: 5000 years of audio


@dataclass(frozen=True, slots=True)
class Arrival:
    """Frames that may be heard: where they lie in the stream, and how many before them never came."""

    pts: int
    samples: int
    lost: int
    seq: int


class Intake:
    """Counts the frames of one session."""

    def __init__(self, max_frames_per_message: int) -> None:
        self._max_frames = max_frames_per_message
        self.last_seq = 0
        self.frames = 0
        self.lost_frames = 0

    def admit(self, frame: audio_pb2.AudioFrame, received_pts: int) -> Arrival:
        """Check and count `frame`, which follows the position `received_pts` of its stream. A client need not number or place it.

        Raises:
            ParleyError: BAD_FRAME; BAD_SEQUENCE, a number or position that has been used.
        """
        count = self._check_size(frame)
        expected_seq = self.last_seq + 1
        seq = self._check("seq", frame.seq, expected_seq) or expected_seq
        lost = seq - expected_seq if self.last_seq else 0
        # A position beyond the expected one is audio that was left out on purpose, one that accounts for lost frames is not
        pts = self._check("pts", frame.pts, received_pts) or received_pts + lost * FRAME_SAMPLES
        self.last_seq = seq + count - 1
        self.frames += count
        self.lost_frames += lost
        return Arrival(pts, count * FRAME_SAMPLES, lost, seq)

    def _check_size(self, frame: audio_pb2.AudioFrame) -> int:
        count = frame.frame_count or 1
        if count > self._max_frames:
            raise ParleyError("BAD_FRAME", f"at most {self._max_frames} frames per message, got {count}")
        if len(frame.pcm) != count * FRAME_BYTES:
            raise ParleyError("BAD_FRAME", f"{count} frames are {count * FRAME_BYTES} bytes, got {len(frame.pcm)}")
        return count

    def _check(self, name: str, value: int, least: int) -> int:
        if value and not least <= value < MAX_POSITION:
            raise ParleyError("BAD_SEQUENCE", f"{name}: expected {least} or more, got {value}")
        return value
