"""Names of models that do not say what they are and where they run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.config.readers.litellm.keys_model import CAPABILITIES
from glowplug.config.readers.litellm.prefixes import KNOWN, PREFIXES, split
from glowplug.doctor.base import Check
from glowplug.doctor.litellm_models import theirs
from glowplug.doctor.models import Listed, some
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.domain.model import Capability
from glowplug.usecases.names import Proposal, Served, proposals

_SHOWN: Final = 10
"""Of LiteLLM's names."""


@dataclass(frozen=True)
class Facts:
    """What could be called better."""

    ours: tuple[Proposal, ...]
    theirs: tuple[Proposal, ...] = ()
    judged: int = 0
    """LiteLLM's names of which is known what they stand for."""


class Names(Check[Facts]):
    """`chat-hermes-llamacpp` says what can be asked for and what answers; `hermes` says neither.

    A LiteLLM is told only where it has names that follow: one where none does has another convention, or none.
    """

    name = "models-names"
    title = "Names of models say what they are for and where they run"
    group = Group.MODELS

    def gather(self, site: Site) -> Facts:
        loaded = site.loaded
        listed = theirs(site).models
        some([*loaded.routes, *listed], "are no models")
        local = {model.name: model for model in loaded.local_models}
        served = []
        for route in loaded.routes:
            if (one := local.get(route.name)) is not None:
                served.append(Served(one.name, one.engine, one.id or one.path, one.capabilities))
            elif not route.local and route.owner:
                served.append(Served(route.name, route.owner, route.upstream_model, route.capabilities))
        taken = {*(route.name for route in loaded.routes), *(alias.name for alias in loaded.aliases)}
        ours = proposals(served, {model.place for model in served}, taken)
        judged = tuple(_judged(listed))
        names = {one.name for one in listed}
        return Facts(ours, proposals(judged, {model.place for model in judged}, names), len(judged))

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        found = [
            Finding(
                check=self.name,
                severity=Severity.NOTE,
                subject=f"model {one.name}",
                summary=one.why,
                consequence="Who reads it in a list or a bill has to look up what it is.",
                advice=f"`{one.command}` renames it everywhere and keeps the old name as an alias.",
            )
            for one in facts.ours
        ]
        if 0 < len(facts.theirs) < facts.judged:
            found.append(self._theirs(facts))
        return found

    def _theirs(self, facts: Facts) -> Finding:
        lines = [f"{one.name} {one.why}: {one.proposed}" for one in facts.theirs[:_SHOWN]]
        if len(facts.theirs) > _SHOWN:
            lines.append(f"and {len(facts.theirs) - _SHOWN} more")
        return Finding(
            check=self.name,
            severity=Severity.NOTE,
            subject="LiteLLM's names",
            summary=f"do not all follow: {len(facts.theirs)} of {facts.judged} say less than the others",
            evidence=tuple(lines),
            consequence="Who reads them in a list or a bill has to look up what they are.",
            advice="Import them as they are: `glowplug names` proposes these, and `glowplug rename` keeps the old.",
        )


def _judged(listed: Sequence[Listed]) -> Iterator[Served]:
    """Those of which is known what answers.  A name with several deployments is left out, as one that leads on is."""
    for one in listed:
        if not one.name or "*" in one.name or sum(other.name == one.name for other in listed) > 1:
            continue
        prefix, source = split(one.model, str(one.params.get("custom_llm_provider") or ""))
        if prefix not in KNOWN or not source:
            continue
        row = PREFIXES.get(prefix)
        place = (row.engine or row.row or row.name) if row is not None else prefix
        # Behind the wire of a provider at an address of one's own is anything.
        if one.local and not (row is not None and row.engine):
            continue
        yield Served(one.name, place, source, _asked(one))


def _asked(one: Listed) -> tuple[Capability, ...]:
    """What it can be asked for, as far as its mode says so."""
    return tuple(map(Capability, CAPABILITIES.get(str(one.info.get("mode")), ())))
