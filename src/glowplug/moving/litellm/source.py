"""LiteLLM's PostgreSQL database, opened so that nothing can be written and one moment is seen.

Everything is read in a single transaction, `REPEATABLE READ READ ONLY`: a running LiteLLM neither waits for it nor
changes what it sees.  The transaction is read-only and not the session, because behind a pooler the session goes back
to LiteLLM.  Rows come through server-side cursors, so that memory does not grow with the table.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any

from glowplug.errors import StoreError
from glowplug.moving.litellm.address import Address, parse_address
from glowplug.moving.litellm.eras import HEART, PREFIX, Layout, Wanted, check_layout
from glowplug.secret import Secret

if TYPE_CHECKING:
    import psycopg

BATCH = 5_000
"""Rows that are in memory at a time."""
_CONNECT_S = 10
_STATEMENT_S = 600
"""For one statement: a batch, or the sums of a whole table."""
_LOCK_S = 20
"""Only a migration locks a table against reading."""

_TABLES = """
SELECT n.nspname, c.relname, has_table_privilege(c.oid, 'SELECT'), array_agg(a.attname::text)
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relkind IN ('r', 'p') AND starts_with(c.relname::text, %s) AND has_schema_privilege(n.oid, 'USAGE')
GROUP BY 1, 2, 3
"""
_UNIQUE = """
SELECT c.relname, array_agg(a.attname::text)
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
WHERE i.indisunique AND n.nspname = %s
GROUP BY c.relname, i.indexrelid
"""


class Source:
    """An open, read-only view of one moment of a LiteLLM database.  Waits, so never on an event loop."""

    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]], address: Address) -> None:
        """Use `open_source`, which makes the connection as it must be."""
        self._connection = connection
        self._cursors = 0
        self.name = str(address)
        """User, host and database, for people."""
        self.layout = self._read_layout(address.schema)
        check_layout(self.layout, self.name)

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._connection.close()

    def rows(self, wanted: Wanted) -> Iterator[Mapping[str, object]]:
        """The rows of a table, as columns → values, by their key; columns the era lacks are None.

        Nothing when the table is not there, or may not be read.
        """
        from psycopg import sql

        present = self.layout.tables.get(wanted.table)
        if present is None:
            return
        names = [name for name in (*wanted.columns, *wanted.moments) if name in present]
        selected = [
            sql.SQL("extract(epoch FROM {})::float8").format(sql.Identifier(name))
            if name in wanted.moments
            else sql.Identifier(name)
            for name in names
        ]
        order: list[sql.Composable] = [sql.Identifier(name) for name in wanted.key if name in present] or [sql.SQL("1")]
        query = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
            sql.SQL(", ").join(selected), self.table(wanted.table), sql.SQL(", ").join(order)
        )
        nothing = dict.fromkeys((*wanted.columns, *wanted.moments))
        for batch in self.stream(query):
            for row in batch:
                yield nothing | dict(zip(names, row, strict=True))

    def table(self, name: str) -> Any:
        """The name of a table for a statement that is put together with `psycopg.sql`."""
        from psycopg import sql

        return sql.Identifier(self.layout.schema, name)

    def stream(self, query: Any, parameters: Sequence[object] = ()) -> Iterator[list[tuple[Any, ...]]]:
        """The rows of a statement, `BATCH` at a time."""
        self._cursors += 1
        with self._errors(), self._connection.cursor(f"glowplug_{self._cursors}") as cursor:
            cursor.execute(query, parameters)
            while rows := cursor.fetchmany(BATCH):
                yield rows

    def filled(self) -> frozenset[str]:
        """LiteLLM's tables that have rows."""
        from psycopg import sql

        tables = sorted(self.layout.tables)
        asked = [sql.SQL("EXISTS (SELECT FROM {})").format(self.table(name)) for name in tables]
        with self._errors():
            row = self._connection.execute(sql.SQL("SELECT {}").format(sql.SQL(", ").join(asked))).fetchone()
        return frozenset(name for name, there in zip(tables, row or (), strict=True) if there)

    def count(self, table: str) -> int:
        """Rows of a table as the database's statistics have it: for a progress bar, not for a sum."""
        with self._errors():
            row = self._connection.execute(
                "SELECT reltuples::bigint FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n"
                " ON n.oid = c.relnamespace WHERE n.nspname = %s AND c.relname = %s",
                (self.layout.schema, table),
            ).fetchone()
        return max(0, row[0]) if row else 0

    def _read_layout(self, schema: str) -> Layout:
        with self._errors():
            found = self._connection.execute(_TABLES, (PREFIX,)).fetchall()
            if not schema:
                path = self._connection.execute("SELECT current_schemas(false)").fetchone()
                schema = _where({row[0] for row in found if row[1] == HEART}, path[0] if path else [])
            unique = self._connection.execute(_UNIQUE, (schema,)).fetchall()
        here = [row for row in found if row[0] == schema]
        keys: dict[str, set[frozenset[str]]] = {}
        for table, columns in unique:
            keys.setdefault(table, set()).add(frozenset(columns))
        return Layout(
            schema,
            {row[1]: frozenset(row[3]) for row in here if row[2]},
            frozenset(row[1] for row in here if not row[2]),
            {table: frozenset(sets) for table, sets in keys.items()},
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            raise _reading_failed(error, self.name) from None


def open_source(url: Secret) -> Source:
    """Connect to the database at `postgresql://…`.

    Raises StoreError with a sentence for people: the driver is missing, nobody answers, the password is wrong, it is
    another database, it may not be read.  No message has the password in it.
    """
    import_driver()
    import psycopg

    connection = connect(url)
    address = parse_address(url.reveal())
    try:
        _begin(connection)
        return Source(connection, address)
    except psycopg.Error as error:
        connection.close()
        raise _reading_failed(error, str(address)) from None
    except BaseException:
        connection.close()
        raise


def import_driver() -> None:
    """Raises StoreError when the driver is missing."""
    try:
        import psycopg  # noqa: F401 - asked for, not used
    except ImportError:
        raise StoreError(
            "reading a PostgreSQL database needs a driver that is not installed",
            hint="pip install 'glowplug[postgres]'",
            code="source_driver",
        ) from None


def connect(url: Secret) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection as the address says, which commits what is done.  Raises StoreError, as `open_source`."""
    import_driver()
    import psycopg

    address = parse_address(url.reveal())
    parameters: dict[str, Any] = {"connect_timeout": _CONNECT_S, "application_name": "glowplug", **address.parameters}
    if address.password:
        parameters["password"] = address.password.reveal()
    try:
        # No prepared statements: behind a pooler the next one may run elsewhere.
        return psycopg.connect("", prepare_threshold=None, client_encoding="utf8", **parameters)
    except psycopg.Error as error:
        raise _connecting_failed(error, address) from None


def _begin(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Everything after this is in one transaction that cannot write, and whose settings end with it."""
    import psycopg

    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    for setting, value in (
        ("statement_timeout", f"{_STATEMENT_S}s"),
        ("lock_timeout", f"{_LOCK_S}s"),
        # We may be busy with a batch for longer than the server lets others be idle.
        ("idle_in_transaction_session_timeout", "0"),
        # Digits that give a float back exactly; some poolers leave fewer behind.
        ("extra_float_digits", "1"),
        ("cursor_tuple_fraction", "1.0"),
        # An error where a policy would hide rows, instead of an import that lacks them.
        ("row_security", "off"),
        ("timezone", "UTC"),
        # Times as text are compared with what is there when a row is changed.
        ("datestyle", "ISO, YMD"),
    ):
        connection.execute("SELECT set_config(%s, %s, true)", (setting, value))
    answer = connection.execute("SHOW transaction_read_only").fetchone()
    if answer is None or answer[0] != "on":
        raise StoreError("the database did not begin a transaction that cannot write", code="source_writable")


def _where(having: set[str], path: list[str]) -> str:
    """The schema that has the tables: the first of the search path, else the only one, else the path's first."""
    on_path = [name for name in path if name in having]
    if on_path or len(having) != 1:
        return (on_path or path or ["public"])[0]
    return having.pop()


def _first_line(error: psycopg.Error, password: Secret | None = None) -> str:
    """What the server or libpq said, without the password and on one line."""
    text = " ".join(str(error).split("\n")[0].split())
    if password is not None and password:
        text = text.replace(password.reveal(), "***")
    return text[:300]


# While a connection is made, libpq hands on what the server said, and no code.
_NO_PASSWORD = re.compile(r'password authentication failed|no password supplied|role ".*" does not exist')
_NO_DATABASE = re.compile(r'database ".*" does not exist')


def _connecting_failed(error: psycopg.Error, address: Address) -> StoreError:
    said = str(error)
    if _NO_PASSWORD.search(said):
        message, hint = f"{address} does not accept the user or the password", "check both in the address"
        return StoreError(message, hint=hint, code="source_password")
    if _NO_DATABASE.search(said):
        message = f"the server of {address} has no such database"
        return StoreError(message, hint="check the last part of the address", code="source_no_database")
    if "invalid connection option" in said:
        message, hint = f"{address} has an option that nobody knows", "check what follows the ? of the address"
        return StoreError(message, hint=hint, code="source_address")
    return StoreError(
        f"{address} cannot be reached: {_first_line(error, address.password)}",
        hint="is PostgreSQL running, and may this machine connect to it?",
        code="source_unreachable",
    )


def _reading_failed(error: psycopg.Error, name: str) -> StoreError:
    state = error.sqlstate or ""
    said = _first_line(error)
    known: Mapping[str, tuple[str, str, str]] = {
        "42501": (f"the database's user may not read all of {name}: {said}", "grant it SELECT", "source_forbidden"),
        "55P03": (f"a table of {name} stays locked", "a migration is running: try again after it", "source_locked"),
        "57014": (f"{name} took too long: {said}", "try again when it has less to do", "source_slow"),
    }
    if state in known:
        message, hint, code = known[state]
        return StoreError(message, hint=hint, code=code)
    return StoreError(
        f"reading {name} failed: {said}", hint="run it again: it goes on where it stopped", code="source_lost"
    )
