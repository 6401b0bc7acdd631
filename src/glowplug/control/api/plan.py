"""`/admin/plan`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.plan import PlanView
from glowplug.usecases.plan import AliasPlan


def routes(services: Services) -> tuple[Endpoint, ...]:
    plans = services.plans
    if plans is None:
        return ()

    @contract(PlanView, AliasPlan)
    async def plan(request: Request) -> Response:
        Query(request, ())
        return answer(plans.plan(request.path_params["name"]))

    return (Endpoint("GET", "/admin/plan/{name:path}", plan, "what loading a model would do", Policy.ADMIN),)
