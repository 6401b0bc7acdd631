"""Carries one kind of things over: what is new, and what changed at the source since the last import."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, bindparam, delete, insert, select, update

from glowplug.config.readers.foreign import Note, Outcome
from glowplug.domain.access import Role
from glowplug.domain.change import Actor
from glowplug.moving.follow import Followed, follow
from glowplug.moving.kinds import Kind, Row
from glowplug.moving.report import Count
from glowplug.store import bulk, imported, tables
from glowplug.usecases.changes import done

_LONGEST = 120
"""Characters of a value in the report."""
_IMPORT = Actor(by="glowplug", through="import")
_NO_ADDRESS = "somebody here has the address {!r}, so there is none"


@dataclass(frozen=True)
class Carried:
    """What is to be done with one kind."""

    kind: Kind
    there: Mapping[str, Row]
    """By id."""
    here: Mapping[str, Row]
    followed: Followed
    notes: tuple[Note, ...]

    def count(self, new: int) -> Count:
        """In numbers; `new`: how many were added, or would be."""
        did, found = self.followed, len(self.there)
        ended = 0 if self.kind.removes else len(did.gone)
        return Count(noun=self.kind.noun, found=found, new=new, here=found - new, updated=len(did.updates), ended=ended)


def look(
    connection: Connection | None,
    kind: Kind,
    rows: Sequence[Row],
    origin: str,
    *,
    ends: bool,
    now: float,
    apart: Collection[str] = (),
) -> Carried:
    """What there is to do; only reads.  None: nothing is here yet.

    `origin`: stands for the source (`moving.identity.source_id`); `ends`: what the rows lack is gone there, but for the
    ids that are `apart`.
    """
    there: dict[str, Row] = {}
    for row in rows:
        there.setdefault(kind.id(row), row)
    here = _here(connection, kind)
    marks = imported.every(connection, kind.noun) if connection is not None else {}
    notes: list[Note] = []
    followed = follow(_decided(kind, there), _decided(kind, here), marks, origin, ends=ends, apart=apart)
    if kind.table is tables.users:
        _one_address_each(there, here, followed, notes)
    if kind.table is tables.api_keys:
        _keys_that_end(here, followed, notes, now)
    notes.extend(_said(kind, there, here, followed))
    return Carried(kind, there, here, followed, tuple(notes))


def write(connection: Connection, carried: Carried, now: float) -> int:
    """Do it; returns how many rows are new.  What changes what is here has its lines in the audit log."""
    kind, did = carried.kind, carried.followed
    _update(connection, carried, now)
    if did.gone and not kind.removes:
        _end(connection, carried, now)
    new = bulk.add_new(connection, kind.table, [carried.there[id] for id in did.new])
    imported.put(connection, kind.noun, did.marks)
    imported.forget(connection, kind.noun, did.forgotten)
    return new


def _here(connection: Connection | None, kind: Kind) -> dict[str, Row]:
    if connection is None:
        return {}
    rows: list[Row] = [dict(row) for row in connection.execute(select(kind.table)).mappings()]
    return {kind.id(row): row for row in rows}


def _decided(kind: Kind, rows: Mapping[str, Row]) -> dict[str, imported.Fields]:
    return {id: kind.decided(row) for id, row in rows.items()}


def _one_address_each(there: dict[str, Row], here: Mapping[str, Row], did: Followed, notes: list[Note]) -> None:
    """No two people have one address: who has it keeps it, and the other has none."""
    moving = {id for id, fields in did.updates.items() if "email" in fields}
    taken = {row["email"] for id, row in here.items() if id not in moving} - {""}
    for id in [*moving]:
        email = did.updates[id]["email"]
        if email in taken:
            notes.append(Note(Outcome.LEFT, f"users[{id}]", "the new address", _NO_ADDRESS.format(email)))
            del did.updates[id]["email"]
            if not did.updates[id]:
                del did.updates[id]
            taken.add(here[id]["email"])
        elif email:
            taken.add(email)
    for id in did.new:
        email = there[id]["email"]
        if email in taken:
            notes.append(Note(Outcome.CHANGED, f"users[{id}]", "the address", _NO_ADDRESS.format(email)))
            there[id] = {**there[id], "email": ""}
        elif email:
            taken.add(email)


def _keys_that_end(here: Mapping[str, Row], did: Followed, notes: list[Note], now: float) -> None:
    """Those that have ended here need nothing; one that is the last for admins stays."""

    def works(row: Row) -> bool:
        return row["revoked_at"] is None and (row["expires_at"] is None or row["expires_at"] > now)

    did.gone[:] = [id for id in did.gone if works(here[id])]
    did.orphans[:] = [id for id in did.orphans if works(here[id])]
    admins = {id for id, row in here.items() if row["role"] == Role.ADMIN and works(row) and row["blocked_at"] is None}
    if admins and admins <= set(did.gone):
        why, hint = "the source has it no more, but it is the last for admins here", "make another, and revoke it"
        notes.extend(
            Note(Outcome.LEFT, f"keys[{id}]", f"the key {here[id]['name']!r}", why, hint) for id in sorted(admins)
        )
        did.gone[:] = [id for id in did.gone if id not in admins]


def _said(kind: Kind, there: Mapping[str, Row], here: Mapping[str, Row], did: Followed) -> list[Note]:
    notes = []

    def say(outcome: Outcome, id: str, what: str, why: str, hint: str = "") -> None:
        notes.append(Note(outcome, f"{kind.noun}[{id}]", what, why, hint))

    for id, fields in did.updates.items():
        old, called = kind.decided(here[id]), kind.said(here[id])
        for name, value in fields.items():
            say(Outcome.UPDATED, id, f"{_word(name)} of {called}", f"{_short(old[name])} → {_short(value)}")
    for id, names in did.kept.items():
        old, new = kind.decided(here[id]), kind.decided(there[id])
        for name in names:
            say(Outcome.LEFT, id, f"{_word(name)} of {kind.said(here[id])}",
                f"{_short(new[name])} there; {_short(old[name])}, which is here, stays")  # fmt: skip
    for id in did.gone:
        called = kind.said(here[id])
        if kind.removes:
            say(Outcome.LEFT, id, called, "the source has it no more; here it stays", f"{kind.removes} {id}")
        else:
            how = "revoked" if kind.ended else "taken away"
            say(Outcome.UPDATED, id, called, f"the source has it no more, so it is {how}")
    for id in did.orphans:
        say(Outcome.LEFT, id, kind.said(here[id]), "the source has it no more, but it was changed here and stays")
    return notes


def _word(name: str) -> str:
    """A column, as people say it."""
    return name.removesuffix("_at")


def _short(value: object) -> str:
    text = msgspec.json.encode(value).decode() if not isinstance(value, str) else repr(value)
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _update(connection: Connection, carried: Carried, now: float) -> None:
    kind, updates = carried.kind, carried.followed.updates
    if any("email" in fields for fields in updates.values()):
        # Two may have changed theirs for each other's.
        ids = [id for id, fields in updates.items() if "email" in fields]
        connection.execute(
            update(kind.table).where(kind.table.c.id == bindparam("which")).values(email=""),
            [{"which": id} for id in ids],
        )
    for id, fields in updates.items():
        row = carried.here[id]
        connection.execute(update(kind.table).where(_is(kind, row)).values(kind.columns(fields, now)))
        old = kind.decided(row)
        _log(connection, kind, "update", row, now, {name: old[name] for name in fields}, fields)


def _end(connection: Connection, carried: Carried, now: float) -> None:
    kind = carried.kind
    for id in carried.followed.gone:
        row = carried.here[id]
        if kind.ended:
            connection.execute(update(kind.table).where(_is(kind, row)).values({kind.ended: now}))
            _log(connection, kind, "revoke", row, now, {kind.ended: None}, {kind.ended: now})
        else:
            connection.execute(delete(kind.table).where(_is(kind, row)))
            _log(connection, kind, "delete", row, now, kind.decided(row), None)


def _is(kind: Kind, row: Row) -> Any:
    return and_(*(kind.table.c[name] == row[name] for name in kind.key))


def _log(
    connection: Connection,
    kind: Kind,
    action: str,
    row: Row,
    now: float,
    before: Mapping[str, Any],
    after: Mapping[str, Any] | None,
) -> None:
    line = done(_IMPORT, now, action, kind.one, kind.subject(row), after)
    line = msgspec.structs.replace(line, before=dict(before))
    connection.execute(insert(tables.changes).values(msgspec.structs.asdict(line)))
