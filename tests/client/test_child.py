"""A service as a child process: ready, ended, killed, and never an orphan."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from client.stack.child import Child, Died, Service

READY = "print('metrics http://127.0.0.1:2/metrics'); print('ready grpc://127.0.0.1:1', flush=True); import time; time.sleep(60)"


def service(code: str, log: Path | None = None) -> Service:
    return Service("stt", "stt-0", ("-c", code), log)


async def test_ready_tells_its_address() -> None:
    child = await Child.start(service(READY), 20)
    assert (child.address, child.metrics_url, child.alive) == ("grpc://127.0.0.1:1", "http://127.0.0.1:2/metrics", True)
    child.terminate()
    assert await child.follow() == "stt-0 ended with SIGTERM"
    assert not child.alive


async def test_a_child_that_dies_first_says_why(tmp_path: Path) -> None:
    with pytest.raises(Died, match=r"stt-0 ended with status 3; it said: no model \| at all"):
        await Child.start(service("import sys; sys.exit(print('no model\\n\\nat all', file=sys.stderr) or 3)", tmp_path / "log"), 20)


async def test_a_child_that_is_never_ready_is_killed() -> None:
    with pytest.raises(Died, match=r"was not ready within 0\.5 s"):
        await Child.start(service("import time; time.sleep(60)"), 0.5)


async def test_kill_reaches_what_the_child_started() -> None:
    code = """
import subprocess, sys
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(f"ready x://{grandchild.pid}", flush=True)
grandchild.wait()
"""
    child = await Child.start(service(code), 20)
    grandchild = psutil.Process(int(child.address.removeprefix("x://")))
    child.kill()
    await child.follow()
    await asyncio.to_thread(grandchild.wait, 10)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux kills the children of a dead parent")
def test_a_killed_parent_leaves_no_orphan() -> None:
    code = f"""
import asyncio
from client.stack.child import Child, Service
async def main():
    child = await Child.start(Service("stt", "stt-0", ("-c", {READY!r})), 20)
    print(child.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        os.kill(parent.pid, signal.SIGKILL)
        child.wait(10)
