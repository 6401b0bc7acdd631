"""`/admin/limits`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.api.budgets import names
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, PAGED, Param, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.domain.budget import Scope
from glowplug.errors import RequestError
from glowplug.usecases.limits import LimitView, NewLimit
from glowplug.usecases.page import MOST, Page

_SCOPE = Param("scope", "Of what kind it is; left out: everybody's.", Scope)


def routes(services: Services) -> tuple[Endpoint, ...]:
    limits = services.limits
    if limits is None:
        return ()

    @contract(Page[LimitView], query=PAGED)
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(limits.list(query.number("limit", MOST, MOST), query.text("after")))

    @contract(LimitView, body=NewLimit, query=(DRY_RUN,))
    async def put(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, NewLimit)
        return answer(await limits.put(wanted, names(services), dry_run, actor=actor(request)))

    @contract(LimitView, query=(_SCOPE, Param("name", "Of whom; nobody for everybody."), DRY_RUN))
    async def delete(request: Request) -> Response:
        query = Query(request, ("scope", "name", "dry_run"))
        scope = query.text("scope", Scope.ALL)
        if scope not in set(Scope):
            raise RequestError(f"there is no scope {scope!r}", hint=f"there are {', '.join(Scope)}")
        return answer(
            await limits.delete(Scope(scope), query.text("name"), query.flag("dry_run"), actor=actor(request))
        )

    return (
        Endpoint("GET", "/admin/limits", show, "limits of users, teams, tags and models", Policy.ADMIN),
        Endpoint("POST", "/admin/limits", put, "limit a user, a team, a tag, a model or everybody", Policy.ADMIN),
        Endpoint("DELETE", "/admin/limits", delete, "take a limit away", Policy.ADMIN),
    )
