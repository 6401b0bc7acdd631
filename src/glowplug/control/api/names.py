"""`/admin/names`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import PAGED, Param, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.usecases.deprecated import DeprecatedName
from glowplug.usecases.names import Proposal, better
from glowplug.usecases.page import MOST, Page, page

_DEPRECATED = Param("deprecated", "Who uses names that should be used no more. 1 or 0.", bool)


def routes(services: Services) -> tuple[Endpoint, ...]:
    asked = services.requests

    @contract(Page[Proposal], Page[DeprecatedName], query=(*PAGED, _DEPRECATED) if asked is not None else PAGED)
    async def names(request: Request) -> Response:
        query = Query(request, ("limit", "after", *(("deprecated",) if asked is not None else ())))
        limit, after = query.number("limit", MOST, MOST), query.text("after")
        if asked is not None and query.flag("deprecated"):
            used = await asked.deprecated(services.catalog())
            return answer(page(used, lambda row: row.name, limit, after))
        return answer(page(better(services.catalog()), lambda row: row.name, limit, after))

    said = "models that should be called something else; with `deprecated`, who uses names that are"
    return (Endpoint("GET", "/admin/names", names, said, Policy.ADMIN),)
