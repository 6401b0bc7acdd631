"""What another import does to what an earlier one brought, field by field: what changed there and not here changes
here, what changed here stays.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from glowplug.store.imported import Fields, Mark


@dataclass(frozen=True)
class Followed:
    """What is to be done with the rows of one kind, by id."""

    new: list[str] = field(default_factory=list)
    """Not here yet."""
    updates: dict[str, dict[str, object]] = field(default_factory=dict)
    """Here, unchanged since the last import, and another there: the fields that become so."""
    kept: dict[str, list[str]] = field(default_factory=dict)
    """Fields that are another there and were changed here, too: they stay."""
    gone: list[str] = field(default_factory=list)
    """Not there any more, and unchanged here."""
    orphans: list[str] = field(default_factory=list)
    """Not there any more, and changed here: they stay."""
    marks: dict[str, Mark] = field(default_factory=dict)
    """To be remembered for the next import."""
    forgotten: list[str] = field(default_factory=list)
    """Not to be remembered any more."""


def follow(
    there: Mapping[str, Fields],
    here: Mapping[str, Fields],
    marks: Mapping[str, Mark],
    source: str,
    *,
    ends: bool,
    apart: Collection[str] = (),
) -> Followed:
    """`there` and `here`: the fields that a source decides, by id.  `ends`: what is not there was taken away there,
    but for those `apart`.

    What an import brought and somebody deleted here stays deleted.  What was here before, or came from another source,
    keeps what differs and goes along from then on.
    """
    found = Followed()
    for id, wanted in there.items():
        mark, present = marks.get(id), here.get(id)
        if present is None:
            if mark is not None:
                continue
            found.new.append(id)
        else:
            before = mark.fields if mark is not None and mark.source == source else None
            _compare(found, id, wanted, present, before)
        made = mark.made if mark is not None else present is None and id not in apart
        now = Mark(source, made, wanted)
        if now != mark:
            found.marks[id] = now
    for id, mark in marks.items():
        if id in there or mark.source != source or not ends:
            continue
        present = here.get(id)
        if present is not None and mark.made:
            (found.gone if _same(present, mark.fields) else found.orphans).append(id)
        found.forgotten.append(id)
    return found


def _compare(found: Followed, id: str, wanted: Fields, present: Fields, before: Fields | None) -> None:
    """`before`: as the source had it the last time; None when nobody knows, and then what differs stays."""
    updates, kept = {}, []
    for name, value in wanted.items():
        mine = present[name]
        old = mine if before is not None and name not in before else (before or {}).get(name)
        if mine == value or (before is not None and old == value):
            continue
        if before is not None and mine == old:
            updates[name] = value
        else:
            kept.append(name)
    if updates:
        found.updates[id] = updates
    if kept:
        found.kept[id] = kept


def _same(present: Fields, fields: Fields) -> bool:
    return all(present.get(name) == value for name, value in fields.items())
