"""What checks of a foreign LiteLLM database have in common: getting at it, its daily tables, names in statements."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from glowplug.doctor.base import CouldNotLook, NothingToLookAt
from glowplug.moving.litellm.eras import DAILY, DAILY_KEY

if TYPE_CHECKING:
    from glowplug.doctor.site import Site
    from glowplug.moving.litellm.source import Source

_WORK_MEM = "64MB"
_HASH = 64
_HASH_SHOWN = 8


@contextmanager
def litellm_database(site: Site) -> Iterator[Source]:
    """The database that was named, to be read only.  Raises NothingToLookAt where none was, StoreError."""
    if site.litellm is None or site.litellm.database is None:
        raise NothingToLookAt("no LiteLLM database was named")
    with site.foreign() as source:
        yield source


def ask(source: Source, query: Any, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
    """All rows of a query that has few.  Raises StoreError."""
    return [row for rows in source.stream(query, parameters) for row in rows]


def more_memory(source: Source) -> None:
    """Let the database add up in memory what it would sort on its disk; for this transaction only."""
    ask(source, "SELECT set_config('work_mem', %s, true)", (_WORK_MEM,))


def must_read(source: Source, tables: Iterable[str]) -> None:
    """Raises CouldNotLook when one of them may not be read: what is not seen would be taken for what is not there."""
    if refused := sorted(set(tables) & source.layout.forbidden):
        raise CouldNotLook(f"the database's user may not read {', '.join(refused)} of {source.name}")


@dataclass(frozen=True)
class Daily:
    """One of the tables with daily sums, as this database has it."""

    schema: str
    table: str
    whose: str
    """A key of `eras.DAILY`."""
    key: tuple[str, ...]
    """The columns that tell two rows apart for the code that goes with this table, whose they are first."""


def daily_tables(source: Source) -> tuple[Daily, ...]:
    """Those that are there.  Raises CouldNotLook when one may not be read, NothingToLookAt when there is none."""
    must_read(source, DAILY.values())
    layout = source.layout
    found = []
    for whose, table in DAILY.items():
        names = ("tag" if whose == "tag" else f"{whose}_id", *DAILY_KEY)
        if layout.has(table):
            found.append(Daily(layout.schema, table, whose, tuple(name for name in names if layout.has(table, name))))
    if not found:
        raise NothingToLookAt("the database has no daily tables")
    return tuple(found)


def quoted(*names: str) -> str:
    """An identifier in a statement: `"public"."LiteLLM_UserTable"`."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """A text in a statement."""
    return "'" + text.replace("'", "''") + "'"


def shown_key(token: str) -> str:
    """The beginning of the hash of a key; nothing of what may be a key itself."""
    if len(token) == _HASH and not set(token) - set("0123456789abcdef"):
        return token[:_HASH_SHOWN] + "…"
    return "no key" if not token else "another key"


def many(count: int, what: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{count} {what}" if count == 1 else f"{count} {what}s"
