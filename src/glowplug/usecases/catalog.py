"""What is served: the part of the configuration that admins look at and workers route by."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from glowplug.domain.energy import EnergySettings
from glowplug.domain.model import Group, LocalModel
from glowplug.domain.oidc import OidcSettings
from glowplug.domain.scheduling import MemorySettings, SchedulingSettings
from glowplug.domain.snapshot import AliasRoute, Keeping, Limits, ModelRoute
from glowplug.errors import RequestError

LOCALLY = "local"
"""Who serves what an engine here runs."""


class Catalog(msgspec.Struct, frozen=True, kw_only=True):
    """Models, aliases and rules as the configuration in force resolved them.  Holds provider secrets."""

    models: tuple[ModelRoute, ...] = ()
    """Every model, local and remote; rates are for the whole endpoint."""
    local: tuple[LocalModel, ...] = ()
    """The models that an engine here can run."""
    aliases: tuple[AliasRoute, ...] = ()
    memory: MemorySettings = MemorySettings()
    scheduling: SchedulingSettings = SchedulingSettings()
    groups: tuple[Group, ...] = ()
    limits: Limits = Limits()
    keeping: Keeping = Keeping()
    log_retention: float = 604_800.0
    """Seconds for which bodies of requests stay in the log."""
    energy: EnergySettings = EnergySettings()
    oidc: OidcSettings | None = None
    """The identity provider that people log in with."""
    hosts: tuple[str, ...] = ("127.0.0.1", "localhost", "[::1]")
    origins: tuple[str, ...] = ()
    workers: int = 1
    stale: str = ""
    """Why this is not what the file on the disk says; empty when it is."""

    def names(self) -> Iterable[str]:
        """Every name a client may ask for."""
        yield from (model.name for model in self.models)
        yield from (alias.name for alias in self.aliases)

    def providers(self) -> dict[str, str]:
        """Models → who serves them: `local` for engines here, else the provider as it is called in the file."""
        return {model.name: LOCALLY if model.local else model.owner for model in self.models}

    def former(self) -> dict[str, str]:
        """Names that models had → the model now: deprecated aliases of one target, through one another."""
        direct = {one.name: one.targets[0] for one in self.aliases if one.deprecated and len(one.targets) == 1}
        return {name: target for name, target in direct.items() if target not in direct}


def checked_models(models: Iterable[str], known: frozenset[str]) -> tuple[str, ...]:
    """Names of models and aliases that somebody may use, each once.  Raises RequestError for one nobody knows."""
    names = tuple(dict.fromkeys(models))
    for name in names:
        if not _known(name, known):
            raise RequestError(
                f"there is no model or alias {name!r}", hint=f"there are {', '.join(sorted(known)[:20]) or 'none'}"
            )
    return names


def _known(name: str, names: frozenset[str]) -> bool:
    """Whether a model or alias has this name, or one that a `*` at the end of either stands for."""
    if name in names or any(other.endswith("*") and name.startswith(other[:-1]) for other in names):
        return True
    return name.endswith("*") and any(other.startswith(name[:-1]) for other in names)
