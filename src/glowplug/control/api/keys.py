"""`/admin/keys`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.usecases.keys import NewKey
from glowplug.usecases.page import MOST


def routes(services: Services) -> tuple[Endpoint, ...]:
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(services.keys.list(query.number("limit", MOST, MOST), query.text("after")))

    async def create(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, NewKey)
        known = frozenset(services.catalog().names())
        return answer(await services.keys.create(wanted, known, dry_run), 200 if dry_run else 201)

    async def revoke(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        return answer(await services.keys.revoke(request.path_params["id"], dry_run))

    return (
        Endpoint("GET", "/admin/keys", show, "API keys", Policy.ADMIN),
        Endpoint("POST", "/admin/keys", create, "make an API key", Policy.ADMIN),
        Endpoint("POST", "/admin/keys/{id}/revoke", revoke, "stop an API key for good", Policy.ADMIN),
    )
