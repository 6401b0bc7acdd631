"""What the configuration has to know about engines, which live on a higher floor and are passed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from glowplug.config.schema import OptionValue


class OptionProblem(NamedTuple):
    """An engine's objection to one option."""

    option: str
    message: str
    """Goes on after the option's name: `must be a whole number`.  Without the value, which may come from a variable."""
    hint: str = ""


class EngineCatalogue(Protocol):
    """The engines there are."""

    def names(self) -> Sequence[str]:
        """Their names as written in `engine:`."""
        ...

    def command(self, engine: str) -> tuple[str, ...]:
        """How the engine's program is started when the file does not say: `("llama-server",)`."""
        ...

    def check_options(self, engine: str, options: Mapping[str, OptionValue]) -> Sequence[OptionProblem]:
        """Everything that is wrong with these options, unknown names included."""
        ...
