"""The engine registry as the configuration asks for it (`glowplug.config.catalogue.EngineCatalogue`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glowplug.config.catalogue import OptionProblem
from glowplug.engines.base import Engine, Option
from glowplug.engines.registry import ENGINES

OptionValue = str | int | float | bool

_PROGRAMS = {"llamacpp": ("llama-server",)}
"""How an engine is started when the file does not say; an engine's own name where it has no row."""
_KINDS: dict[type, str] = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


class Catalogue:
    """Names, usual programs and options of the engines there are."""

    def __init__(self, engines: Mapping[str, Engine] = ENGINES) -> None:
        self._engines = engines

    def names(self) -> Sequence[str]:
        return tuple(self._engines)

    def command(self, engine: str) -> tuple[str, ...]:
        return _PROGRAMS.get(engine, (engine,))

    def check_options(self, engine: str, options: Mapping[str, OptionValue]) -> Sequence[OptionProblem]:
        adapter = self._engines[engine]
        found = []
        for problem in adapter.check_options(options):
            option = adapter.options.get(problem.path)
            if option is None:
                found.append(OptionProblem(problem.path, f"is not an option of {engine}", problem.hint))
            else:
                found.append(OptionProblem(problem.path, _wanted(option), problem.hint))
        return found


def _wanted(option: Option) -> str:
    """What the option takes, without the value that was given: that may have come from a variable."""
    if option.choices:
        return f"must be one of {', '.join(option.choices)}"
    least = f" of at least {option.minimum:g}" if option.minimum is not None else ""
    return f"must be {_KINDS[option.kind]}{least}"
