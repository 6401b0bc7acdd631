"""A real PostgreSQL with LiteLLM's databases in it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from glowplug.testing.litellm_schema import apply_schema
from tests.support.postgres import postgres

LOCKED_USER = "needs_password"
PASSWORD = "right/pass:word@1"


class Server:
    """A running PostgreSQL whose databases are copies of templates."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._numbers = count(1)
        self._templates: dict[str, str] = {}

    def url(self, database: str, user: str = "postgres") -> str:
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(self.url(database), autocommit=True)

    def empty(self, template: str = "template0") -> str:
        """The name of a new database."""
        name = f"test_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(
                sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
            )
        return name

    def copy_of(self, key: str, make: Callable[[psycopg.Connection[tuple[object, ...]]], None]) -> str:
        """A new database like the one `make` fills, which is called once for each key."""
        if key not in self._templates:
            name = self.empty()
            with self.connect(name) as connection:
                make(connection)
            self._templates[key] = name
        return self.empty(self._templates[key])

    def litellm(self, era: str) -> str:
        """A new database with LiteLLM's tables and no rows."""
        return self.copy_of(f"era {era}", lambda connection: apply_schema(connection, era))


@contextmanager
def running() -> Iterator[Server]:
    with postgres(_roomy()) as server:
        with psycopg.connect(server.url("postgres").reveal(), autocommit=True) as connection:
            connection.execute(
                sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(LOCKED_USER), sql.Literal(PASSWORD))
            )
            rules = server.data / "pg_hba.conf"
            rules.write_text(f"local all {LOCKED_USER} scram-sha-256\n" + rules.read_text())
            connection.execute("SELECT pg_reload_conf()")
        yield Server(server.directory)


def _roomy() -> Path | None:
    """Memory, where there is enough of it: a database of LiteLLM's is a thousand small files."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > 4 << 30 else None
