"""`/admin/requests/{id}/bodies`, `/admin/keys/{id}/bodies`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.usecases.bodies import BodyView, Removed


def routes(services: Services) -> tuple[Endpoint, ...]:
    bodies = services.bodies
    if bodies is None:
        return ()

    @contract(BodyView)
    async def show(request: Request) -> Response:
        Query(request, ())
        return answer(await bodies.show(request.path_params["id"]))

    @contract(Removed)
    async def remove(request: Request) -> Response:
        Query(request, ())
        return answer(await bodies.remove(request.path_params["id"]))

    return (
        Endpoint("GET", "/admin/requests/{id}/bodies", show, "what was sent and answered", Policy.ALONE),
        Endpoint("DELETE", "/admin/keys/{id}/bodies", remove, "delete what is kept of a key", Policy.ADMIN),
    )
