"""Names of models that do not say what they are and where they run."""

from __future__ import annotations

from collections.abc import Sequence

from glowplug.doctor.base import Check
from glowplug.doctor.models import some
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.usecases.names import Proposal, Served, proposals


class Names(Check[tuple[Proposal, ...]]):
    """`chat-hermes-llamacpp` says what can be asked for and what answers; `hermes` says neither."""

    name = "models-names"
    title = "Names of models say what they are for and where they run"
    group = Group.MODELS

    def gather(self, site: Site) -> tuple[Proposal, ...]:
        loaded = site.loaded
        some(loaded.routes, "are no models")
        local = {model.name: model for model in loaded.local_models}
        served = []
        for route in loaded.routes:
            if (one := local.get(route.name)) is not None:
                served.append(Served(one.name, one.engine, one.id or one.path, one.capabilities))
            elif not route.local and route.owner:
                served.append(Served(route.name, route.owner, route.upstream_model, route.capabilities))
        taken = {*(route.name for route in loaded.routes), *(alias.name for alias in loaded.aliases)}
        return proposals(served, {model.place for model in served}, taken)

    def inspect(self, facts: tuple[Proposal, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.NOTE,
                subject=f"model {one.name}",
                summary=one.why,
                consequence="Who reads it in a list or a bill has to look up what it is.",
                advice=f"`{one.command}` renames it everywhere and keeps the old name as an alias.",
            )
            for one in facts
        ]
