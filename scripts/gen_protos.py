"""Generate the stubs beside the schemas; `--check` fails when the committed ones differ.

The path under `proto/` equals the import path, so protoc's own imports are right as they come out.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import grpc_tools
from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent.parent / "proto"
WELL_KNOWN = Path(grpc_tools.__file__).parent / "_proto"


def generate(out: Path) -> None:
    schemas = sorted(str(p.relative_to(ROOT)) for p in ROOT.glob("parley/v1/*.proto"))
    arguments = [f"-I{ROOT}", f"-I{WELL_KNOWN}", f"--python_out={out}", f"--pyi_out={out}", f"--grpc_python_out={out}"]
    if protoc.main(["protoc", *arguments, *schemas]) != 0:
        raise SystemExit("protoc failed")
    for path in out.glob("parley/v1/*_pb2_grpc.py"):
        if "Servicer" not in path.read_text():  # a schema without a service needs no gRPC module
            path.unlink()


def stale() -> list[str]:
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder))
        fresh = {p.name: p.read_text() for p in Path(folder).glob("parley/v1/*_pb2*.py*")}
    committed = {p.name: p.read_text() for p in ROOT.glob("parley/v1/*_pb2*.py*")}
    return sorted(name for name in fresh.keys() | committed.keys() if fresh.get(name) != committed.get(name))


def main() -> None:
    if "--check" not in sys.argv:
        generate(ROOT)
    elif names := stale():
        raise SystemExit(f"stubs differ from the schemas: {', '.join(names)}; run `poe protos`")


if __name__ == "__main__":
    main()
