"""48 kHz PCM cut into frames of exactly 20 ms. It holds the frames that exist and have not been taken; it knows no time."""

from __future__ import annotations

from parley.audio import FRAME_BYTES, SAMPLE_BYTES


class FrameBuffer:
    """Whole frames leave in order; what does not fill one waits, until `finish` fills it with silence."""

    __slots__ = ("_pcm", "finished", "padded")

    def __init__(self) -> None:
        self._pcm = bytearray()  # a bytearray gives its front back in constant time, so no index is kept beside it
        self.finished = False
        self.padded = False
        """The last frame ends in filled-in silence."""

    def push(self, pcm: bytes) -> None:
        """Append samples; not after `finish`."""
        self._pcm += pcm

    def finish(self) -> None:
        """No more samples will come."""
        self.finished = True
        if rest := len(self._pcm) % FRAME_BYTES:
            self._pcm += bytes(FRAME_BYTES - rest)
            self.padded = True

    @property
    def frames(self) -> int:
        """Frames that can be taken now."""
        return len(self._pcm) // FRAME_BYTES

    @property
    def samples(self) -> int:
        """Samples held, those of an unfinished frame included."""
        return len(self._pcm) // SAMPLE_BYTES

    def take(self, frames: int) -> bytes:
        """Remove and return exactly `frames` frames; there must be so many."""
        size = frames * FRAME_BYTES
        pcm = bytes(memoryview(self._pcm)[:size])
        del self._pcm[:size]
        return pcm

    def clear(self) -> None:
        """Throw everything away."""
        self._pcm = bytearray()
