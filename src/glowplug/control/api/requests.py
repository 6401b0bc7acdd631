"""`/admin/requests`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import PAGED, Param, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.store.requests import FILTERS, RequestView
from glowplug.usecases.page import MOST, Page

_USUAL = 50


def routes(services: Services) -> tuple[Endpoint, ...]:
    requests = services.requests
    if requests is None:
        return ()

    @contract(Page[RequestView], query=(*PAGED, *(Param(name, f"Only those of this {name}.") for name in FILTERS)))
    async def newest(request: Request) -> Response:
        query = Query(request, ("limit", "after", *FILTERS))
        only = {name: value for name in FILTERS if (value := query.text(name))}
        return answer(await requests.newest(query.number("limit", _USUAL, MOST), query.text("after"), only))

    @contract(RequestView)
    async def show(request: Request) -> Response:
        Query(request, ())
        return answer(await requests.show(request.path_params["id"]))

    return (
        Endpoint("GET", "/admin/requests", newest, "requests, the newest first", Policy.ADMIN),
        Endpoint("GET", "/admin/requests/{id}", show, "a request with all its attempts", Policy.ADMIN),
    )
