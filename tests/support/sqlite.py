"""A SQLite database that has our tables, without the migrations that lead to them: they are run once a test process.

A copy is what `Database.open` leaves, byte for byte.  What is tested in `tests/store/` about making, upgrading and
protecting a file makes its own.
"""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from glowplug.store.database import Database


def put(file: Path) -> None:
    """Write an empty database of this release, private to this user, where there is none yet."""
    file.touch(mode=0o600, exist_ok=False)
    file.write_bytes(_empty())


def opened(file: Path) -> Database:
    """An open database on a new file."""
    put(file)
    database = Database(file)
    database.open()
    return database


@cache
def _empty() -> bytes:
    with tempfile.TemporaryDirectory(prefix="gp-db-") as folder:
        file = Path(folder) / "glowplug.db"
        database = Database(file)
        database.open()
        database.close()
        return file.read_bytes()
