"""What loading a model would do, without doing it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import msgspec

from glowplug.config.nearest import did_you_mean
from glowplug.domain.fit import FitView, OptionValue
from glowplug.domain.plan import PlanView, RunView
from glowplug.errors import Conflict, NotFound
from glowplug.usecases.catalog import Catalog


class Planner(Protocol):
    """Who decides about memory."""

    def plan(self, name: str) -> PlanView:
        """What a load of this local model would do now.  Changes nothing."""
        ...

    def runs(self, name: str) -> tuple[RunView, ...]:
        """What loads of this local model really took, the newest first."""
        ...

    async def fit(self, name: str, options: Mapping[str, OptionValue], written: Mapping[str, object]) -> FitView:
        """What it would do with these options beside its own.  Changes nothing.  Raises RequestError."""
        ...


class AliasPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The plans of an alias's targets; the answer of `GET /admin/plan/{alias}`."""

    alias: str
    targets: tuple[str, ...]
    """All of them, in order."""
    cold: str
    data: tuple[PlanView, ...]
    """Of those that engines here run, in the same order."""


class Plans:
    """What an admin may ask about the future.  `catalog()` gives the configuration in force."""

    def __init__(self, catalog: Callable[[], Catalog], planner: Planner) -> None:
        self._catalog = catalog
        self._planner = planner

    def plan(self, name: str) -> PlanView | AliasPlan:
        """The plan of a model, or of an alias's local targets.

        Raises NotFound, and Conflict where nothing would be loaded on this machine.
        """
        catalog = self._catalog()
        alias = next((alias for alias in catalog.aliases if alias.name == name), None)
        if alias is None:
            check_local(catalog, name)
            return self._planner.plan(name)
        local = {model.name for model in catalog.local}
        here = [target for target in alias.targets if target in local]
        if not here:
            raise Conflict(
                f"no target of {name} can be loaded on this machine", hint="glowplug models shows where each comes from"
            )
        return AliasPlan(
            alias=name,
            targets=alias.targets,
            cold=alias.cold.value,
            data=tuple(self._planner.plan(target) for target in here),
        )

    def runs(self, name: str) -> tuple[RunView, ...]:
        """The last loads of a local model, estimate against measured.  Raises NotFound and Conflict as `plan` does."""
        self.check(name)
        return self._planner.runs(name)

    def check(self, name: str) -> None:
        """Raises NotFound, and Conflict for what is not loaded on this machine."""
        check_local(self._catalog(), name)

    async def fit(self, name: str, options: Mapping[str, OptionValue], written: Mapping[str, object]) -> FitView:
        """Whether a local model would fit with other options; `written` are its settings without secrets.

        Raises NotFound, Conflict as `plan`, and RequestError for options that cannot be supposed.
        """
        self.check(name)
        return await self._planner.fit(name, options, written)


def check_local(catalog: Catalog, name: str) -> None:
    """Raises NotFound for a name nobody knows, Conflict for a model that cannot be loaded here."""
    names = list(catalog.names())
    if name not in names:
        hint = did_you_mean(name, names, "models and aliases") or "glowplug models lists them"
        raise NotFound(f"there is no model or alias {name!r}", hint=hint, code="model_not_found")
    if name in {model.name for model in catalog.local}:
        return
    reason = next((model.unavailable for model in catalog.models if model.name == name), "")
    if reason:
        raise Conflict(f"{name} cannot be run: {reason}", hint="glowplug models shows what each model lacks")
    raise Conflict(f"{name} needs no memory of this machine: its provider runs it", hint="name a local model")
