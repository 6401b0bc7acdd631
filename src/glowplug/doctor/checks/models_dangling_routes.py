"""Names that lead nowhere, or back to where they began."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.config.readers.foreign import Value
from glowplug.config.readers.values import as_dict
from glowplug.doctor.base import Check, CouldNotLook, NothingToLookAt
from glowplug.doctor.litellm_models import theirs
from glowplug.doctor.models import ROUTES
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.errors import ConfigError, Problem

_NOWHERE: Final = re.compile(r"there is no |leads back to|is an alias; ")
_LISTS: Final = ("fallbacks", "context_window_fallbacks", "content_policy_fallbacks")
_SECTIONS: Final = ("router_settings", "litellm_settings")


@dataclass(frozen=True)
class Route:
    """A name that is asked instead of another."""

    where: str
    source: str
    """Empty: everything."""
    target: str


@dataclass(frozen=True)
class Facts:
    """What our configuration is refused for, and LiteLLM's names and routes."""

    path: str
    problems: tuple[Problem, ...]
    names: frozenset[str]
    routes: tuple[Route, ...]


class DanglingRoutes(Check[Facts]):
    """An alias, a fallback or a default that names a model which is not there fails when it is needed."""

    name = "models-dangling-routes"
    title = "Aliases, fallbacks and defaults lead to models that are there"
    group = Group.MODELS

    def gather(self, site: Site) -> Facts:
        refused: tuple[Problem, ...] = ()
        aliases = False
        try:
            loaded = site.loaded
        except ConfigError as error:
            refused = tuple(problem for problem in error.problems if ROUTES.match(problem.path))
            if not refused:
                raise CouldNotLook(error.message) from None
        else:
            refused = tuple(p for p in loaded.warnings if ROUTES.match(p.path) and _NOWHERE.search(p.message))
            aliases = bool(loaded.aliases or loaded.config.defaults.fallback)
        there = theirs(site)
        names = there.names | {route.source for route in _aliases(there.document)}
        routes = tuple(_routes(there.document))
        if not refused and not aliases and not routes:
            raise NothingToLookAt("no alias, fallback or default names a model")
        return Facts(str(site.config or ""), refused, frozenset(names), routes)

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        ours = [
            Finding(
                check=self.name,
                severity=Severity.WARNING if problem.file else Severity.ERROR,
                subject=problem.path,
                summary=problem.message,
                evidence=(f"{problem.file or facts.path}, line {problem.line}",),
                consequence="The entry is left out." if problem.file else "The file is refused as a whole.",
                advice=problem.hint or "Name a model that is there, or remove the name.",
            )
            for problem in facts.problems
        ]
        return [*ours, *self._foreign(facts)]

    def _foreign(self, facts: Facts) -> Iterator[Finding]:
        follow: dict[str, list[str]] = {}
        for route in facts.routes:
            if route.source and not _known(route.target, facts.names):
                yield self._lost(route, f"leads to {route.target!r}, which is no model there")
            elif not _known(route.target, facts.names):
                yield self._lost(route, f"names {route.target!r}, which is no model there")
            elif route.source and not _known(route.source, facts.names):
                yield self._lost(route, f"is for {route.source!r}, which is no model there")
            elif route.source:
                follow.setdefault(f"{route.where.rpartition('[')[0] or route.where}|{route.source}", []).append(
                    route.target
                )
        for place, targets in follow.items():
            where, _, source = place.rpartition("|")
            if "alias" in where and source in _reached(where, targets, follow):
                yield Finding(
                    check=self.name, severity=Severity.ERROR, subject=f"LiteLLM's {where}: {source}",
                    summary="leads back to itself", consequence="Whoever asks for it gets an error.",
                    advice="Remove one of the names in the circle.",
                )  # fmt: skip

    def _lost(self, route: Route, what: str) -> Finding:
        return Finding(
            check=self.name,
            severity=Severity.ERROR,
            subject=f"LiteLLM's {route.where}",
            summary=what,
            consequence="What should answer in its place does not, and the first failure is the answer.",
            advice="Name a model of the `model_list`, or remove the entry.",
        )


def _routes(document: Mapping[str, Value]) -> Iterator[Route]:
    yield from _aliases(document)
    for section in _SECTIONS:
        settings = as_dict(document.get(section))
        for name in _LISTS:
            entries = settings.get(name)
            for number, entry in enumerate(entries if isinstance(entries, list) else []):
                for source, targets in as_dict(entry).items():
                    where = f"{section}.{name}[{number}]"
                    every = targets if isinstance(targets, list) else [targets]
                    # A fallback may bring its own parameters; the model in them is not looked up.
                    yield from (Route(where, source, one) for one in every if isinstance(one, str))
        everybody = settings.get("default_fallbacks")
        for one in everybody if isinstance(everybody, list) else []:
            if isinstance(one, str):
                yield Route(f"{section}.default_fallbacks", "", one)


def _aliases(document: Mapping[str, Value]) -> Iterator[Route]:
    for name, target in as_dict(as_dict(document.get("router_settings")).get("model_group_alias")).items():
        found = target if isinstance(target, str) else as_dict(target).get("model")
        if isinstance(found, str):
            yield Route("router_settings.model_group_alias", name, found)


def _known(name: str, names: frozenset[str]) -> bool:
    """Whether a model has this name, or one with a star that stands for it."""
    return name in ("", "*") or any(
        name == one or (one.endswith("*") and name.startswith(one.removesuffix("*"))) for one in names
    )


def _reached(where: str, targets: list[str], follow: Mapping[str, list[str]]) -> set[str]:
    seen: set[str] = set()
    line = list(targets)
    while line:
        name = line.pop()
        if name not in seen:
            seen.add(name)
            line += follow.get(f"{where}|{name}", [])
    return seen
