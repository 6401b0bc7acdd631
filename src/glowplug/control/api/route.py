"""`/admin/route`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.usecases.route import RouteAsked

_MOST = 16 << 20
"""Bytes of a question: a whole request may be in it."""


def routes(services: Services) -> tuple[Endpoint, ...]:
    plans = services.route_plans
    if plans is None:
        return ()

    async def explain(request: Request) -> Response:
        Query(request, ())
        asked = await body(request, RouteAsked, _MOST)
        return answer(await plans.explain(asked, request.state.key.id))

    return (Endpoint("POST", "/admin/route", explain, "where a request would go, without sending it", Policy.READ),)
