"""`/admin/names`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.usecases.names import better
from glowplug.usecases.page import MOST, page


def routes(services: Services) -> tuple[Endpoint, ...]:
    async def names(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        rows = better(services.catalog())
        return answer(page(rows, lambda row: row.name, query.number("limit", MOST, MOST), query.text("after")))

    return (Endpoint("GET", "/admin/names", names, "models that should be called something else", Policy.ADMIN),)
