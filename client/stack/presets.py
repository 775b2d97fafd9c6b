"""Presets: which configuration files the services of a stack get, and what a person's own file changes in them.

A preset is a folder `configs/<name>/` with `orchestrator.yaml`, `stt.yaml` and `tts.yaml`. A person's file (`--config`) is a mapping
with optional keys `preset`, `orchestrator`, `stt` and `tts`; its sections are laid over the preset's files, key by key. The services
check the values; this module only puts them together.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from client.failure import Failure

SERVICES: Final = ("orchestrator", "stt", "tts")
PRESETS: Final = ("embedded", "tone")
PLANNED: Final = ("cpu", "gpu")
DEFAULT: Final = "embedded"


@dataclass(frozen=True, slots=True)
class Preset:
    """A preset with a person's file laid over it: one tree of settings per service, file names inside made absolute."""

    name: str
    trees: Mapping[str, Mapping[str, Any]]

    def write(self, folder: Path) -> dict[str, Path]:
        """Write one YAML file per service into `folder`."""
        import yaml

        files = {service: folder / f"{service}.yaml" for service in SERVICES}
        for service, file in files.items():
            file.write_text(yaml.safe_dump(dict(self.trees[service]), sort_keys=False, allow_unicode=True), encoding="utf-8")
        return files


def load(name: str | None = None, config: Path | None = None) -> Preset:
    """The preset `name` (None: the one that `config` names, else `embedded`) with `config` over it.

    Raises:
        Failure: no such preset, or an unusable file.
    """
    own = _read(config) if config is not None else {}
    for key in own:
        if key not in ("preset", *SERVICES):
            near = difflib.get_close_matches(str(key), ["preset", *SERVICES], n=1)
            raise Failure(
                f"{config}: unknown key {key!r}", f"did you mean {near[0]!r}?" if near else "known: preset, orchestrator, stt, tts"
            )
    chosen = name or str(own.get("preset", DEFAULT))
    folder = _folder(chosen)
    trees = {}
    for service in SERVICES:
        tree = _absolute(_read(folder / f"{service}.yaml"), folder)
        trees[service] = merge(tree, _absolute(_section(own, service, config), config.parent)) if config is not None else tree
    return Preset(chosen, trees)


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`: mappings are merged key by key, everything else is replaced."""
    merged = dict(below)
    for key, value in above.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def _folder(name: str) -> Path:
    if name in PLANNED:
        raise Failure(f"the preset {name!r} needs engines that are not installed yet", f"choose one of {', '.join(PRESETS)}", code=2)
    for root in _roots():
        if name in PRESETS and (root / name).is_dir():
            return root / name
    near = difflib.get_close_matches(name, PRESETS, n=1)
    raise Failure(f"there is no preset {name!r}", f"did you mean {near[0]!r}?" if near else f"choose one of {', '.join(PRESETS)}", code=2)


def _roots() -> Iterator[Path]:
    package = Path(__file__).resolve().parent.parent
    yield package / "configs"  # an installed wheel
    yield package.parent / "configs"  # a checkout


def _read(file: Path) -> dict[str, Any]:
    from parley.settings import SettingsError, read_yaml

    try:
        return read_yaml(file)
    except SettingsError as error:
        raise Failure(str(error)) from None


def _section(own: Mapping[str, Any], service: str, config: Path) -> Mapping[str, Any]:
    section = own.get(service) or {}
    if not isinstance(section, Mapping):
        raise Failure(f"{config}: {service}: expected a mapping of settings, found {type(section).__name__}")
    return section


def _absolute(value: Any, base: Path) -> Any:
    """`value` with every string that names a file beside its own made absolute: the merged files lie elsewhere."""
    if isinstance(value, Mapping):
        return {key: _absolute(inner, base) for key, inner in value.items()}
    if isinstance(value, list):
        return [_absolute(inner, base) for inner in value]
    if isinstance(value, str) and "." in value and len(value) < 1000 and "\n" not in value and (base / value).is_file():
        return str((base / value).resolve())
    return value
