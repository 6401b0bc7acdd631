"""LiteLLM's real schema, as it was at several times: the SQL of the package `litellm-proxy-extras`, without Prisma."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, LiteralString

if TYPE_CHECKING:
    import psycopg

ERAS: Mapping[str, str] = {
    "1.72": "20250603",
    "1.77": "20250918",
    "1.82": "20260318",
    "newest": "99999999",
}
"""Version → the day of the last migration it had, as the migrations' names begin."""


def migrations(era: str) -> list[Path]:
    """The SQL files up to an era, in their order.  Raises ModuleNotFoundError without the package."""
    spec = find_spec("litellm_proxy_extras")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("pip install litellm-proxy-extras")
    folders = sorted((Path(spec.origin).parent / "migrations").glob("*/migration.sql"))
    return [file for file in folders if file.parent.name[:8] <= ERAS[era]]


def apply_schema(connection: psycopg.Connection[tuple[Any, ...]], era: str) -> None:
    """Make the tables of an era in an empty database; the connection commits by itself."""
    for file in migrations(era):
        for statement in _statements(file.read_text()):
            connection.execute(statement)


def columns(connection: psycopg.Connection[tuple[Any, ...]]) -> dict[str, frozenset[str]]:
    """Table → its columns."""
    found = connection.execute(
        "SELECT table_name, array_agg(column_name::text) FROM information_schema.columns"
        " WHERE table_schema = 'public' GROUP BY 1"
    )
    return {table: frozenset(names) for table, names in found}


def _statements(sql: str) -> list[LiteralString]:
    """A file at once, or statement by statement where one of them may not run in a transaction with others."""
    if "CONCURRENTLY" not in sql:
        return [sql]
    code = re.sub(r"^\s*--.*$", "", sql, flags=re.MULTILINE)
    return [part for part in code.split(";") if part.strip()]
