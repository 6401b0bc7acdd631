"""Models that stay in memory for ever once they were used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from glowplug.doctor.base import Check, Remedy
from glowplug.doctor.litellm_models import theirs
from glowplug.doctor.models import OwnFile, own_file, some
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity

_INSTEAD: Final = "30m"


@dataclass(frozen=True)
class Kept:
    """A model that is never unloaded."""

    subject: str
    says: str
    setting: tuple[str, ...] = ()
    """Where our file says so; empty where it does not."""


@dataclass(frozen=True)
class Facts:
    """The models that are kept, and our file."""

    kept: tuple[Kept, ...]
    own: OwnFile | None


class KeptForever(Check[Facts]):
    """Memory that an idle model holds is missing to the next one; a model that shall be kept is `pinned`."""

    name = "models-kept-forever"
    title = "Idle models give their memory back"
    group = Group.MODELS

    def gather(self, site: Site) -> Facts:
        loaded, foreign = site.loaded, theirs(site).models
        some([*loaded.local_models, *foreign], "are no local models")
        own = own_file(site)
        kept = []
        for model in loaded.local_models:
            if model.keep_alive != inf or model.pinned:
                continue
            at: tuple[str, ...] = ("models", model.name, "keep_alive")
            if loaded.config.models[model.name].keep_alive is None:
                at = ("defaults", "keep_alive")
            mine = own is not None and own.says(*at)
            kept.append(Kept(f"model {model.name}", f"{'.'.join(at)} is -1", at if mine else ()))
        for one in foreign:
            asked = str(one.params.get("keep_alive", ""))
            if one.local and asked.startswith("-"):
                kept.append(Kept(f"{one.where} ({one.name})", f"keep_alive: {asked}"))
        return Facts(tuple(kept), own)

    def inspect(self, facts: Facts) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=one.subject,
                summary="stays in memory for ever once it was used",
                evidence=(one.says,),
                consequence="Its memory is missing to every other model, and it takes power while nobody uses it.",
                advice=f"Say keep_alive: {_INSTEAD}; a model that shall never make room is `pinned: true`.",
            )
            for one in facts.kept
        ]

    def remedy(self, facts: Facts) -> Remedy | None:
        settings = list(dict.fromkeys(one.setting for one in facts.kept if one.setting))
        if not settings or facts.own is None:
            return None
        said = ", ".join(".".join(setting) for setting in settings)
        action = facts.own.with_fields([(setting, _INSTEAD) for setting in settings], f"set {said} to {_INSTEAD}")
        risk = "The first request after half an hour of silence waits until the model is loaded again."
        return None if action is None else Remedy(actions=[action], risk=risk)
