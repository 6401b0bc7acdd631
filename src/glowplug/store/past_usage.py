"""Usage of the past of which only daily sums are left.  Functions of one connection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import BigInteger, Connection, cast, delete, func, select

from glowplug.store import statements
from glowplug.store.tables import past_usage
from glowplug.store.usage_columns import PAST_SUMS
from glowplug.store.usage_sum import UsageSum

_WHOSE = ("day", "key", "user", "team", "model")


class PastDay(NamedTuple):
    """What one key used of one model on one day; names as in `attempts`, cost in nano-dollars."""

    day: str
    key: str
    user: str
    team: str
    model: str
    attempts: int
    failed: int
    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int
    cost: int


def count_new(connection: Connection, day: str, rows: Sequence[PastDay]) -> int:
    """How many rows of one day `put` would find new; only reads."""
    known = _known(connection, day)
    return sum(tuple(row[:5]) not in known for row in rows)


def put(connection: Connection, source: str, day: str, rows: Sequence[PastDay]) -> int:
    """Store what is known of one day of a source, in place of what was; returns how many rows are new.

    What another source has said of the same day, key, user, team and model stands.
    """
    here = past_usage.c
    known = _known(connection, day)
    mine = [row for row in rows if known.get(tuple(row[:5]), source) == source]
    connection.execute(delete(past_usage).where(here.source == source, here.day == day))
    if mine:
        # In the driver's own way: a year of many keys has millions of them.
        connection.exec_driver_sql(
            statements.insert(connection, past_usage, ("source", *PastDay._fields)), [(source, *row) for row in mine]
        )
    return sum(tuple(row[:5]) not in known for row in mine)


def _known(connection: Connection, day: str) -> dict[tuple[object, ...], str]:
    """Day, key, user, team and model → the source that said it."""
    here = past_usage.c
    query = select(here.source, *(here[name] for name in _WHOSE)).where(here.day == day)
    return {tuple(row[1:]): row.source for row in connection.execute(query)}


def days(connection: Connection, since: str, until: str) -> tuple[str, ...]:
    """Days of which something is known; both bounds are included, or empty."""
    query = select(past_usage.c.day).distinct()
    if since:
        query = query.where(past_usage.c.day >= since)
    if until:
        query = query.where(past_usage.c.day <= until)
    return tuple(connection.execute(query).scalars())


def add_to(
    connection: Connection,
    lines: tuple[UsageSum, ...],
    groups: Sequence[str],
    since: str,
    until: str,
    only: Mapping[str, str | tuple[str, ...]],
) -> tuple[UsageSum, ...]:
    """These sums over the ledger and those of the past together, in the order of their groups; `only` narrows by
    column."""
    here = past_usage.c
    by = [here[name] for name in groups]
    # PostgreSQL adds whole numbers up to a decimal.
    totals = [cast(func.coalesce(func.sum(here[name]), 0), BigInteger).label(name) for name in PAST_SUMS]
    query = select(func.count().label("rows"), *by, *totals)
    if since:
        query = query.where(here.day >= since)
    if until:
        query = query.where(here.day <= until)
    for name, value in only.items():
        query = query.where(here[name].in_((value,) if isinstance(value, str) else value))
    if by:
        query = query.group_by(*by)
    past = [row for row in connection.execute(query).mappings() if row["rows"]]
    if not past:
        return lines
    found = {tuple(getattr(one, name) for name in groups): one for one in lines}
    for row in past:
        which = tuple(row[name] for name in groups)
        one = found.get(which) or UsageSum(**dict(zip(groups, which, strict=True)))
        found[which] = msgspec.structs.replace(one, **{name: getattr(one, name) + row[name] for name in PAST_SUMS})
    return tuple(found[which] for which in sorted(found))
