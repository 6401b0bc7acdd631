"""Renaming, put together for one control process."""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from typing import Protocol

from glowplug.clock import Clock
from glowplug.control.configuration import Configuration
from glowplug.lifecycle.learned import RunBook
from glowplug.paths import Paths
from glowplug.store.database import Database
from glowplug.usecases.rename import Renaming


class Book(Protocol):
    """What has rows of the database in memory."""

    def reload(self) -> Awaitable[None]: ...


def renaming(
    paths: Paths, configuration: Configuration, database: Database, clock: Clock, books: Sequence[Book]
) -> Renaming:
    """`books` are read again when the database has changed."""

    async def settled() -> None:
        for book in books:
            await book.reload()

    return Renaming(paths.managed, configuration, database, clock, settled, RunBook(paths.instances).copy)
