"""Names of models that do not follow the convention, and what they could be called.  Pure: nothing is renamed here."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec

from glowplug.domain.model import Capability
from glowplug.domain.naming import Facts, Naming
from glowplug.usecases.catalog import Catalog


@dataclass(frozen=True)
class Served:
    """A model, as far as its name depends on it."""

    name: str
    place: str
    """The engine, or the provider by its name in the configuration."""
    source: str
    """Weights or the upstream's id."""
    capabilities: tuple[Capability, ...] = ()


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A model that should be called something else."""

    name: str
    proposed: str
    why: str
    """Goes on after the name: `does not begin with …`."""
    command: str
    """The line that renames it."""


def proposals(models: Iterable[Served], places: Iterable[str], taken: Collection[str] = ()) -> tuple[Proposal, ...]:
    """One for each model that does not follow, in their order; none is proposed twice or is among `taken`.

    A name that stands for many is left out, because it cannot be renamed.  Raises ValueError for a model whose place
    is not among `places`.
    """
    served = [model for model in models if not model.name.endswith("*")]
    naming = Naming(places)
    used = {*taken, *(model.name for model in served)}
    found: list[Proposal] = []
    for model in served:
        why = naming.objection(model.name, model.place)
        if not why:
            continue
        new = naming.propose(Facts(model.source or model.name, model.place, model.capabilities), used)
        used.add(new)
        command = shlex.join(("glowplug", "rename", model.name, new))
        found.append(Proposal(name=model.name, proposed=new, why=why, command=command))
    return tuple(found)


def better(catalog: Catalog) -> tuple[Proposal, ...]:
    """Proposals for the models of the configuration in force.

    A local model that no engine here can run is left out: nothing says what engine its name should end with.
    """
    local = {model.name: model for model in catalog.local}
    models: list[Served] = []
    for route in catalog.models:
        if (one := local.get(route.name)) is not None:
            models.append(Served(one.name, one.engine, one.id or one.path, one.capabilities))
        elif not route.local and route.owner:
            models.append(Served(route.name, route.owner, route.upstream_model, route.capabilities))
    return proposals(models, {model.place for model in models}, set(catalog.names()))
