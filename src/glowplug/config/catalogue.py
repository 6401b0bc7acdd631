"""What the configuration has to know about engines and providers, which live on a higher floor and are passed in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple, Protocol

from glowplug.config.kinds import OptionValue
from glowplug.domain.model import Capability
from glowplug.domain.provider import ProviderRow

ProviderCatalogue = Mapping[str, ProviderRow]
"""The providers there are, by name."""
NO_PROVIDERS: Final[ProviderCatalogue] = MappingProxyType({})


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
        """How the engine's program is started when the file does not say: `("llama-server",)`; empty for none."""
        ...

    def needs(self, engine: str) -> Sequence[str]:
        """The fields of a model that the engine cannot do without; alternatives are written `path|id`."""
        ...

    def capabilities(self, engine: str) -> tuple[Capability, ...]:
        """What a model of the engine can be asked for when the file does not say."""
        ...

    def hosted(self, engine: str) -> bool:
        """Whether a daemon that serves many models loads them, instead of a process each."""
        ...

    def request_options(self, engine: str, options: Mapping[str, OptionValue]) -> Mapping[str, OptionValue]:
        """What goes with every request to a model with these options; empty for engines that keep what they were
        started with."""
        ...

    def check_options(self, engine: str, options: Mapping[str, OptionValue]) -> Sequence[OptionProblem]:
        """Everything that is wrong with these options, unknown names included."""
        ...
