"""Who still uses names that are deprecated."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec

from glowplug.store.database import Database
from glowplug.store.requests import Asker, askers
from glowplug.usecases.catalog import Catalog


class DeprecatedName(msgspec.Struct, frozen=True, kw_only=True):
    """A deprecated alias, and whose requests named it since it is that."""

    name: str
    targets: tuple[str, ...]
    """What clients should name instead."""
    since: float
    """Unix seconds of the beginning of the day (UTC) from which on it is deprecated."""
    requests: int
    last: float | None
    """Unix seconds of the last request; None when there was none."""
    uses: tuple[Asker, ...]
    """By key and user, the last one first."""


class DeprecatedNames:
    """`fold` brings the journal into the ledger; it waits for files, so it runs on a thread."""

    def __init__(self, database: Database, fold: Callable[[], object]) -> None:
        self._database = database
        self._fold = fold

    async def used(self, catalog: Catalog) -> tuple[DeprecatedName, ...]:
        """Every deprecated alias of the configuration in force.  An answer from the cache has no line in the ledger,
        so who gets only those is not seen.  Raises StoreError."""
        found = [alias for alias in catalog.aliases if alias.deprecated]
        if not found:
            return ()

        since = {alias.name: float(alias.deprecated) for alias in found}
        await asyncio.to_thread(self._fold)
        uses = await self._database.run(lambda c: askers(c, since))
        return tuple(
            DeprecatedName(
                name=alias.name,
                targets=alias.targets,
                since=alias.deprecated,
                requests=sum(one.requests for one in uses[alias.name]),
                last=max((one.last for one in uses[alias.name]), default=None),
                uses=uses[alias.name],
            )
            for alias in found
        )
