"""A backup: one zip file with the rows of every table, which either kind of database can be made from.

    manifest.json        what is in it (`Manifest`)
    tables/NAME.jsonl    one JSON array a row, in the order of the manifest's columns; bytes as base64
    files/NAME           files of the installation that the rows are worth nothing without

Tables are looked up in the database itself, so a backup of an older schema is one of that schema.  Rows are streamed
both ways: memory does not grow with the ledger.
"""

from __future__ import annotations

import hashlib
import json
import os
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from sqlalchemy import Connection, LargeBinary, MetaData, Table, func, select

from glowplug.errors import StoreError

T = TypeVar("T")

FORMAT = 1
_ROWS = 2000
_SUM = 1 << 128
_MOST_MANIFEST = 1 << 20
_MANIFEST = "manifest.json"
_VERSIONS = "alembic_version"


class Rows(msgspec.Struct, frozen=True):
    """The rows of one table."""

    name: str
    columns: tuple[str, ...]
    rows: int
    sha256: str
    """Of the bytes of its member."""
    sum: str
    """Hexadecimal sum of a 128-bit hash of each row: the same in whatever order a database gives them."""


class Manifest(msgspec.Struct, frozen=True):
    """What a backup holds."""

    version: str
    """The Glowplug that wrote it."""
    revision: str
    made_at: float
    """Unix time."""
    tables: tuple[Rows, ...]
    files: dict[str, str]
    """Name → SHA-256."""
    format: int = FORMAT

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)


def write(
    connection: Connection, target: Path, version: str, revision: str, now: float, files: Mapping[str, bytes]
) -> Manifest:
    """Write a backup (mode 0600) of what one transaction sees, read it back, and only then give it its name.

    Raises StoreError when it cannot be written or does not read back as it was written; SQLAlchemyError.
    """
    new = target.with_name(f"{target.name}.new")
    try:
        new.unlink(missing_ok=True)
        with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600), "w+b") as file:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
                manifest = _write(connection, archive, version, revision, now, files)
            file.flush()
            os.fsync(file.fileno())
        verify(new)
        new.replace(target)
    except OSError as error:
        raise StoreError(
            f"the backup {target} cannot be written: {error.strerror}", hint="check its disk and directory"
        ) from error
    finally:
        new.unlink(missing_ok=True)
    return manifest


def _write(
    connection: Connection,
    archive: zipfile.ZipFile,
    version: str,
    revision: str,
    now: float,
    files: Mapping[str, bytes],
) -> Manifest:
    tables = []
    for table in _tables(connection):
        digest, total, count = hashlib.sha256(), 0, 0
        with archive.open(f"tables/{table.name}.jsonl", "w", force_zip64=True) as member:
            for lines in _batched(_lines(connection, table)):
                count += len(lines)
                total = (total + sum(map(_hash, lines))) % _SUM
                block = b"".join(lines)
                digest.update(block)
                member.write(block)
        columns = tuple(str(column.name) for column in table.columns)
        tables.append(Rows(str(table.name), columns, count, digest.hexdigest(), f"{total:032x}"))
    for name, data in files.items():
        archive.writestr(f"files/{name}", data)
    hashes = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest = Manifest(version, revision, now, tuple(tables), hashes)
    archive.writestr(_MANIFEST, msgspec.json.format(msgspec.json.encode(manifest), indent=1))
    return manifest


def verify(file: Path) -> Manifest:
    """Read a whole backup and compare it with its manifest.  Raises StoreError that says what does not fit."""
    with _opened(file) as archive:
        manifest = _manifest(archive, file)
        for table in manifest.tables:
            digest, count = hashlib.sha256(), 0
            for line in _member(archive, file, table):
                digest.update(line)
                count += 1
            if count != table.rows or digest.hexdigest() != table.sha256:
                raise _damaged(file, f"the rows of {table.name} are not those that were written")
        for name in manifest.files:
            content(file, manifest, name)
    return manifest


def manifest(file: Path) -> Manifest:
    """What a backup says that it holds, which nothing was compared with.  Raises StoreError for what is none."""
    with _opened(file) as archive:
        return _manifest(archive, file)


def sizes(connection: Connection) -> dict[str, int]:
    """How many rows each table has that would be written."""
    counts = {table.name: select(func.count()).select_from(table) for table in _tables(connection)}
    return {name: int(connection.execute(query).scalar_one()) for name, query in counts.items()}


def content(file: Path, manifest: Manifest, name: str) -> bytes:
    """One of the installation's files in a backup.  Raises StoreError when it is not as it was written."""
    with _opened(file) as archive:
        try:
            data = archive.read(f"files/{name}")
        except (KeyError, zipfile.BadZipFile, OSError, EOFError) as error:
            raise _damaged(file, f"{name} in it cannot be read: {error}") from None
    if hashlib.sha256(data).hexdigest() != manifest.files[name]:
        raise _damaged(file, f"{name} in it is not what was written")
    return data


def fill(connection: Connection, file: Path, manifest: Manifest) -> None:
    """Put the rows of a backup into empty tables of its revision, and read them back from there.

    Raises StoreError when a table is another one, or holds something else afterwards; SQLAlchemyError.
    """
    there = {table.name: table for table in _tables(connection)}
    with _opened(file) as archive, _indices_later(connection):
        for rows in manifest.tables:
            table = there.get(rows.name)
            if table is None or set(rows.columns) != {column.name for column in table.columns}:
                raise _damaged(file, f"its table {rows.name} is not one of schema revision {manifest.revision}")
            put = _Inserts(connection, table, rows.columns)
            for lines in _batched(_member(archive, file, rows)):
                put(lines)
            total = count = 0
            for line in _lines(connection, table, rows.columns):
                total += _hash(line)
                count += 1
            if count != rows.rows or f"{total % _SUM:032x}" != rows.sum:
                raise StoreError(
                    f"the table {rows.name} did not become what the backup has", hint="nothing was changed"
                )


