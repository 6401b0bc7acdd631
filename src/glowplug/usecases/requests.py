"""What was asked, as the ledger has it: the newest first, and one with all its attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from glowplug.errors import NotFound, RequestError
from glowplug.store import requests
from glowplug.store.database import Database
from glowplug.store.requests import RequestView
from glowplug.store.speeds import Speed, speeds
from glowplug.usecases.catalog import Catalog
from glowplug.usecases.deprecated import DeprecatedName, DeprecatedNames
from glowplug.usecases.page import MOST, Page


class Requests:
    """`fold` brings the journal into the ledger; it waits for files, so it runs on a thread."""

    def __init__(self, database: Database, fold: Callable[[], object]) -> None:
        self._database = database
        self._fold = fold
        self._names = DeprecatedNames(database, fold)

    async def newest(self, limit: int, after: str = "", only: Mapping[str, str] | None = None) -> Page[RequestView]:
        """A page of requests behind the one with the id `after`.  Raises RequestError."""
        if not 1 <= limit <= MOST:
            raise RequestError(f"limit is {limit}", hint=f"ask for 1 to {MOST} rows")
        if not after:
            await asyncio.to_thread(self._fold)

        def work(connection: Connection) -> tuple[RequestView, ...]:
            before = None
            if after:
                last = requests.find(connection, after)
                if last is None:
                    raise RequestError(f"there is no request {after[:100]!r}", hint="begin again without after")
                before = (last.started, last.request)
            return requests.newest(connection, limit + 1, before, only)

        found = await self._database.run(work)
        more = len(found) > limit
        return Page(found[:limit], more, found[limit - 1].request if more else None)

    async def between(
        self, span: tuple[float, float], only: Mapping[str, str], limit: int, offset: int = 0
    ) -> tuple[tuple[RequestView, ...], int]:
        """Requests that started in a span of Unix seconds, the newest first, behind `offset` others; and how many
        there are in all."""
        await asyncio.to_thread(self._fold)

        def work(connection: Connection) -> tuple[tuple[RequestView, ...], int]:
            total = requests.count(connection, span, only)
            return requests.between(connection, span, only, limit, offset), total

        return await self._database.run(work)

    async def deprecated(self, catalog: Catalog) -> tuple[DeprecatedName, ...]:
        """Deprecated names of the configuration, and who still asks for them.  Raises StoreError."""
        return await self._names.used(catalog)

    async def speeds(self, since: float) -> tuple[Speed, ...]:
        """How quickly each model answered since then, in Unix seconds."""
        await asyncio.to_thread(self._fold)
        return await self._database.run(lambda c: speeds(c, since))

    async def show(self, request: str) -> RequestView:
        """The request with this id.  Raises NotFound."""
        await asyncio.to_thread(self._fold)
        found = await self._database.run(lambda c: requests.find(c, request))
        if found is None:
            raise NotFound(
                f"the ledger has no request {request[:100]!r}", hint="ids are in the header x-request-id of answers"
            )
        return found
