"""`python -m workers {stt,tts}`: one worker."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

EXAMPLES = """examples:
  python -m workers stt                                         the default recogniser on a free port
  python -m workers tts --engine tone --listen 127.0.0.1:50052  another engine, a port of your choice
  python -m workers tts --config configs/tts.yaml --redis redis://127.0.0.1:6379/0

It prints `ready grpc://HOST:PORT` when the default model can be used. SIGTERM or Ctrl-C drains; a second one ends at once.
Every setting can also come from the environment: PARLEY_TTS_LISTEN, PARLEY_STT_LIMITS__MAX_SESSIONS, ...
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one worker; the process's exit status."""
    given = _parser().parse_args(arguments)
    # gRPC reads both when it is imported, hence the late import. Engine processes are exec'ed and need no fork handlers, which cost
    # a warning each; and of a taken port our own line says more than gRPC's.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    from workers.start import start

    return start(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m workers",
        description="One worker: a front that speaks gRPC, and a process per loaded model.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=("stt", "tts"), help="speech to text, or text to speech")
    parser.add_argument("--engine", help="the engine, or configured model, that sessions get by default")
    parser.add_argument("--listen", metavar="H:P", help="where gRPC listens; port 0 picks one (the default)")
    parser.add_argument("--http", metavar="H:P", help="where /health, /ready, /status and /metrics listen; by default nowhere")
    parser.add_argument("--config", metavar="FILE", type=Path, help="settings as YAML")
    parser.add_argument("--redis", metavar="URL", help="the directory to announce this worker in")
    parser.add_argument("--log-format", choices=("json", "console"), help="how logs are written to stderr")
    return parser


if __name__ == "__main__":
    sys.exit(main())
