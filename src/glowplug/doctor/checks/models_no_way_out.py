"""Aliases all of whose targets are on this machine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.values import as_dict
from glowplug.doctor.base import Check, NothingToLookAt
from glowplug.doctor.litellm_models import Theirs, theirs
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
    foreign: tuple[str, ...]
    """Defaults and aliases of LiteLLM's whose every deployment is here."""


class NoWayOut(Check[Facts]):
    """An engine that cannot load, or a machine that is busy, is the end for an alias that knows nothing else."""

    name = "models-no-way-out"
    title = "Aliases have a target that does not depend on this machine"
    group = Group.MODELS

    def gather(self, site: Site) -> Facts:
        models = {route.name: route for route in site.loaded.routes}
        there = theirs(site)
        ours = any(_away(route) for route in models.values())
        out = any(not one.local for one in there.models)
        if not ours and not out:
            raise NothingToLookAt("every model is on this machine or beside it")
        aliases = tuple(alias for alias in site.loaded.aliases if not alias.deprecated) if ours else ()
        # A model that cannot be seen may be one that is away.
        foreign = tuple(_shut(there)) if out and there.complete else ()
        if not aliases and not out:
            raise NothingToLookAt("there are no aliases")
        return Facts(aliases, models, foreign)

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        known = {alias.name: alias for alias in facts.aliases}
        ours = [
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
        foreign = [
            Finding(
                check=self.name,
                severity=Severity.WARNING if name in _DEFAULT else Severity.NOTE,
                subject=f"LiteLLM's {name}",
                summary="has no deployment that is not on this machine or beside it, and no fallback to one",
                consequence="When its server is busy or gone, nobody answers.",
                advice="Add a fallback to router_settings.fallbacks, where that may leave the house.",
            )
            for name in facts.foreign
        ]
        return [*ours, *foreign]


def _shut(there: Theirs) -> Iterator[str]:
    """LiteLLM's defaults and aliases that lead to nothing but local deployments."""
    document = there.document
    away = {one.name for one in there.models if not one.local}
    here = {one.name for one in there.models} - away
    lists: dict[str, set[str]] = {}
    everybody: set[str] = set()
    aliases: dict[str, Value] = {}
    for section in ("router_settings", "litellm_settings"):
        settings = as_dict(document.get(section))
        everybody |= _names(settings.get("default_fallbacks"))
        aliases |= as_dict(settings.get("model_group_alias"))
        entries = settings.get("fallbacks")
        for entry in entries if isinstance(entries, list) else []:
            for source, targets in as_dict(entry).items():
                lists.setdefault(source, set()).update(_names(targets))
    for name in (*(name for name in sorted(here) if name in _DEFAULT), *aliases):
        said = aliases.get(name, name)
        target = said if isinstance(said, str) else str(as_dict(said).get("model") or "")
        others = everybody | lists.get(name, set()) | lists.get(target, set()) | lists.get("*", set())
        if target in here and not others & away:
            yield name


def _names(value: Value) -> set[str]:
    return {one for one in value if isinstance(one, str)} if isinstance(value, list) else set()


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
