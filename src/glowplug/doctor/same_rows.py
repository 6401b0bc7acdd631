"""Rows of a daily table that are one row when NULL and an empty text are the same in their key, found and merged."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Final

from glowplug.doctor.foreign import Daily, ask, quoted
from glowplug.doctor.rows import RowChange, Texts
from glowplug.moving.litellm.source import Source

if TYPE_CHECKING:
    from psycopg import sql

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


def count_same(source: Source, daily: Daily) -> tuple[int, int]:
    """How many sums are in several rows, and how many rows are more than one for each sum."""
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
    return int(groups), int(surplus)


def count_null(source: Source, daily: Daily) -> int:
    """How many rows have NULL somewhere in their key."""
    from psycopg import sql

    query = sql.SQL("SELECT count(*) FROM {} AS r WHERE {}").format(source.table(daily.table), _has_null(daily))
    return int(ask(source, query)[0][0])


def null_rows(source: Source, daily: Daily, most: int) -> list[Texts]:
    """Those rows whole, as texts, at most so many."""
    from psycopg import sql

    names = [str(row[0]) for row in ask(source, _TYPES, (quoted(daily.schema, daily.table),))]
    query = sql.SQL("SELECT {} FROM {} AS r WHERE {} ORDER BY r.id LIMIT {}").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier("r", name)) for name in names),
        source.table(daily.table),
        _has_null(daily),
        sql.Literal(most),
    )
    return [dict(zip(names, row, strict=True)) for row in ask(source, query)]


def _has_null(daily: Daily) -> sql.Composed:
    from psycopg import sql

    key = sql.SQL(", ").join(sql.Identifier("r", name) for name in daily.key)
    return sql.SQL("num_nulls({}) > 0").format(key)


def filled(daily: Daily, row: Texts) -> RowChange:
    """The same row with empty texts where its key is NULL."""
    after = row | {name: "" for name in daily.key if row[name] is None}
    return RowChange(table=daily.table, key={"id": row["id"]}, before=row, after=after, masked=("api_key",))


def narrower(source: Source, daily: Daily) -> bool:
    """Whether an older unique index is in the way of filling in what is NULL."""
    key = frozenset(daily.key)
    unique = source.layout.unique.get(daily.table, frozenset())
    return any(columns < key and daily.key[0] in columns for columns in unique)


def merge(daily: Daily, same: Same, *, fill: bool) -> list[RowChange]:
    """All but the first go, and the first has the sums, and under `fill` the key that LiteLLM looks for."""
    first, *rest = same.rows
    table = daily.table
    after = first | same.sums
    if fill:
        after |= {name: "" for name in daily.key if first[name] is None}
    if "model_group" in first:
        after["model_group"] = next(
            (row["model_group"] for row in same.rows if row["model_group"]), first["model_group"]
        )
    if "updated_at" in first:
        after["updated_at"] = max(row["updated_at"] or "" for row in same.rows) or None
    going = [RowChange(table=table, key={"id": row["id"]}, before=row, after=None, masked=("api_key",)) for row in rest]
    return [*going, RowChange(table=table, key={"id": first["id"]}, before=first, after=after, masked=("api_key",))]


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


def same_rows(source: Source, daily: Daily, most: int) -> tuple[list[Same], bool]:
    """Found, sorted and added up by the database, and whether there are more than so many rows.

    Then the last ones may lack others that are the same, so they are left for the next time, unless they are all:
    what is merged in part loses nothing.
    """
    types = dict(ask(source, _TYPES, (quoted(daily.schema, daily.table),)))
    counters = [name for name, type_ in types.items() if type_ in _NUMBERS and name not in daily.key]
    width = len(counters)
    read = [
        (dict(zip(counters, row[:width], strict=True)), dict(zip(types, row[width:], strict=True)))
        for rows in source.stream(_query(source, daily, counters, list(types), most))
        for row in rows
    ]
    groups = [list(pairs) for _, pairs in groupby(read, key=lambda pair: [pair[1][name] or "" for name in daily.key])]
    cut = len(read) == most
    if cut and len(groups) > 1:
        groups.pop()
    # One row alone: two keys have the same hash.
    found = [Same(tuple(row for _, row in pairs), pairs[0][0]) for pairs in groups if len(pairs) > 1]
    return found, cut


def _query(source: Source, daily: Daily, counters: list[str], columns: list[str], most: int) -> sql.Composed:
    """For each row of a sum that is in several, by sum: its sums, then its columns, as texts."""
    from psycopg import sql

    comma = sql.SQL(", ")
    return sql.SQL("""
        WITH {suspects}
        SELECT {sums}, {texts} FROM (
            SELECT r.* FROM {table} AS r JOIN suspects ON {hash} = suspects.hash ORDER BY {order} LIMIT {most}) AS r
        WINDOW same AS (PARTITION BY {group}) ORDER BY {order}
    """).format(
        suspects=_suspects(source, daily),
        sums=comma.join(sql.SQL("(sum({}) OVER same)::text").format(sql.Identifier("r", name)) for name in counters),
        texts=comma.join(sql.SQL("{}::text").format(sql.Identifier("r", name)) for name in columns),
        # By day, as sums are compared with their logs, so that what is cut off here is cut off there.
        group=(group := comma.join(_whole(name) for name in sorted(daily.key, key=lambda name: name != "date"))),
        table=source.table(daily.table),
        hash=_hash(daily),
        # What LiteLLM looks for comes first where it is there, so that what is left of a cut-off group cannot collide
        # with the row that stays.
        order=sql.SQL("{}, num_nulls({}), r.created_at, r.id").format(
            group, comma.join(sql.Identifier("r", name) for name in daily.key)
        ),
        most=sql.Literal(most),
    )
