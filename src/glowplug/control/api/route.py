"""`/admin/route`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.caller import Caller
from glowplug.domain.route_plan import RoutePlan
from glowplug.errors import RequestError
from glowplug.usecases.route import RouteAsked

_MOST = 16 << 20
"""Bytes of a question: a whole request may be in it."""


def routes(services: Services) -> tuple[Endpoint, ...]:
    plans = services.route_plans
    if plans is None:
        return ()

    @contract(RoutePlan, body=RouteAsked)
    async def explain(request: Request) -> Response:
        Query(request, ())
        asked = await body(request, RouteAsked, _MOST)
        caller: Caller = request.state.caller
        if caller.key is None and not asked.key:
            raise RequestError("say which API key would send it", hint="a session sends nothing to models")
        return answer(await plans.explain(asked, "" if caller.key is None else caller.key.id))

    return (Endpoint("POST", "/admin/route", explain, "where a request would go, without sending it", Policy.READ),)
