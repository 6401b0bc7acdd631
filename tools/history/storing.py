"""Puts a history into a database, through the statements of the fold."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

import msgspec
from sqlalchemy import Connection, insert

from glowplug.store import keys, prices, tables
from glowplug.store.attempts import add_closed
from glowplug.store.database import Database
from tools.history import making

BATCH = 1_000
"""Records in one transaction, as the fold has them."""
T = TypeVar("T")


def store(database: Database, shape: making.Shape, told: Callable[[str], None]) -> float:
    """Everything of this shape into a database that has no history; returns microseconds per attempt in the ledger."""

    def small(connection: Connection) -> None:
        for key in making.keys(shape):
            keys.add(connection, key)
        prices.note(
            connection, dict.fromkeys(shape.model_names(), making.price()), making.END - shape.days * making.DAY
        )
        for some in batches(making.changes(shape)):
            connection.execute(insert(tables.changes), [msgspec.structs.asdict(one) for one in some])

    database.call(small)
    spent, done = 0.0, 0
    for records in batches(making.lines(shape)):
        start = time.perf_counter()
        database.call(lambda c, records=records: add_closed(c, "w0-1-1", records))  # type: ignore[misc]
        spent += time.perf_counter() - start
        done += len(records)
        if done % 100_000 < BATCH:
            told(f"{done:,} attempts, {spent / done * 1e6:.1f} µs each")
    return spent / max(done, 1) * 1e6


def batches(of: Iterable[T], size: int = BATCH) -> Iterator[list[T]]:
    """Some at a time."""
    left = iter(of)
    while some := list(islice(left, size)):
        yield some
