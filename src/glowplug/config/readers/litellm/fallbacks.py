"""LiteLLM's three kinds of fallbacks → `fallback`, `on_context`, `on_content` of aliases, and `defaults.fallback`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from glowplug.config.check_routing import served
from glowplug.config.nearest import did_you_mean
from glowplug.config.readers.foreign import Value
from glowplug.config.readers.names import fits
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.values import as_dict, as_list, as_text, as_words

KINDS: Final = {
    "fallbacks": "fallback", "context_window_fallbacks": "on_context", "content_policy_fallbacks": "on_content",
}  # fmt: skip
"""LiteLLM's list → ours."""
Aliases = dict[str, dict[str, Value]]


class Fallbacks:
    """Puts the lists into aliases that have their targets already."""

    def __init__(
        self, names: Mapping[str, str], followers: Mapping[str, list[str]], aliases: Aliases, models: list[str],
        notes: Notes,
    ) -> None:  # fmt: skip
        """`names`: public names → names of aliases or of models that stand for many; `followers`: public names → more
        aliases of the same; `models`: all of ours."""
        self._names = names
        self._followers = followers
        self._aliases = aliases
        self._models = models
        self._notes = notes

    def put(self, where: Mapping[str, str], lists: Mapping[str, Value], default: Value) -> list[str]:
        """`lists` by LiteLLM's names, `where` each of them stands; `default`: `default_fallbacks`.

        Gives what `defaults.fallback` is to be.
        """
        everybody: list[str] = []
        for kind, setting in KINDS.items():
            at = where.get(kind, kind)
            rest = self._named(at, setting, lists.get(kind))
            if setting == "fallback":
                everybody += rest
            elif rest:
                for alias in self._aliases:
                    if setting not in self._aliases[alias]:
                        self._add(f'{at}["*"]', alias, setting, [name for name in rest if name != alias])
        at = where.get("default_fallbacks", "default_fallbacks")
        everybody += [name for other in as_words(default) if (name := self._known(at, other))]
        return list(dict.fromkeys(everybody))

    def _named(self, at: str, setting: str, value: Value) -> list[str]:
        """Put in every entry that is for somebody; gives what is for all the others."""
        rest: list[str] = []
        # An entry of just this name goes before one for the name behind a provider's prefix.
        for number, group, others in sorted(self._entries(at, value), key=lambda entry: entry[1] not in self._names):
            place = f"{at}[{number}].{group}"
            found = [name for other in others if (name := self._known(place, other))]
            aliases = [*self._of(group), *self._followers.get(group, ())]
            if group == "*":
                rest += found
            elif aliases:
                for alias in aliases:
                    if setting not in self._aliases[alias]:
                        self._add(place, alias, setting, found)
            else:
                many = group in self._names or served(group, self._models)
                why = "a model that stands for many has no fallback" if many else "there is no such model"
                self._notes.left(place, group, why, "make an alias of it" if many else "")
        return rest

    def _entries(self, at: str, value: Value) -> Iterator[tuple[int, str, list[Value]]]:
        for number, item in enumerate(as_list(value)):
            if not isinstance(item, dict):
                self._notes.left(f"{at}[{number}]", "an entry", "it must say for whom: {model: [others]}")
                continue
            for group, others in item.items():
                yield number, group, as_list(others)

    def _known(self, place: str, other: Value) -> str:
        """Our name of a fallback; empty when there is none."""
        if isinstance(other, dict):
            name = as_text(other.get("model"))
            if len(other) > 1:
                self._notes.left(place, name or "a fallback", "a fallback changes nothing of the request but the model")
        else:
            name = as_text(other)
        if name in self._names:
            name = self._names[name]
        if name in self._aliases or name in self._models or (fits(name) and served(name, self._models)):
            return name
        self._notes.refused(
            place, name or "no name", "there is no such model", did_you_mean(name, self._names, "models")
        )
        return ""

    def _of(self, group: str) -> list[str]:
        """The aliases an entry is for: that of its name, else those whose name is it behind a provider's prefix."""
        if group in self._names:
            return [self._names[group]] if self._names[group] in self._aliases else []
        return [ours for name, ours in self._names.items() if name.partition("/")[2] == group and ours in self._aliases]

    def _add(self, place: str, alias: str, setting: str, found: list[str]) -> None:
        """Without what leads back to the alias: our file takes no circles, so there the models behind it are named."""
        names: list[str] = []
        for other in found:
            if other == alias:
                self._notes.left(place, other, "it is itself")
            elif other in self._aliases and self._reaches(other, alias, setting):
                self._notes.changed(place, other, f"it leads back to {alias}, so its models are named instead")
                names += as_words(self._aliases[other].get("targets"))
            else:
                names.append(other)
        self._aliases[alias][setting] = list(dict.fromkeys(names))

    def _reaches(self, start: str, goal: str, setting: str) -> bool:
        seen, line = {start}, [start]
        while line:
            for other in as_words(self._aliases[line.pop()].get(setting)):
                if other == goal:
                    return True
                if other in self._aliases and other not in seen:
                    seen.add(other)
                    line.append(other)
        return False


def lists_of(
    router: Mapping[str, Value], litellm: Mapping[str, Value], changed: Callable[[str], None]
) -> tuple[dict[str, str], dict[str, Value], Value]:
    """(where each list stands, the lists, `default_fallbacks`): those of `router_settings` win; `changed` is told of
    every list that another beats."""
    where: dict[str, str] = {}
    lists: dict[str, Value] = {}
    for kind in (*KINDS, "default_fallbacks"):
        for section, settings in (("router_settings", router), ("litellm_settings", litellm)):
            value = settings.get(kind)
            if value is None or value == []:
                continue
            if kind in lists:
                changed(f"{section}.{kind}")
                continue
            where[kind], lists[kind] = f"{section}.{kind}", as_dict(value) or value
    default = lists.pop("default_fallbacks", None)
    return where, {kind: [value] if isinstance(value, dict) else value for kind, value in lists.items()}, default
