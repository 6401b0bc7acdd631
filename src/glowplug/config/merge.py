"""What was read from elsewhere, put into a configuration that is there; pure.

An entry that is there stays.  A provider that is another one under the same name gets a name of its own, because models
that came with it would be asked somewhere else; everything else under a name that is taken is left and reported.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from glowplug.config.catalogue import EngineCatalogue, ProviderCatalogue
from glowplug.config.edit import Did, Entry, put_all, same
from glowplug.config.readers.foreign import Foreign, LocalOffer, Note, Value
from glowplug.config.readers.names import Names
from glowplug.config.readers.notes import Notes
from glowplug.config.readers.plain import read_plain
from glowplug.config.readers.values import as_dict, as_text

_NAMES: Final = ("models", "aliases")
"""Sections that share their names."""

Tree = dict[str, dict[str, Value]]


@dataclass(frozen=True)
class Placed:
    """What became of one entry."""

    section: str
    name: str
    did: Did


@dataclass(frozen=True)
class Merged:
    """The new text, what became of each entry, and notes on those that are not as they were read."""

    text: str
    placed: tuple[Placed, ...]
    notes: tuple[Note, ...]

    def count(self, section: str, did: Did) -> int:
        return sum(one.section == section and one.did is did for one in self.placed)

    @property
    def sections(self) -> tuple[str, ...]:
        """Those that anything was wanted in, in the order of the document."""
        return tuple(dict.fromkeys(one.section for one in self.placed))


def merge(
    text: str, foreign: Foreign, *, providers: ProviderCatalogue, engines: EngineCatalogue, managed: bool = False
) -> Merged:
    """`text` with all of a foreign document; with `managed` local engines become models that Glowplug starts.

    Raises ConfigError when `text` cannot be edited.
    """
    notes = Notes()
    there = read_plain(text, "the configuration").values
    tree: Tree = {section: dict(as_dict(entries)) for section, entries in foreign.document.items()}
    if managed:
        _manage(tree, foreign.offers, engines, notes)
    _rename_providers(tree, as_dict(there.get("providers")), providers, notes)
    entries, placed = [], []
    for section, found in tree.items():
        for name, value in found.items():
            other = next((s for s in _NAMES if s != section and name in as_dict(there.get(s))), "")
            if section in _NAMES and other:
                notes.left(f"{section}.{name}", name, f"{other}.{name} is there already, and names are used once")
                placed.append(Placed(section, name, Did.CONFLICT))
            else:
                entries.append(Entry(section, name, value, foreign.source))
    new, did = put_all(text, entries)
    for entry, one in zip(entries, did, strict=True):
        placed.append(Placed(entry.section, entry.name, one))
        if one is Did.CONFLICT:
            why = "the configuration has it and says something else, which stays"
            notes.left(f"{entry.section}.{entry.name}", entry.name, why, "compare the two")
    return Merged(new, tuple(placed), notes.all())


def startable(offer: LocalOffer, engines: EngineCatalogue) -> bool:
    """Whether everything is known that its engine needs."""
    if offer.engine not in engines.names():
        return False
    return all(any(field in offer.managed for field in need.split("|")) for need in engines.needs(offer.engine))


def _manage(tree: Tree, offers: tuple[LocalOffer, ...], engines: EngineCatalogue, notes: Notes) -> None:
    models = tree.get("models", {})
    before = _used(models)
    for offer in offers:
        plain = as_dict(models.get(offer.model))
        if offer.model not in models:
            continue
        if not startable(offer, engines):
            what = " and ".join(engines.needs(offer.engine)) if offer.engine in engines.names() else "its command"
            why = f"Glowplug cannot start it without {what.replace('|', ' or ')}; it is asked where it runs"
            notes.changed(f"models.{offer.model}", offer.base_url, why, "write that into its entry, with `engine`")
            continue
        kept = {key: value for key, value in plain.items() if key == "former_ids"}
        models[offer.model] = {**kept, **offer.managed}
        notes.changed(f"models.{offer.model}", offer.base_url, f"Glowplug starts and stops it ({offer.why})")
    for name in before - _used(models):
        tree.get("providers", {}).pop(name, None)
    for section in [section for section, entries in tree.items() if not entries]:
        del tree[section]


def _used(models: Mapping[str, Value]) -> set[str]:
    return {as_text(as_dict(model).get("provider")) for model in models.values()} - {""}


def _rename_providers(tree: Tree, there: Mapping[str, Value], rows: ProviderCatalogue, notes: Notes) -> None:
    wanted = tree.get("providers", {})
    names = Names(wanted)
    renamed: dict[str, str] = {}
    result: dict[str, Value] = {}
    for name, value in wanted.items():
        if name not in there or same(there[name], value):
            result[name] = value
            continue
        entry = dict(as_dict(value))
        if name in rows and "type" not in entry:
            entry = {"type": name, **entry}
        new = names.take(name)
        while new in there and not same(there[new], entry):
            new = names.take(name)
        renamed[name], result[new] = new, entry
        why = f"the configuration has another provider of that name; this one is called {new}"
        notes.changed(f"providers.{name}", name, why)
    if renamed:
        tree["providers"] = result
        for name, model in tree.get("models", {}).items():
            provider = as_text(as_dict(model).get("provider"))
            if provider in renamed:
                tree["models"][name] = {**as_dict(model), "provider": renamed[provider]}
