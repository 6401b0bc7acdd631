"""`/admin/changes`: the audit log."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import PAGED, Param, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.change import Change
from glowplug.store.changes import FILTERS
from glowplug.usecases.page import MOST, Page


def routes(services: Services) -> tuple[Endpoint, ...]:
    changes = services.changes
    if changes is None:
        return ()

    @contract(Page[Change], query=(*PAGED, *(Param(name, f"Only those of this {name}.") for name in FILTERS)))
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after", *FILTERS))
        only = {name: value for name in FILTERS if (value := query.text(name))}
        return answer(await changes.newest(query.number("limit", 100, MOST), query.text("after"), only))

    return (Endpoint("GET", "/admin/changes", show, "what was changed, and by whom", Policy.ADMIN),)
