"""Carries out a plan, so that every step can be done again: what changed here stays, what changed there is followed."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
from sqlalchemy import Connection

from glowplug.config.readers.foreign import Note
from glowplug.moving import carry
from glowplug.moving.kinds import KINDS, Kind, Row
from glowplug.moving.plan import Plan
from glowplug.moving.plan_budgets import Given
from glowplug.moving.report import Count
from glowplug.store import bulk
from glowplug.store.database import Database


def store_people(plan: Plan, database: Database, notes: list[Note], now: float) -> tuple[Count, ...]:
    """Users, teams, members, keys, budgets and limits, in one transaction; `now`: Unix seconds.

    What an earlier import brought becomes what the source has now, where it was not changed here.
    """

    def work(connection: Connection) -> tuple[tuple[Count, ...], list[Note]]:
        counts, said = [], list[Note]()
        for kind, rows in _rows(plan):
            if plan.origin:
                carried = _look(connection, kind, rows, plan, now)
                counts.append(carried.count(carry.write(connection, carried, now)))
                said.extend(carried.notes)
            else:
                new = bulk.add_new(connection, kind.table, rows)
                counts.append(Count(noun=kind.noun, found=len(rows), new=new, here=len(rows) - new))
        return tuple(counts), said

    counts, said = database.call(work)
    notes.extend(said)
    return counts


def counted(plan: Plan, here: Connection | None, notes: list[Note], now: float) -> tuple[Count, ...]:
    """What `store_people` would do to what is here, or where nothing is yet; only reads."""
    counts = []
    for kind, rows in _rows(plan):
        if plan.origin:
            carried = _look(here, kind, rows, plan, now)
            counts.append(carried.count(len(carried.followed.new)))
            notes.extend(carried.notes)
        else:
            new = len(rows) if here is None else bulk.count_new(here, kind.table, rows)
            counts.append(Count(noun=kind.noun, found=len(rows), new=new, here=len(rows) - new))
    return tuple(counts)


def _look(here: Connection | None, kind: Kind, rows: Sequence[Row], plan: Plan, now: float) -> carry.Carried:
    # The master key is the configuration's, which another time may not be given.
    return carry.look(here, kind, rows, plan.origin, ends=kind.noun in plan.ends, now=now, apart=(plan.joins.master,))


def _rows(plan: Plan) -> tuple[tuple[Kind, list[Row]], ...]:
    rows: tuple[list[Row], ...] = (
        [_row(user) for user in plan.users],
        [_row(team) for team in plan.teams],
        [_row(member) for member in plan.members],
        [{**_row(key), "imported": key.imported or None} for key in plan.keys],
        [_budget(given) for given in plan.budgets],
        [_row(limit) for limit in plan.limits],
    )
    return tuple(zip(KINDS, rows, strict=True))


def _row(value: msgspec.Struct) -> dict[str, object]:
    """By column, which have the names of the fields."""
    return {
        name: list(found) if isinstance(found, tuple) else str(found) if isinstance(found, str) else found
        for name, found in msgspec.structs.asdict(value).items()
    }


def _budget(given: Given) -> dict[str, object]:
    row = _row(given.budget)
    return {**row, "period": row.pop("window")}
