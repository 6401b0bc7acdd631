"""Unique indexes of the daily tables over other columns than LiteLLM's code takes them to be.

A migration drops the index and makes it anew under the same name `IF NOT EXISTS`.  Where the drop did not run the
older, narrower one stays without a word, so names say nothing and columns are compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from glowplug.doctor.base import Check, Remedy
from glowplug.doctor.foreign import Daily, ask, daily_tables, litellm_database, literal, many, quoted
from glowplug.doctor.rows import Rows, Statement
from glowplug.doctor.site import Site
from glowplug.domain.finding import Finding, Group, Severity
from glowplug.moving.litellm.source import Source

_LONGEST_NAME: Final = 63
_COLUMNS: Final = """ARRAY(SELECT a.attname::text FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (number, place)
 JOIN pg_catalog.pg_attribute a ON a.attrelid = x.indrelid AND a.attnum = k.number
 WHERE k.place <= x.indnkeyatts ORDER BY k.place)"""
_INDEXES: Final = """
SELECT t.relname::text, i.relname::text, COLUMNS, x.indisvalid, x.indpred IS NULL AND x.indexprs IS NULL,
 pg_get_indexdef(x.indexrelid), coalesce(pg_get_constraintdef(c.oid), '')
FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid
JOIN pg_catalog.pg_class t ON t.oid = x.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
LEFT JOIN pg_catalog.pg_constraint c ON c.conindid = x.indexrelid AND c.contype = 'u'
WHERE x.indisunique AND NOT x.indisprimary AND n.nspname = %s AND t.relname = ANY (%s)
ORDER BY 1, 2
""".replace("COLUMNS", _COLUMNS)


@dataclass(frozen=True)
class Index:
    """A unique index."""

    name: str
    columns: tuple[str, ...]
    valid: bool
    """It was built to its end."""
    plain: bool
    """It is over columns of all rows."""
    definition: str
    """The statement that makes it."""
    constraint: str = ""
    """`UNIQUE (…)` where it belongs to a constraint."""


@dataclass(frozen=True)
class Unique:
    """What is unique in one table."""

    daily: Daily
    indexes: tuple[Index, ...]
    violated: int = 0
    """How many sums are in several rows that the index that is lacking would refuse."""

    @property
    def right(self) -> bool:
        return any(i.valid and i.plain and set(i.columns) == set(self.daily.key) for i in self.indexes)

    @property
    def stale(self) -> tuple[Index, ...]:
        """Those that refuse rows which they should not, and those that stopped half built."""
        key = set(self.daily.key)
        own = [i for i in self.indexes if self.daily.key[0] in i.columns and i.plain]
        return tuple(i for i in own if set(i.columns) < key or (set(i.columns) == key and not i.valid))

    @property
    def name(self) -> str:
        """Of the index that is lacking: the one that was in its place, or as Prisma calls it."""
        if self.stale:
            return self.stale[0].name
        return "_".join((self.daily.table, *self.daily.key))[: _LONGEST_NAME - len("_key")] + "_key"


class UniqueIndexes(Check[tuple[Unique, ...]]):
    """A flush that meets a narrower index fails, and its usage is lost."""

    name = "litellm-unique-indexes"
    title = "Unique indexes of LiteLLM's daily tables have the columns that its code expects"
    group = Group.LITELLM

    def gather(self, site: Site) -> tuple[Unique, ...]:
        with litellm_database(site) as source:
            tables = daily_tables(source)
            rows = ask(source, _INDEXES, (source.layout.schema, [daily.table for daily in tables]))
            found = []
            for daily in tables:
                own = (Index(row[1], tuple(row[2]), *row[3:]) for row in rows if row[0] == daily.table)
                unique = Unique(daily, tuple(own))
                found.append(unique if unique.right else Unique(daily, unique.indexes, _violated(source, daily)))
        return tuple(found)

    def inspect(self, facts: tuple[Unique, ...]) -> Sequence[Finding]:
        return [finding for unique in facts for finding in self._of(unique)]

    def _of(self, unique: Unique) -> list[Finding]:
        key = unique.daily.key
        advice = ""
        if unique.violated:
            advice = f"Repair litellm-duplicate-days first: several rows are one, for {many(unique.violated, 'sum')}."
        found = [
            Finding(
                check=self.name,
                severity=Severity.ERROR,
                subject=f"{unique.daily.table}: {index.name}",
                summary=_wrong(index, key),
                evidence=(f"it is over {', '.join(index.columns)}", f"the code tells rows apart by {', '.join(key)}"),
                consequence="Every write of a row that differs in these columns only fails (P2002), and all that was"
                " to be written with it is lost.",
                advice=advice,
            )
            for index in unique.stale
        ]
        if not unique.right and not found:
            others = [f"{index.name} is over {', '.join(index.columns)}" for index in unique.indexes]
            found.append(
                Finding(
                    check=self.name,
                    severity=Severity.ERROR,
                    subject=unique.daily.table,
                    summary=f"has no unique index over {', '.join(key)}",
                    evidence=tuple(others) or ("it has no unique index but its primary key",),
                    consequence="Newer releases cannot write to it at all, and older ones write the same sum several"
                    " times.",
                    advice=advice,
                )
            )
        return found

    def remedy(self, facts: tuple[Unique, ...]) -> Remedy | None:
        wrong = [unique for unique in facts if (unique.stale or not unique.right) and not unique.violated]
        if not wrong:
            return None
        return Remedy(
            actions=[_repair(unique) for unique in wrong],
            risk="LiteLLM's writes to a table wait until its index is built. Undoing it fails once there are rows that"
            " the old index refuses.",
        )


def _wrong(index: Index, key: Sequence[str]) -> str:
    if not index.valid:
        return "was never built to its end"
    lacking = ", ".join(name for name in key if name not in index.columns)
    return f"is the index of an older schema: it lacks {lacking}"


def _violated(source: Source, daily: Daily) -> int:
    """Groups of rows that a unique index refuses; it takes NULLs for different."""
    from psycopg import sql

    columns = [sql.Identifier(name) for name in daily.key]
    query = sql.SQL("SELECT count(*) FROM (SELECT FROM {} WHERE {} GROUP BY {} HAVING count(*) > 1) AS twice").format(
        sql.Identifier(daily.schema, daily.table),
        sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(column) for column in columns),
        sql.SQL(", ").join(columns),
    )
    return int(ask(source, query)[0][0])


def _repair(unique: Unique) -> Rows:
    daily, stale = unique.daily, unique.stale
    table = quoted(daily.schema, daily.table)
    do = [_drop(index, daily) for index in stale]
    undo = [_make(index, table) for index in stale]
    if unique.right:
        done = " AND ".join(f"NOT {_there(daily, index.name, index.columns)}" for index in stale)
        why = f"drop the older index {', '.join(index.name for index in stale)} of {daily.table}"
    else:
        do.append(
            f"CREATE UNIQUE INDEX {quoted(unique.name)} ON {table} ({', '.join(quoted(name) for name in daily.key)})"
        )
        undo.insert(0, f"DROP INDEX {quoted(daily.schema, unique.name)}")
        done = _there(daily, unique.name, daily.key)
        why = f"make the unique index of {daily.table} over {', '.join(daily.key)}"
    statement = Statement(do="; ".join(do), undo="; ".join(undo), done=f"SELECT {done}")
    return Rows(schema=daily.schema, changes=(statement,), why=why)


def _drop(index: Index, daily: Daily) -> str:
    if index.constraint:
        return f"ALTER TABLE {quoted(daily.schema, daily.table)} DROP CONSTRAINT {quoted(index.name)}"
    return f"DROP INDEX {quoted(daily.schema, index.name)}"


def _make(index: Index, table: str) -> str:
    if index.constraint:
        return f"ALTER TABLE {table} ADD CONSTRAINT {quoted(index.name)} {index.constraint}"
    return index.definition


def _there(daily: Daily, name: str, columns: Sequence[str]) -> str:
    """Whether a whole unique index of that name is over these columns."""
    wanted = ", ".join(literal(column) for column in columns)
    return (
        "EXISTS (SELECT FROM pg_catalog.pg_index x JOIN pg_catalog.pg_class i ON i.oid = x.indexrelid"
        f" WHERE x.indrelid = {literal(quoted(daily.schema, daily.table))}::regclass AND i.relname = {literal(name)}"
        f" AND x.indisunique AND x.indisvalid AND {_COLUMNS} = ARRAY[{wanted}]::text[])"
    )
