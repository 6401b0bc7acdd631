"""What the configuration asks about engines (`glowplug.config.catalogue`), answered from the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from glowplug.config.catalogue import OptionProblem
from glowplug.domain.model import Capability
from glowplug.engines.base import OptionValue
from glowplug.engines.ollama import request_options
from glowplug.engines.registry import ENGINES


class Catalogue:
    """The engines this build knows."""

    def names(self) -> Sequence[str]:
        return tuple(ENGINES)

    def command(self, engine: str) -> tuple[str, ...]:
        return ENGINES[engine].default_command

    def needs(self, engine: str) -> Sequence[str]:
        return ENGINES[engine].needs

    def capabilities(self, engine: str) -> tuple[Capability, ...]:
        return ENGINES[engine].default_capabilities

    def hosted(self, engine: str) -> bool:
        return ENGINES[engine].hosted

    def request_options(self, engine: str, options: Mapping[str, OptionValue]) -> Mapping[str, OptionValue]:
        return request_options(options) if ENGINES[engine].hosted else {}

    def check_options(self, engine: str, options: Mapping[str, OptionValue]) -> Sequence[OptionProblem]:
        found = ENGINES[engine].check_options(options)
        return [OptionProblem(problem.path, problem.message, problem.hint) for problem in found]
