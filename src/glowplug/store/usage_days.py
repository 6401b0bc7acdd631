"""Usage of days that are over, added up once, so that a look at a quarter does not read every line of it.

The sums are made from the lines when somebody asks for them, and unmade by whoever changes a line of such a day.
Those of the last day that has lines are never kept: it goes on.  Functions of one connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import BigInteger, ColumnElement, Connection, and_, case, cast, delete, func, insert, select, text

from glowplug.domain.usage import Outcome
from glowplug.store import usage_columns
from glowplug.store.lines import OPEN
from glowplug.store.tables import attempts, usage_days, usage_days_made

GROUPS = tuple(name for name, _ in usage_columns.GROUPS)
_LAST = "9999-99-99"
# The index over usage is asked for the next day again and again, instead of being read from end to end.
_DAYS = text(
    "WITH RECURSIVE days (day) AS ("
    "SELECT min(day) FROM attempts WHERE day >= :since AND day <= :until UNION ALL "
    "SELECT (SELECT min(day) FROM attempts WHERE attempts.day > days.day AND attempts.day <= :until) FROM days "
    "WHERE days.day IS NOT NULL) SELECT day FROM days WHERE day IS NOT NULL"
)


def totals() -> list[ColumnElement[int]]:
    """What is summed of lines, by the names of `UsageSum`; tokens and costs of those that are settled."""
    row = attempts.c
    settled = row.state != OPEN

    def total(condition: ColumnElement[bool], value: ColumnElement[int] | int, name: str) -> ColumnElement[int]:
        # PostgreSQL adds whole numbers up to a decimal.
        return cast(func.coalesce(func.sum(case((condition, value), else_=0)), 0), BigInteger).label(name)

    return [
        func.count().label("attempts"),
        total(row.state == OPEN, 1, "open"),
        total(and_(settled, row.outcome != Outcome.OK.value), 1, "failed"),
        total(row.outcome == Outcome.INTERRUPTED.value, 1, "interrupted"),
        total(and_(settled, row.estimated), 1, "estimated"),
        total(settled, row.prompt_tokens, "prompt_tokens"),
        total(settled, row.completion_tokens, "completion_tokens"),
        total(settled, row.cached_tokens, "cached_tokens"),
        total(settled, row.cost, "cost"),
        total(and_(settled, row.price == "", row.prompt_tokens + row.completion_tokens > 0), 1, "unpriced"),
        cast(func.sum(row.energy_mj), BigInteger).label("energy_mj"),
    ]


def with_lines(connection: Connection, since: str = "", until: str = "") -> tuple[str, ...]:
    """Days that have lines, in order; both bounds are included, or empty."""
    return tuple(connection.execute(_DAYS, {"since": since, "until": until or _LAST}).scalars())


def keep(connection: Connection, since: str = "", until: str = "") -> tuple[str, ...]:
    """Make the sums of the days between these two that are over and have none; says which days have none then."""
    made = set(connection.execute(select(usage_days_made.c.day)).scalars())
    missing = [day for day in with_lines(connection, since, until) if day not in made]
    if not missing:
        return ()
    last = connection.execute(select(func.max(attempts.c.day))).scalar_one()
    for day in missing:
        if day != last:
            _make(connection, day)
    return (last,) if missing[-1] == last else ()


def unmake(connection: Connection, days: Iterable[str]) -> None:
    """Lines of these days are about to change, or have."""
    wanted = sorted(set(days))
    if not wanted:
        return
    mine = usage_days_made.c.day.in_(wanted)
    if connection.execute(delete(usage_days_made).where(mine)).rowcount:
        connection.execute(delete(usage_days).where(usage_days.c.day.in_(wanted)))


def unmake_all(connection: Connection) -> None:
    """Forget every sum; they are made anew from the lines."""
    connection.execute(delete(usage_days))
    connection.execute(delete(usage_days_made))


def differences(connection: Connection) -> tuple[str, ...]:
    """Days whose sums are not those of their lines."""
    wrong = []
    for day in connection.execute(select(usage_days_made.c.day).order_by(usage_days_made.c.day)).scalars().all():
        stored = connection.execute(select(usage_days).where(usage_days.c.day == day)).all()
        if sorted(map(tuple, stored), key=repr) != sorted(map(tuple, connection.execute(_sums(day)).all()), key=repr):
            wrong.append(day)
    return tuple(wrong)


def _columns() -> Sequence[ColumnElement[object]]:
    return [attempts.c[name] for name in GROUPS]


def _sums(day: str):  # type: ignore[no-untyped-def]  # a Select of as many columns as the table has
    return select(*_columns(), *totals()).where(attempts.c.day == day).group_by(*_columns())


def _make(connection: Connection, day: str) -> None:
    connection.execute(delete(usage_days).where(usage_days.c.day == day))
    columns = [column.name for column in usage_days.columns]
    connection.execute(insert(usage_days).from_select(columns, _sums(day)))
    connection.execute(insert(usage_days_made).values(day=day))
