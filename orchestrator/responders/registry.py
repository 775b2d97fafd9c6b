"""From a name in the configuration to a responder: the built-in ones, and those that other packages bring.

Another package offers a responder as an entry point of group `parley.responders`: a callable that takes the options of its
configuration block (a mapping) and returns a `Responder`; `SettingsError` or `ValueError` says that they do not fit. The names of
the built-in ones are taken: an installed package can add a responder, never silently replace one.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Final

from orchestrator.responders import echo, guide, openai, script
from orchestrator.responders.api import Responder
from parley.settings import SettingsError

GROUP: Final = "parley.responders"
Factory = Callable[[Mapping[str, Any]], Responder]

BUILT_IN: Final[Mapping[str, Factory]] = {
    "echo": echo.create,
    "guide": guide.create,
    "openai": openai.create,
    "script": script.create,
}


def names() -> tuple[str, ...]:
    """Every responder that can be built here, sorted."""
    return tuple(sorted({*BUILT_IN, *(point.name for point in entry_points(group=GROUP))}))


def build_responder(name: str, options: Mapping[str, Any] | None = None) -> Responder:
    """The responder `name`, made from `options`.

    Raises:
        SettingsError: no such responder, a package that does not load, or options that do not fit.
    """
    factory = BUILT_IN.get(name) or _load(name)
    try:
        responder = factory(options or {})
    except ValueError as error:
        raise SettingsError(f"responder {name!r}: {error}") from error
    if not callable(getattr(responder, "reply", None)) or not callable(getattr(responder, "close", None)):
        raise SettingsError(f"responder {name!r}: its factory gave {type(responder).__name__}, which has no reply() and close()")
    return responder


def _load(name: str) -> Factory:
    found = list(entry_points(group=GROUP, name=name))
    if not found:
        raise SettingsError(f"unknown responder {name!r}{_hint(name)}")
    if len(found) > 1:
        raise SettingsError(f"responder {name!r} is offered by {', '.join(sorted(map(_origin, found)))}: uninstall all but one")
    try:
        factory = found[0].load()
    except (ImportError, AttributeError) as error:
        raise SettingsError(f"responder {name!r} of {_origin(found[0])} does not load: {error}") from error
    if not callable(factory):
        raise SettingsError(f"responder {name!r} of {_origin(found[0])}: expected a callable, found {type(factory).__name__}")
    return factory  # type: ignore[no-any-return]  # a Responder is checked for when one is made


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _hint(name: str) -> str:
    near = difflib.get_close_matches(name, names(), n=1, cutoff=0.5)
    return f"; did you mean {near[0]!r}?" if near else f"; known here: {', '.join(names())}"
