"""The sums of the ledger by scope and hour, moved in the transaction that moves the lines they are made of.

A line counts once it is settled (closed or interrupted).  Whoever changes a line takes the old one away and adds the
new one, so the sums never depend on what came before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sqlalchemy import Connection, RowMapping, delete, select

from glowplug.domain.budget import Scope
from glowplug.store.tables import attempts, spend

HOUR = 3600
_AT_ONCE = 1000
"""Lines in memory."""


class Sum(NamedTuple):
    """Nano-dollars, tokens, and how many attempts."""

    nano: int = 0
    prompt: int = 0
    completion: int = 0
    attempts: int = 0


Row = Mapping[str, Any] | RowMapping
"""A line of the table of attempts, by column."""
Place = tuple[str, str, int]
"""Scope, name and hour."""
Sums = dict[Place, Sum]


def places(row: Row) -> tuple[Place, ...]:
    """Where a line of the table of attempts is added up."""
    hour = int(row["started"] // HOUR)
    scopes = [(Scope.ALL, ""), (Scope.KEY, row["key"]), (Scope.MODEL, row["model"])]
    if row["user"]:
        scopes.append((Scope.USER, row["user"]))
    if row["team"]:
        scopes.append((Scope.TEAM, row["team"]))
    scopes += [(Scope.TAG, tag) for tag in dict.fromkeys(row["tags"])]
    return tuple((scope.value, name, hour) for scope, name in scopes)


def count(sums: Sums, row: Row, sign: int = 1) -> None:
    """Add one line to `sums`, or with -1 take it away."""
    for place in places(row):
        old = sums.get(place, Sum())
        sums[place] = Sum(
            old.nano + sign * row["cost"],
            old.prompt + sign * row["prompt_tokens"],
            old.completion + sign * row["completion_tokens"],
            old.attempts + sign,
        )


def move(connection: Connection, sums: Sums) -> None:
    """Add to what is stored."""
    rows = [(*place, *one) for place, one in sorted(sums.items()) if any(one)]
    if not rows:
        return
    names = [column.name for column in spend.c]
    place = "%s" if connection.dialect.name == "postgresql" else "?"
    added = ", ".join(f"{name} = spend.{name} + excluded.{name}" for name in names[3:])
    # Both know this clause; the driver's own way is a third of the work where there are millions of lines.
    connection.exec_driver_sql(
        f"INSERT INTO spend ({', '.join(names)}) VALUES ({', '.join([place] * len(names))})"  # noqa: S608
        f" ON CONFLICT (scope, name, hour) DO UPDATE SET {added}",  # columns of ours only
        rows,
    )


def stored(connection: Connection, hour: int | None = None) -> Sums:
    """What the table says, of one hour or of all, without places in which nothing is left."""
    query = select(spend) if hour is None else select(spend).where(spend.c.hour == hour)
    return {
        (row.scope, row.name, row.hour): found
        for row in connection.execute(query)
        if any(found := Sum(row.nano, row.prompt_tokens, row.completion_tokens, row.attempts))
    }


def computed(connection: Connection) -> Sums:
    """The sums, made anew from the lines."""
    sums: Sums = {}
    row = attempts.c
    query = select(
        row.key, row.model, row.user, row.team, row.tags, row.started, row.cost, row.prompt_tokens,
        row.completion_tokens,
    ).where(row.state != "open")  # fmt: skip
    for line in connection.execute(query.execution_options(yield_per=_AT_ONCE)).mappings():
        count(sums, line)
    return {place: one for place, one in sums.items() if any(one)}


def differences(one: Sums, other: Sums) -> Iterable[tuple[Place, Sum, Sum]]:
    """Where the two are not equal, in order."""
    for place in sorted(one.keys() | other.keys()):
        left, right = one.get(place, Sum()), other.get(place, Sum())
        if left != right:
            yield place, left, right


def rebuild(connection: Connection) -> int:
    """Make the table anew from the lines; returns how many of its rows were wrong."""
    wanted = computed(connection)
    wrong = len(tuple(differences(wanted, stored(connection))))
    if wrong:
        connection.execute(delete(spend))
        move(connection, wanted)
    return wrong
