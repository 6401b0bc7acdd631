"""What the configuration asks about engines (`glowplug.config.catalogue`), answered from the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from glowplug.config.catalogue import OptionProblem
from glowplug.engines.base import Option, OptionValue
from glowplug.engines.registry import ENGINES
from glowplug.errors import Problem

_KINDS: Mapping[type, str] = MappingProxyType(
    {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
)


class Catalogue:
    """The engines this build knows."""

    def names(self) -> Sequence[str]:
        return tuple(ENGINES)

    def command(self, engine: str) -> tuple[str, ...]:
        return ENGINES[engine].default_command

    def check_options(self, engine: str, options: Mapping[str, OptionValue]) -> Sequence[OptionProblem]:
        adapter = ENGINES[engine]
        return [_objection(engine, adapter.options.get(found.path), found) for found in adapter.check_options(options)]


def _objection(engine: str, option: Option | None, found: Problem) -> OptionProblem:
    """Said without the value that was given: that may have come from a variable."""
    if option is None:
        return OptionProblem(found.path, f"is not an option of {engine}", found.hint)
    if option.choices:
        return OptionProblem(found.path, f"must be one of {', '.join(option.choices)}", found.hint)
    least = f" of at least {option.minimum:g}" if option.minimum is not None else ""
    return OptionProblem(found.path, f"must be {_KINDS[option.kind]}{least}", found.hint)
