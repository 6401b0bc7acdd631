"""Deployments under their public names → models, and an alias for each name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from glowplug.config.check_routing import served
from glowplug.config.nearest import did_you_mean
from glowplug.config.readers.foreign import LocalOffer, Value
from glowplug.config.readers.litellm.connections import Connection
from glowplug.config.readers.litellm.models import Deployment, Models
from glowplug.config.readers.litellm.policies import POLICIES, Member, arranged
from glowplug.config.readers.names import Names, fits, fitting
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_text, is_true, number


@dataclass
class Built:
    """What is made so far."""

    providers: dict[str, Value] = field(default_factory=dict)
    models: dict[str, Value] = field(default_factory=dict)
    aliases: dict[str, dict[str, Value]] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """LiteLLM's public names → ours."""
    followers: dict[str, list[str]] = field(default_factory=dict)
    """Public name of a group → our aliases that stand for the same."""
    ids: dict[str, str] = field(default_factory=dict)
    """LiteLLM's id of a deployment → our model."""
    offers: list[LocalOffer] = field(default_factory=list)


Usable = list[tuple[Deployment, Connection]]


class Groups:
    """Builds models and aliases from the deployments that can be used."""

    def __init__(self, models: Models, notes: Notes, *, strategy: str, cancels: bool) -> None:
        self._models = models
        self._notes = notes
        self._strategy = strategy
        self._cancels = cancels
        self._provider_names = Names()
        self._providers: dict[str, str] = {}

    def build(self, usable: Usable, stand_ins: Mapping[str, Value]) -> Built:
        """`stand_ins` is `model_group_alias`."""
        built = Built()
        groups: dict[str, Usable] = {}
        for deployment, connection in usable:
            groups.setdefault(deployment.group, []).append((deployment, connection))
        taken = Names()
        # Names that can be kept are, whatever else becomes like them.
        for group in sorted((*groups, *stand_ins), key=lambda name: not fits(name)):
            if group not in built.names and "*" not in group:
                built.names[group] = self._public(group, taken)
        for group, members in groups.items():
            if "*" in group:
                self._many(group, members, built, taken)
            else:
                self._group(group, members, built, taken)
        self._stand_ins(stand_ins, groups, built)
        return built

    def _public(self, group: str, taken: Names) -> str:
        name = taken.take(group)
        if name != group:
            self._notes.changed(group, f"the name {name}", "names are made of letters, digits and . _ : / @ -")
        return name

    def _group(self, group: str, members: Usable, built: Built, taken: Names) -> None:
        name = built.names[group]
        ours: list[Member] = []
        for deployment, connection in members:
            model = taken.take(f"{fitting(name, 160)}-{connection.label}")
            self._put(model, deployment, connection, built)
            numbers = {key: number(deployment.params.get(key)) for key in ("weight", "rpm", "tpm", "order")}
            ours.append(Member(model, numbers["weight"], numbers["rpm"], numbers["tpm"], numbers["order"]))
        policy, why = POLICIES.get(self._strategy, ("weight", "there is no such policy; targets are drawn by weight"))
        if why and len(ours) > 1:
            self._notes.changed("router_settings.routing_strategy", self._strategy, why)
        built.aliases[name] = arranged(group, ours, policy, self._notes)

    def _put(self, model: str, deployment: Deployment, connection: Connection, built: Built) -> None:
        built.models[model] = self._models.entry(deployment, connection, self._provider(connection, built))
        if deployment.id:
            built.ids.setdefault(deployment.id, model)
        self._notes.taken(deployment.where, f"{deployment.group} is the model {model}")
        if offer := self._models.offer(deployment, connection, model):
            built.offers.append(offer)

    def _provider(self, connection: Connection, built: Built) -> str:
        """The entry of the same connection, or a new one."""
        entry = dict(connection.entry)
        if self._cancels:
            entry["on_disconnect"] = "cancel"
        same = repr(entry)
        name = self._providers.get(same)
        if name is None:
            name = self._providers[same] = self._provider_names.take(connection.label)
            if entry.get("type") == name and "base_url" not in entry:
                del entry["type"]  # its name says it
            built.providers[name] = entry
        return name

    def _many(self, group: str, members: Usable, built: Built, taken: Names) -> None:
        """A name that stands for many is one model, named just so."""
        if group.count("*") > 1 or not group.endswith("*") or not (group == "*" or fits(group[:-1].rstrip("/") or "x")):
            for deployment, _ in members:
                self._notes.refused(deployment.where, group, "a * stands at the end of a name, once")
            return
        (deployment, connection), *others = members
        taken.reserve(group)
        built.names[group] = group
        self._put(group, deployment, connection, built)
        for other, _ in others:
            self._notes.left(
                other.where, group, "a name that stands for many has one model", "name the models that need two"
            )

    def _stand_ins(self, stand_ins: Mapping[str, Value], groups: Mapping[str, Usable], built: Built) -> None:
        for public, value in stand_ins.items():
            at = f"router_settings.model_group_alias.{public}"
            group = as_text(as_dict(value).get("model")) if isinstance(value, dict) else as_text(value)
            if is_true(as_dict(value).get("hidden")):
                self._notes.changed(at, "hidden", "every name that a key may use is listed")
            if group in stand_ins and group not in groups:
                inner = stand_ins[group]
                group = as_text(as_dict(inner).get("model")) if isinstance(inner, dict) else as_text(inner)
            name = built.names.get(public, "")
            if "*" in public or not name:
                self._notes.refused(at, public, "a * stands in no alias")
                continue
            if name in built.aliases and public != group and group in groups:
                self._notes.changed(at, public, "there are deployments of that name too; the alias goes before them")
            if group in groups and built.names.get(group) in built.aliases and group != public:
                built.aliases[name] = dict(built.aliases[built.names[group]])
                built.followers.setdefault(group, []).append(name)
            elif "*" not in group and fits(group) and name != group and served(group, list(built.models)):
                built.aliases[name] = {"targets": [group]}
            elif name not in built.aliases:
                del built.names[public]
                self._notes.refused(
                    at, group or public, "there is no such model", did_you_mean(group, groups, "models")
                )
                continue
            self._notes.taken(at, f"{public} stands for {group}")
