"""What was spent in a scope since a moment, as the ledger has added it up by the hour (`glowplug.store.rollups`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec
from sqlalchemy import BigInteger, Connection, Integer, Text, bindparam, cast, delete, func, insert, literal, select

from glowplug.domain.budget import Scope
from glowplug.store.database import Database
from glowplug.store.rollups import HOUR
from glowplug.store.tables import attempts, spend, spent_elsewhere
from glowplug.wire.end_user import PREFIX


class Spend:
    """The ledger as a source of what was spent; waits for the database, so never on the loop.  `former` are names that
    models had → the model now."""

    def __init__(self, database: Database, former: Callable[[], Mapping[str, str]] = dict) -> None:
        self._database = database
        self._former = former

    def since(self, scope: Scope, name: str, start: float) -> int:
        """Nano-dollars of attempts that started at `start` (Unix seconds) or later.

        From the beginning of the hour that `start` is in: never too little.  Raises StoreError.
        """
        names = [name]
        if scope is Scope.MODEL:
            names += [before for before, now in self._former().items() if now == name]
        return self._database.call(lambda c: sum(since(c, scope, one, start) for one in names))


def since(connection: Connection, scope: Scope, name: str, start: float) -> int:
    """As `Spend.since`; with what was spent elsewhere before, where an import noted that."""
    hour = int(max(start, 0.0) // HOUR)
    here = (spend.c.scope == scope.value, spend.c.name == name, spend.c.hour >= hour)
    # PostgreSQL adds whole numbers up to a decimal.
    lines = int(connection.execute(select(func.coalesce(func.sum(spend.c.nano), 0)).where(*here)).scalar_one())
    where = spent_elsewhere.c
    before = select(where.nano).where(where.scope == scope.value, where.name == name, where.at >= start)
    return lines + int(connection.execute(before).scalar() or 0)


class Before(NamedTuple):
    """What a scope has been told to have spent elsewhere before."""

    scope: Scope
    name: str
    nano: int


def lines_since(connection: Connection, wanted: Sequence[tuple[Scope, str, float]]) -> list[int]:
    """Nano-dollars of the lines of each scope, name and moment, as `since` has them, in one statement."""
    asked = [(number, scope.value, name, int(max(start, 0.0) // HOUR)) for number, (scope, name, start) in
             enumerate(wanted)]  # fmt: skip
    if connection.dialect.name == "postgresql":
        origin = "unnest(%s::int[], %s::text[], %s::text[], %s::int[]) AS asked (number, scope, name, hour)"
        parameters = tuple([one[column] for one in asked] for column in range(4))
    else:
        parts = ", ".join(f"value ->> {at} AS {name}" for at, name in enumerate(("number", "scope", "name", "hour")))
        origin = f"(SELECT {parts} FROM json_each(?)) AS asked"  # noqa: S608
        parameters = (msgspec.json.encode(asked).decode(),)  # type: ignore[assignment]
    # The lines are looked up for each that is asked for, by their primary key.
    found = connection.exec_driver_sql(
        "SELECT asked.number, CAST(sum(spend.nano) AS BIGINT)"  # noqa: S608  # nothing from elsewhere is in it
        f" FROM {origin} CROSS JOIN spend"
        " WHERE spend.scope = asked.scope AND spend.name = asked.name AND spend.hour >= asked.hour"
        " GROUP BY asked.number",
        parameters,
    )
    sums = {number: int(nano) for number, nano in found}
    return [sums.get(number, 0) for number in range(len(wanted))]


def others_since(connection: Connection, worker: str, wanted: Sequence[tuple[Scope, str, float]]) -> list[int]:
    """Of `lines_since` what lines say that another than this worker wrote."""
    row = attempts.c
    # Where an import is the only one that wrote, as nearly always, this is all.
    if not wanted or connection.execute(select(row.request).where(row.worker != worker).limit(1)).first() is None:
        return [0] * len(wanted)
    first = min(max(start, 0.0) // HOUR for _, _, start in wanted) * HOUR
    sums: dict[tuple[Scope, str], list[tuple[int, int]]] = {}
    for scope in {scope for scope, _, _ in wanted}:
        for names, hour, nano in _by_hour(connection, worker, scope, first):
            for name in names:
                sums.setdefault((scope, name), []).append((hour, nano))
    if any(scope is Scope.USER and name.startswith(PREFIX) for scope, name, _ in wanted):
        # Beside the user of a key, whom requests named is a tag.
        for names, hour, nano in _by_hour(connection, worker, Scope.TAG, first):
            for name in names:
                if name.startswith(PREFIX):
                    sums.setdefault((Scope.USER, name), []).append((hour, nano))
    return [
        sum(nano for hour, nano in sums.get((scope, name), ()) if hour >= max(start, 0.0) // HOUR)
        for scope, name, start in wanted
    ]


def _by_hour(
    connection: Connection, worker: str, scope: Scope, first: float
) -> Iterator[tuple[Sequence[str], int, int]]:
    """Names, hour and nano-dollars of what other workers wrote."""
    row = attempts.c
    hours = row.started / HOUR
    # A cast rounds on PostgreSQL, and SQLite may have no floor.
    hour = cast(func.floor(hours) if connection.dialect.name == "postgresql" else hours, Integer)
    whose = cast(row.tags, Text) if scope is Scope.TAG else literal("") if scope is Scope.ALL else row[scope.value]
    inner = (
        select(whose.label("whose"), hour.label("hour"), row.cost)
        .where(row.worker != worker, row.state != "open", row.cost != 0, row.started >= first)
        .subquery()
    )
    query = select(inner.c.whose, inner.c.hour, cast(func.sum(inner.c.cost), BigInteger)).group_by(
        inner.c.whose, inner.c.hour
    )
    for name, at, nano in connection.execute(query):
        yield (dict.fromkeys(msgspec.json.decode(name, type=list[str])) if scope is Scope.TAG else (name,)), at, nano  # type: ignore[misc]


def known_before(connection: Connection) -> set[tuple[str, str]]:
    """Scope and name of all that something was noted for."""
    return {
        (row.scope, row.name) for row in connection.execute(select(spent_elsewhere.c.scope, spent_elsewhere.c.name))
    }


def spent_before(connection: Connection, at: float, rows: Sequence[Before]) -> None:
    """Note that so much had been spent elsewhere, in place of what was noted of these scopes."""
    forget_before(connection, [(one.scope.value, one.name) for one in rows])
    if rows:
        values = [{"scope": one.scope.value, "name": one.name, "at": at, "nano": one.nano} for one in rows]
        connection.execute(insert(spent_elsewhere), values)


def shift_before(connection: Connection, scope: Scope, name: str, since: float, at: float, nano: int) -> None:
    """Let a scope have spent so much more (less, where it is negative) in the window that began at `since`: noted as of
    `at`, together with what was noted in that window before."""
    row = spent_elsewhere.c
    query = select(row.nano).where(row.scope == scope.value, row.name == name, row.at >= since)
    spent_before(connection, at, [Before(scope, name, nano + int(connection.execute(query).scalar() or 0))])


def forget_before(connection: Connection, whose: Sequence[tuple[str, str]]) -> None:
    """Drop what was noted of these scopes and names."""
    if whose:
        here = spent_elsewhere.c
        statement = delete(spent_elsewhere).where(here.scope == bindparam("of"), here.name == bindparam("called"))
        connection.execute(statement, [{"of": scope, "called": name} for scope, name in whose])


class DaySum(msgspec.Struct, frozen=True, kw_only=True):
    """What one name of a scope used on one UTC day.  Nano-dollars."""

    name: str
    day: int
    """Days since 1970-01-01."""
    nano: int
    prompt_tokens: int
    completion_tokens: int
    attempts: int


def by_day(connection: Connection, scope: Scope, first: int, last: int) -> tuple[DaySum, ...]:
    """Sums of every name of a scope on each day from `first` to `last`, both included, in days since 1970-01-01."""
    row = spend.c
    day = (row.hour - row.hour % 24) // 24
    columns = (row.nano, row.prompt_tokens, row.completion_tokens, row.attempts)
    query = (
        select(row.name, day.label("day"), *(cast(func.sum(one), BigInteger).label(one.name) for one in columns))
        .where(row.scope == scope.value, row.hour >= first * 24, row.hour < (last + 1) * 24)
        .group_by(row.name, day)
        .order_by(day, row.name)
    )
    found = connection.execute(query).mappings()
    return tuple(DaySum(**{str(name): value for name, value in one.items()}) for one in found)