class _Inserts:
    """Puts lines of a backup into a table in the driver's own way, which is a third of the work."""

    def __init__(self, connection: Connection, table: Table, names: Sequence[str]) -> None:
        self._connection = connection
        dialect = connection.dialect
        columns = [table.columns[name] for name in names]
        quote = dialect.identifier_preparer.quote
        place = "%s" if dialect.name == "postgresql" else "?"
        self._statement = (
            f"INSERT INTO {quote(table.name)} ({', '.join(quote(column.name) for column in columns)})"  # noqa: S608
            f" VALUES ({', '.join([place] * len(columns))})"  # what the database itself calls them, quoted
        )
        processors = [(at, c.type.dialect_impl(dialect).bind_processor(dialect)) for at, c in enumerate(columns)]
        self._binary = [at for at, column in enumerate(columns) if isinstance(column.type, LargeBinary)]
        self._processors = [(at, processor) for at, processor in processors if processor is not None]

    def __call__(self, lines: Iterable[bytes]) -> None:
        rows = []
        for line in lines:
            row = _read(line)
            for at in self._binary:
                if row[at] is not None:
                    row[at] = b64decode(row[at])
            for at, processor in self._processors:
                row[at] = processor(row[at])
            rows.append(tuple(row))
        self._connection.exec_driver_sql(self._statement, rows)


@contextmanager
def _indices_later(connection: Connection) -> Iterator[None]:
    """Make the indices of a SQLite file when its tables are full: sorted once, instead of a page read and written for
    each row.  In the transaction that fills it."""
    found: list[tuple[str, str]] = []
    if connection.dialect.name == "sqlite":
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"
        found = [(name, sql) for name, sql in connection.exec_driver_sql(query)]
    quote = connection.dialect.identifier_preparer.quote
    for name, _ in found:
        connection.exec_driver_sql(f"DROP INDEX {quote(name)}")
    yield
    for _, sql in found:
        connection.exec_driver_sql(sql)


def drop_all(connection: Connection) -> None:
    """Empty a database of ours."""
    found = MetaData()
    found.reflect(connection)
    found.drop_all(connection)


def _tables(connection: Connection) -> list[Table]:
    found = MetaData()
    found.reflect(connection)
    return [table for table in found.sorted_tables if table.name != _VERSIONS]


def _lines(connection: Connection, table: Table, names: Iterable[str] = ()) -> Iterator[bytes]:
    """Its rows as they are written, one after the other, so that memory stays flat."""
    columns = [table.columns[name] for name in names] or list(table.columns)
    binary = [isinstance(column.type, LargeBinary) for column in columns]
    query = select(*columns).order_by(*table.primary_key.columns).execution_options(yield_per=_ROWS)
    rows = connection.execute(query)
    encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), sort_keys=False).encode
    if not any(binary):
        for row in rows:
            yield encode(tuple(row)).encode() + b"\n"
        return
    for row in rows:
        values = [
            b64encode(value).decode() if is_bytes and value is not None else value
            for value, is_bytes in zip(row, binary, strict=True)
        ]
        yield encode(values).encode() + b"\n"


def _batched(items: Iterator[T]) -> Iterator[list[T]]:
    while batch := list(islice(items, _ROWS)):
        yield batch


def _read(line: bytes) -> list[Any]:
    try:
        return msgspec.json.decode(line, type=list[Any])
    except msgspec.DecodeError:
        # Numbers that are none (`NaN`, `Infinity`), which only Python's own reader knows.
        return list(json.loads(line))


def _hash(line: bytes) -> int:
    return int.from_bytes(hashlib.blake2b(line, digest_size=16).digest())


def _opened(file: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(file)
    except (OSError, zipfile.BadZipFile, EOFError) as error:
        why = (
            error.strerror
            if isinstance(error, OSError) and error.strerror
            else "it is no backup of Glowplug, or cut off"
        )
        raise StoreError(f"the backup {file} cannot be read: {why}", hint="choose another") from None


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    try:
        with archive.open(_MANIFEST) as member:
            manifest = msgspec.json.decode(member.read(_MOST_MANIFEST), type=Manifest)
    except (KeyError, OSError, EOFError, zipfile.BadZipFile, msgspec.DecodeError):
        raise StoreError(
            f"the backup {file} cannot be read: it is no backup of Glowplug", hint="choose another"
        ) from None
    if manifest.format != FORMAT:
        raise StoreError(
            f"the backup {file} has format {manifest.format}, and this release reads {FORMAT}; Glowplug "
            f"{manifest.version} wrote it",
            hint="run `pip install --upgrade glowplug`",
        )
    return manifest


def _member(archive: zipfile.ZipFile, file: Path, table: Rows) -> Iterator[bytes]:
    try:
        with archive.open(f"tables/{table.name}.jsonl") as member:
            yield from member
    except (KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _damaged(file, f"the rows of {table.name} cannot be read: {error}") from None


def _damaged(file: Path, why: str) -> StoreError:
    return StoreError(f"the backup {file} is damaged: {why}", hint="choose another; nothing was changed")
