"""What the types cannot say of aliases: who is named in them, weights, lists that lead back to where they began."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from glowplug.config.check_local import Found
from glowplug.config.lines import Path
from glowplug.config.nearest import did_you_mean
from glowplug.config.schema import Config
from glowplug.domain.model import Policy

LISTS = ("fallback", "on_context", "on_content")
"""Settings that name models and aliases which are asked instead."""


def check_alias(config: Config, name: str, models: Sequence[str], aliases: Sequence[str]) -> Iterator[Found]:
    """What is wrong with one alias; `models` and `aliases` are all declared names."""
    at: Path = ("aliases", name)
    alias = config.aliases[name]
    if name in models:
        yield Found(at, "a model has the same name", "rename one of the two")
    for number, target in enumerate(alias.targets):
        path: Path = (*at, "targets", number)
        if target in models or served(target, models):
            continue
        if target in aliases:
            yield Found(path, f"{target} is an alias; a target is a model", "list that alias's models instead")
        else:
            yield Found(path, f"there is no model {target}", did_you_mean(target, models, "models"))
    for target in alias.weights:
        if target not in alias.targets:
            hint = did_you_mean(target, alias.targets, "targets")
            yield Found((*at, "weights", target), f"{target} is no target of this alias", hint)
    if alias.weights and not any(alias.weights.get(target, 1) for target in alias.targets):
        yield Found((*at, "weights"), "every target has the weight 0", "give one of them more")
    if alias.weights and alias.policy not in (Policy.WEIGHT, Policy.LEAST_BUSY):
        hint = "add policy: weight, or remove the weights"
        yield Found((*at, "weights"), f"are not used by the policy {alias.policy.value}", hint)
    if alias.deprecated is not None and _moment(alias.deprecated) is None:
        yield Found((*at, "deprecated"), "is no day", "write it as 2026-01-31")
    for setting in LISTS:
        yield from _list((*at, setting), getattr(alias, setting) or (), models, aliases)
        yield from _circle(config, name, setting)


def since(deprecated: str | None) -> int:
    """Unix time of the day in `deprecated`; 0 for none."""
    return _moment(deprecated) or 0 if deprecated else 0


def _moment(day: str) -> int | None:
    try:
        return int(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=UTC).timestamp())
    except ValueError:
        return None


def check_fallback(config: Config, models: Sequence[str], aliases: Sequence[str]) -> Iterator[Found]:
    """What is wrong with `defaults.fallback`."""
    yield from _list(("defaults", "fallback"), config.defaults.fallback, models, aliases)


def served(name: str, models: Sequence[str]) -> bool:
    """Whether a model whose name ends in `*` stands for this name."""
    return any(model.endswith("*") and name.startswith(model[:-1]) and len(name) >= len(model) for model in models)


def _list(at: Path, names: Sequence[str], models: Sequence[str], aliases: Sequence[str]) -> Iterator[Found]:
    known = [*models, *aliases]
    for number, other in enumerate(names):
        if other not in known and not served(other, models):
            hint = did_you_mean(other, known, "models and aliases")
            yield Found((*at, number), f"there is no model or alias {other}", hint)


def _circle(config: Config, name: str, setting: str) -> Iterator[Found]:
    """Whether an alias comes back to itself by what the file says there; what it inherits leaves it out by itself."""
    seen: set[str] = set()
    line = [(other, number) for number, other in enumerate(getattr(config.aliases[name], setting) or ())]
    while line:
        other, number = line.pop(0)
        if other == name:
            path: Path = ("aliases", name, setting, number)
            yield Found(path, f"{setting} leads back to {name}", "remove one of the names in the circle")
            return
        if other not in seen and other in config.aliases:
            seen.add(other)
            line += [(more, number) for more in getattr(config.aliases[other], setting) or ()]
