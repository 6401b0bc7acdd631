"""`/admin/requests`, and `/admin/speeds`, which is read from them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.store.requests import FILTERS
from glowplug.usecases.page import MOST

_USUAL = 50
_LATELY = 300.0
_LONGEST = 86_400.0
"""Seconds behind us that speeds are asked for."""


def routes(services: Services) -> tuple[Endpoint, ...]:
    requests = services.requests
    if requests is None:
        return ()

    async def newest(request: Request) -> Response:
        query = Query(request, ("limit", "after", *FILTERS))
        only = {name: value for name in FILTERS if (value := query.text(name))}
        return answer(await requests.newest(query.number("limit", _USUAL, MOST), query.text("after"), only))

    async def show(request: Request) -> Response:
        Query(request, ())
        return answer(await requests.show(request.path_params["id"]))

    async def speeds(request: Request) -> Response:
        seconds = Query(request, ("seconds",)).seconds("seconds", _LATELY, _LONGEST)
        return answer({"data": await requests.speeds(services.clock.unix() - seconds)})

    return (
        Endpoint("GET", "/admin/speeds", speeds, "how quickly models answered lately", Policy.ADMIN),
        Endpoint("GET", "/admin/requests", newest, "requests, the newest first", Policy.ADMIN),
        Endpoint("GET", "/admin/requests/{id}", show, "a request with all its attempts", Policy.ADMIN),
    )
