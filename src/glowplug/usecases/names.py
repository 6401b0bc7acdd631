"""Names of models that do not follow the convention, and what they could be called.  Pure: nothing is renamed here."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import msgspec

from glowplug.domain.model import Capability
from glowplug.domain.naming import Facts, Naming


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
