"""Sums over the ledger by model, key, user, team and day, of days that are over as they were added up
once, of the last one straight from the attempts; with the past that has none."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Connection, Select, Table, cast, func, select

from glowplug.store import past_usage, usage_days
from glowplug.store.tables import attempts
from glowplug.store.tables import usage_days as usage_table
from glowplug.store.usage_columns import SUMS
from glowplug.store.usage_sum import UsageSum as UsageSum


class By(StrEnum):
    """What usage can be grouped by."""

    MODEL = "model"
    KEY = "key"
    DAY = "day"
    USER = "user"
    TEAM = "team"
    PROVIDER = "provider"
    """Follows from the model; the ledger has no column for it."""
    TAG = "tag"
    """Alone or with the day."""


Only = Mapping[str, str | tuple[str, ...]]
"""Column → what it is, or one of those that it is."""


def joined(rows: Sequence[UsageSum], former: Mapping[str, str]) -> tuple[UsageSum, ...]:
    """The sums with what was used under names that models had before (name then → name now) under the present ones."""
    return added_up([msgspec.structs.replace(one, model=former.get(one.model or "", one.model)) for one in rows])


def added_up(rows: Iterable[UsageSum]) -> tuple[UsageSum, ...]:
    """One row for those that are of the same group, in order."""
    found: dict[tuple[str, ...], UsageSum] = {}
    for given in rows:
        one, place = given, group_of(given)
        known = found.get(place)
        if known is not None:
            energy = [each.energy_mj for each in (known, one) if each.energy_mj is not None]
            added = {name: getattr(known, name) + getattr(one, name) for name in SUMS}
            one = msgspec.structs.replace(known, **added, energy_mj=sum(energy) if energy else None)
        found[place] = one
    return tuple(found[place] for place in sorted(found))


def group_of(row: UsageSum) -> tuple[str, ...]:
    """What names one row of the sums, in their order."""
    names = (row.day, row.model, row.key, row.user, row.team, row.provider, row.tag)
    return tuple(part or "" for part in names)


def days(connection: Connection, since: str = "", until: str = "") -> tuple[str, ...]:
    """Days on which something was used, in order."""
    lines = usage_days.with_lines(connection, since, until)
    return tuple(sorted({*lines, *past_usage.days(connection, since, until)}))


def sums(
    connection: Connection,
    by: Sequence[By],
    since: str = "",
    until: str = "",
    only: Only | None = None,
) -> tuple[UsageSum, ...]:
    """Sums for each group, in order of the groups; `since` and `until` are UTC dates, both included, or empty; `only`
    narrows by column."""
    groups = [name for name in usage_days.GROUPS if name in set(by)]
    live = usage_days.keep(connection, since, until)
    days = usage_table.c
    added = [cast(func.sum(days[name]), BigInteger).label(name) for name in (*SUMS, "energy_mj")]
    kept = select(*(days[name] for name in groups), *added)
    fresh = select(*(attempts.c[name] for name in groups), *usage_days.totals()).where(attempts.c.day.in_(live))
    kept = _narrowed(kept, usage_table, groups, since, until, only)
    fresh = _narrowed(fresh, attempts, groups, since, until, only)
    rows = _read(connection, kept)
    if live or not rows:
        rows += _read(connection, fresh)
    lines = added_up(rows)
    return past_usage.add_to(connection, lines, groups, since, until, only or {})


def _narrowed(
    query: Select[Any], table: Table, groups: Sequence[str], since: str, until: str, only: Only | None
) -> Select[Any]:
    row = table.c
    if since:
        query = query.where(row.day >= since)
    if until:
        query = query.where(row.day <= until)
    for name, value in (only or {}).items():
        query = query.where(row[name].in_((value,) if isinstance(value, str) else value))
    return query.group_by(*(row[name] for name in groups)) if groups else query


def _read(connection: Connection, query: Select[Any]) -> list[UsageSum]:
    # SQLAlchemy's names are a subclass of str, which msgspec does not take for one.  A total of nothing is NULL.
    found = connection.execute(query).mappings().all()
    return [
        msgspec.convert({str(name): value for name, value in one.items()}, UsageSum)
        for one in found
        if one["attempts"] is not None
    ]
