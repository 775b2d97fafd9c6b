"""How a responder reads its options: one frozen `Section`, unknown keys refused with the nearest right one named."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from parley.settings import Section, SettingsError, explain

SectionT = TypeVar("SectionT", bound=Section)


def read_options(name: str, kind: type[SectionT], options: Mapping[str, Any]) -> SectionT:
    """`options` of the responder `name` as its own section.

    Raises:
        SettingsError: an unknown key, or a value that does not fit; one line per problem.
    """
    try:
        return kind.model_validate(dict(options))
    except ValidationError as error:
        raise SettingsError("\n".join(f"responder {name!r}: {line}" for line in explain(error, kind))) from None
