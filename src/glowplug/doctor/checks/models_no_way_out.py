"""Aliases all of whose targets are on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.models import Far, far
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.domain.snapshot import AliasRoute, ModelRoute

_DEFAULT: Final = ("default", "chat", "auto")
"""What people call the alias that everything uses."""


@dataclass(frozen=True)
class Facts:
    """The routes there are."""

    aliases: tuple[AliasRoute, ...]
    models: Mapping[str, ModelRoute]


class NoWayOut(Check[Facts]):
    """An engine that cannot load, or a machine that is busy, is the end for an alias that knows nothing else."""

    name = "models-no-way-out"
    title = "Aliases have a target that does not depend on this machine"
    group = Group.MODELS

    def gather(self, site: Site) -> Facts:
        models = {route.name: route for route in site.loaded.routes}
        if not any(_away(route) for route in models.values()):
            raise NothingToLookAt("every model is on this machine or beside it")
        aliases = tuple(alias for alias in site.loaded.aliases if not alias.deprecated)
        if not aliases:
            raise NothingToLookAt("there are no aliases")
        return Facts(aliases, models)

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        known = {alias.name: alias for alias in facts.aliases}
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING if alias.name in _DEFAULT else Severity.NOTE,
                subject=f"alias {alias.name}",
                summary="has no target that is not on this machine",
                evidence=(f"its targets: {', '.join(alias.targets)}", *_lost(alias, facts.models)),
                consequence="When its engine cannot be loaded or is busy, nobody answers.",
                advice=f"Add a provider's model to aliases.{alias.name}.fallback, where that may leave the house.",
            )
            for alias in facts.aliases
            if not _leaves(alias, known, facts.models, set())
        ]


def _away(route: ModelRoute) -> bool:
    return not route.local and far(route.base_url) is Far.AWAY


def _lost(alias: AliasRoute, models: Mapping[str, ModelRoute]) -> list[str]:
    """Targets that would be a way out and cannot be used."""
    there = [models[name] for name in alias.targets if name in models]
    return [f"{route.name}: {route.unavailable}" for route in there if _away(route) and route.unavailable]


def _leaves(
    alias: AliasRoute, known: Mapping[str, AliasRoute], models: Mapping[str, ModelRoute], seen: set[str]
) -> bool:
    seen.add(alias.name)
    for name in (*alias.targets, *alias.fallback):
        route = models.get(name)
        if route is not None and _away(route) and not route.unavailable:
            return True
        if route is None and name not in known:
            return True  # a name with a star stands for it, which only a provider's has
        if name in known and name not in seen and _leaves(known[name], known, models, seen):
            return True
    return False
