"""`/admin/usage`."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Literal

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import BY, CSV, PAGED, SINCE, UNTIL, Param, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.errors import RequestError
from glowplug.store.usage import By
from glowplug.store.usage_columns import SUMS
from glowplug.store.usage_sum import UsageSum
from glowplug.usecases.page import MOST, Page
from glowplug.usecases.usage import groups

_FILTERS = ("model", "key", "user", "team")
_ONLY = tuple(Param(name, f"Only what this {name} used.") for name in _FILTERS)
_FORMAT = Param("format", "As JSON, page by page, or all of it as a CSV file.", Literal["json", "csv"])
_AS_FILE = {"content-disposition": 'attachment; filename="usage.csv"'}
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")
"""What spreadsheets compute when a cell begins with it; clients choose some of the names."""


def routes(services: Services) -> tuple[Endpoint, ...]:
    @contract(Page[UsageSum], query=(BY, SINCE, UNTIL, *PAGED, _FORMAT, *_ONLY), forms=(CSV,))
    async def show(request: Request) -> Response:
        query = Query(request, ("by", "since", "until", "limit", "after", "format", *_FILTERS))
        by, since, until = groups(query.text("by", "model,key,day")), query.text("since"), query.text("until")
        only = {name: value for name in _FILTERS if (value := query.text(name))}
        form, limit, after = query.text("format", "json"), query.number("limit", MOST, MOST), query.text("after")
        if form not in ("json", "csv"):
            raise RequestError(f"format is {form!r}", hint="write json or csv")
        found = await services.usage.sums(by, since, until, MOST if form == "csv" else limit, after, only)
        if form == "json":
            return answer(found)

        async def lines() -> AsyncIterator[str]:
            part = found
            yield csv_lines([_columns(by)])
            while True:
                yield csv_lines([[getattr(row, name) for name in _columns(by)] for row in part.data])
                if part.next is None:
                    return
                part = await services.usage.sums(by, since, until, MOST, part.next, only)

        return StreamingResponse(lines(), media_type=f"{CSV}; charset=utf-8", headers=_AS_FILE)

    return (
        Endpoint(
            "GET",
            "/admin/usage",
            show,
            "what was used and what it cost, by model, key, user, team, provider, tag and day",
            Policy.ADMIN,
        ),
    )


def csv_lines(rows: Iterable[Sequence[object]]) -> str:
    """Rows as RFC 4180 has them.  A text that a spreadsheet would compute begins with an apostrophe."""
    text = io.StringIO()
    csv.writer(text).writerows(
        [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULAS) else cell for cell in row] for row in rows
    )
    return text.getvalue()


def _columns(by: Sequence[By]) -> list[str]:
    groups = (By.DAY, *(one for one in By if one is not By.DAY))
    return [*(one.value for one in groups if one in by), *SUMS, "energy_mj"]
