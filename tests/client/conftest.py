"""What the client's tests share."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture(scope="session")
def room() -> ModuleType:
    """The module `room.py` beside this one: tests are no package, so it is loaded by its place."""
    spec = importlib.util.spec_from_file_location("client_test_room", Path(__file__).with_name("room.py"))
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
