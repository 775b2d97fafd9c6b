"""Silero's detector on plain onnxruntime: a small recurrent network, 32 ms windows of 16 kHz. 70 us a frame, half of a window of delay.

The model file is not part of this project. `vad.silero_model` names it; without, the one of an installed `silero-vad` package is taken (the
package itself, which wants torch, is not imported). All sessions of a process share one network; each keeps its own memory.
"""

from __future__ import annotations

import functools
import importlib.util
from pathlib import Path
from typing import Any, Final

import numpy as np

from orchestrator.audio import Decimator
from parley.settings import SettingsError

_RATE_HZ: Final = 16_000
_WINDOW: Final = 512
_CONTEXT: Final = 64  # samples of the last window that the network wants to see again
_FALL: Final = 0.15
"""Speech goes on until the probability is so much below the threshold."""


class SileroVad:
    """`threshold` is the probability from which a window is speech."""

    def __init__(self, threshold: float, model: str = "") -> None:
        self._network = _network(str(find_model(model)))
        self._threshold = threshold
        self._decimator = Decimator(48_000 // _RATE_HZ)
        self._rate = np.array(_RATE_HZ, np.int64)
        self._state = np.zeros((2, 1, 128), np.float32)
        self._input = np.zeros((1, _CONTEXT + _WINDOW), np.float32)
        self._waiting = np.zeros(0, np.float32)
        self._speech = False

    def is_speech(self, frame: bytes) -> bool:
        """What the last whole window was."""
        low = np.frombuffer(self._decimator.push(frame), np.int16).astype(np.float32) / 32768
        self._waiting = np.concatenate((self._waiting, low))
        while len(self._waiting) >= _WINDOW:
            window, self._waiting = self._waiting[:_WINDOW], self._waiting[_WINDOW:]
            self._input[0, :_CONTEXT] = self._input[0, -_CONTEXT:]
            self._input[0, _CONTEXT:] = window
            output, self._state = self._network.run(None, {"input": self._input, "state": self._state, "sr": self._rate})
            self._speech = float(output[0, 0]) >= self._threshold - (_FALL if self._speech else 0.0)
        return self._speech


def find_model(named: str) -> Path:
    """The network's file.

    Raises:
        SettingsError: there is none.
    """
    if named:
        if not Path(named).is_file():
            raise SettingsError(f"vad.silero_model is {named!r}, and that is no file")
        return Path(named)
    package = importlib.util.find_spec("silero_vad")  # found, not imported
    for folder in package.submodule_search_locations or () if package else ():
        file = Path(folder) / "data" / "silero_vad.onnx"
        if file.is_file():
            return file
    raise SettingsError("vad.name is silero: set vad.silero_model to its ONNX file, or pip install --no-deps silero-vad")


@functools.cache
def _network(file: str) -> Any:
    """One per process: 2 MB, and its thread pool."""
    try:
        import onnxruntime
    except ImportError:
        raise SettingsError("vad.name is silero, which needs onnxruntime: pip install 'parley[silero]'") from None
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1  # sessions are many, cores are few
    return onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
