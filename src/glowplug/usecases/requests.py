"""What was asked, as the ledger has it: the newest first, and one with all its attempts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import msgspec
from sqlalchemy import Connection

from glowplug.errors import NotFound, RequestError
from glowplug.store import requests
from glowplug.store.database import Database
from glowplug.store.request_search import OUTCOMES, Found, Wanted, search
from glowplug.store.requests import RequestView
from glowplug.store.speeds import Speed, speeds
from glowplug.usecases.catalog import Catalog
from glowplug.usecases.deprecated import DeprecatedName, DeprecatedNames
from glowplug.usecases.page import MOST

LEAST_ID = 8
"""Characters of an id that is looked for by its beginning."""


class RequestPage(msgspec.Struct, frozen=True, kw_only=True):
    """Some requests, and the `after` that goes on behind them.

    There may be fewer than were asked for and still more to come: one page reads a bounded part of the past.
    """

    data: tuple[RequestView, ...]
    has_more: bool = False
    next: str | None = None
    seen: float | None = None
    """How far back was looked (Unix seconds); None to the end."""


def _place(connection: Connection, request: str, name: str) -> tuple[float, str]:
    found = requests.find(connection, request)
    if found is None:
        raise RequestError(f"there is no request {request[:100]!r}", hint=f"begin again without {name}")
    return found.started, found.request


class Requests:
    """`fold` brings the journal into the ledger; it waits for files, so it runs on a thread."""

    def __init__(self, database: Database, fold: Callable[[], object]) -> None:
        self._database = database
        self._fold = fold
        self._names = DeprecatedNames(database, fold)

    async def newest(
        self, limit: int, after: str = "", wanted: Wanted | None = None, newer: str = ""
    ) -> RequestPage:  # fmt: skip
        """A page of requests like these, behind the one with the id `after` and not as far as the one with the id
        `newer`.  Raises RequestError."""
        if not 1 <= limit <= MOST:
            raise RequestError(f"limit is {limit}", hint=f"ask for 1 to {MOST} rows")
        wanted = wanted or Wanted()
        if wanted.outcome not in ("", *OUTCOMES):
            raise RequestError(
                f"no request ends as {wanted.outcome[:100]!r}", hint=f"outcome is one of {', '.join(OUTCOMES)}"
            )
        if 0 < len(wanted.id) < LEAST_ID:
            raise RequestError(
                f"{wanted.id!r} is the beginning of too many ids", hint=f"write {LEAST_ID} characters or more"
            )
        if not after:
            await asyncio.to_thread(self._fold)

        def work(connection: Connection) -> Found:
            since = _place(connection, newer, "newer") if newer else None
            before = _place(connection, after, "after") if after else None
            return search(connection, msgspec.structs.replace(wanted, newer=since), limit, before)

        found = await self._database.run(work)
        at = found.stopped
        return RequestPage(
            data=found.requests, has_more=at is not None, next=at[1] if at else None, seen=at[0] if at else None
        )

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
