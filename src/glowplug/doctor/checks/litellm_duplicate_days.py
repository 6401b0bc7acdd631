"""Rows of the daily tables that are one row, because NULL and an empty text are the same in their key.

All columns of the unique key may be NULL, and NULLs differ.  Releases around 1.82 look for a row with an empty text and
write one with NULL, so that every flush writes the same sum anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from glowplug.doctor.base import Check, Remedy
from glowplug.doctor.foreign import Daily, ask, daily_tables, litellm_database, many, quoted, shown_key
from glowplug.doctor.rows import RowChange, Rows, Texts
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.moving.litellm.source import Source

if TYPE_CHECKING:
    from psycopg import sql

MOST_ROWS: Final = 10_000
"""That are merged by one repair: all of them are in its record."""
_SHOWN: Final = 3
_TYPES: Final = """
SELECT a.attname::text, a.atttypid::regtype::text FROM pg_catalog.pg_attribute a
WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum
"""
_NUMBERS: Final = frozenset({"smallint", "integer", "bigint", "real", "double precision", "numeric"})


@dataclass(frozen=True)
class Same:
    """Rows that are one; first the one that stays."""

    rows: tuple[Texts, ...]
    sums: Texts
    """Counter → all of them together."""


@dataclass(frozen=True)
class Repeated:
    """The rows of one table that are there more than once."""

    daily: Daily
    groups: int
    """Sums in several rows."""
    surplus: int
    """Rows that are more than one for each sum."""
    same: tuple[Same, ...]
    """Those that one repair merges."""
    narrower: bool
    """Whether an older index is in the way of filling in what is NULL."""


class DuplicateDays(Check[tuple[Repeated, ...]]):
    """Daily sums that are spread over several rows."""

    name = "litellm-duplicate-days"
    title = "Every daily sum of LiteLLM is in one row"
    group = Group.LITELLM

    def gather(self, site: Site) -> tuple[Repeated, ...]:
        with litellm_database(site) as source:
            left, found = MOST_ROWS, []
            for daily in daily_tables(source):
                repeated = _look(source, daily, left)
                left = max(0, left - sum(len(same.rows) for same in repeated.same))
                found.append(repeated)
        return tuple(found)

    def inspect(self, facts: tuple[Repeated, ...]) -> Sequence[Finding]:
        return [
            Finding(
                check=self.name,
                severity=Severity.WARNING,
                subject=repeated.daily.table,
                summary=f"has {many(repeated.surplus, 'row')} too many: {many(repeated.groups, 'sum')} in several rows",
                evidence=tuple(_said(repeated.daily, same) for same in repeated.same[:_SHOWN]),
                consequence="LiteLLM does not find the row of a sum and writes another at every flush: the table grows,"
                " and whoever reads one row reads a part.",
                advice=_again(repeated),
            )
            for repeated in facts
            if repeated.groups
        ]

    def remedy(self, facts: tuple[Repeated, ...]) -> Remedy | None:
        actions = [
            Rows(
                schema=repeated.daily.schema,
                changes=tuple(change for same in repeated.same for change in merge(repeated, same)),
                why=f"merge {sum(len(same.rows) for same in repeated.same)} rows of {repeated.daily.table} into"
                f" {len(repeated.same)}, counters added up",
            )
            for repeated in facts
            if repeated.same
        ]
        if not actions:
            return None
        return Remedy(
            actions=actions,
            risk="What was counted twice stays counted twice: litellm-daily-drift compares the sums with the logs. A"
            " LiteLLM that writes to one of these rows meanwhile makes the repair stop, and nothing is changed.",
        )


def merge(repeated: Repeated, same: Same) -> list[RowChange]:
    """All but the first go, and the first has what all had, under the key that LiteLLM looks for."""
    first, *rest = same.rows
    table = repeated.daily.table
    after = first | same.sums
    if not repeated.narrower:
        after |= {name: "" for name in repeated.daily.key if first[name] is None}
    if "model_group" in first:
        after["model_group"] = next(
            (row["model_group"] for row in same.rows if row["model_group"]), first["model_group"]
        )
    if "updated_at" in first:
        after["updated_at"] = max(row["updated_at"] or "" for row in same.rows) or None
    going = [RowChange(table=table, key={"id": row["id"]}, before=row, after=None, masked=("api_key",)) for row in rest]
    return [*going, RowChange(table=table, key={"id": first["id"]}, before=first, after=after, masked=("api_key",))]


def _look(source: Source, daily: Daily, most: int) -> Repeated:
    from psycopg import sql

    query = sql.SQL(
        "WITH {suspects} SELECT count(*), coalesce(sum(n - 1), 0)::bigint FROM (SELECT count(*) AS n FROM {table} AS r"
        " JOIN suspects ON {hash} = suspects.hash GROUP BY {whole} HAVING count(*) > 1) AS several"
    ).format(
        suspects=_suspects(source, daily),
        table=source.table(daily.table),
        hash=_hash(daily),
        whole=sql.SQL(", ").join(_whole(name) for name in daily.key),
    )
    groups, surplus = ask(source, query)[0]
    same = _rows(source, daily, most) if groups and most else ()
    key = frozenset(daily.key)
    unique = source.layout.unique.get(daily.table, frozenset())
    narrower = any(columns < key and daily.key[0] in columns for columns in unique)
    return Repeated(daily, int(groups), int(surplus), tuple(same), narrower)


def _whole(name: str) -> sql.Composed:
    """A column of the key, with NULL as what it is taken for."""
    from psycopg import sql

    return sql.SQL("coalesce({}, '')").format(sql.Identifier("r", name))


def _hash(daily: Daily) -> sql.Composed:
    from psycopg import sql

    return sql.SQL("hashtextextended({}, 0)").format(sql.SQL(" || '|' || ").join(_whole(name) for name in daily.key))


def _suspects(source: Source, daily: Daily) -> sql.Composed:
    """Hashes that are there more than once: a million numbers are counted far sooner than a million keys of texts."""
    from psycopg import sql

    return sql.SQL(
        "suspects AS MATERIALIZED (SELECT {hash} AS hash FROM {table} AS r GROUP BY 1 HAVING count(*) > 1)"
    ).format(hash=_hash(daily), table=source.table(daily.table))


def _rows(source: Source, daily: Daily, most: int) -> Iterator[Same]:
    """Found, sorted and added up by the database.  A group that is cut off is merged in part, which loses nothing."""
    types = dict(ask(source, _TYPES, (quoted(daily.schema, daily.table),)))
    counters = [name for name, type_ in types.items() if type_ in _NUMBERS and name not in daily.key]
    width = len(counters)
    read = (
        (dict(zip(counters, row[:width], strict=True)), dict(zip(types, row[width:], strict=True)))
        for rows in source.stream(_query(source, daily, counters, list(types), most))
        for row in rows
    )
    for _, pairs in groupby(read, key=lambda pair: [pair[1][name] or "" for name in daily.key]):
        (sums, first), *rest = pairs
        if rest:
            yield Same((first, *(row for _, row in rest)), sums)


def _query(source: Source, daily: Daily, counters: list[str], columns: list[str], most: int) -> sql.Composed:
    """For each row of a sum that is in several, by sum: its sums, then its columns, as texts."""
    from psycopg import sql

    comma = sql.SQL(", ")
    return sql.SQL("""
        WITH {suspects}
        SELECT {sums}, {texts} FROM (
            SELECT * FROM (
                SELECT r.*, count(*) OVER (PARTITION BY {group}) AS "how many"
                FROM {table} AS r JOIN suspects ON {hash} = suspects.hash) AS r
            WHERE "how many" > 1 ORDER BY {order} LIMIT {most}) AS r
        WINDOW same AS (PARTITION BY {group}) ORDER BY {order}
    """).format(
        suspects=_suspects(source, daily),
        sums=comma.join(sql.SQL("(sum({}) OVER same)::text").format(sql.Identifier("r", name)) for name in counters),
        texts=comma.join(sql.SQL("{}::text").format(sql.Identifier("r", name)) for name in columns),
        group=(group := comma.join(_whole(name) for name in daily.key)),
        table=source.table(daily.table),
        hash=_hash(daily),
        # What LiteLLM looks for comes first where it is there, so that what is left of a cut-off group cannot collide
        # with the row that stays.
        order=sql.SQL("{}, num_nulls({}), r.created_at, r.id").format(
            group, comma.join(sql.Identifier("r", name) for name in daily.key)
        ),
        most=sql.Literal(most),
    )


def _said(daily: Daily, same: Same) -> str:
    first = same.rows[0]
    requests = " + ".join(row.get("api_requests") or "?" for row in same.rows[: _SHOWN * 2])
    more = " + …" if len(same.rows) > _SHOWN * 2 else ""
    whose = first[daily.key[0]] or "nobody"
    about = f"{whose}, {first['date']}, {shown_key(first['api_key'] or '')}, {first['model'] or 'no model'}"
    return f"{about}: {len(same.rows)} rows with {requests}{more} requests"


def _again(repeated: Repeated) -> str:
    rows = sum(len(same.rows) for same in repeated.same)
    if rows >= repeated.surplus + repeated.groups:
        return ""
    return f"One repair merges {MOST_ROWS} rows at most: repair again until nothing is found."
