"""`/admin/memory`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services


def routes(services: Services) -> tuple[Endpoint, ...]:
    source = services.memory
    if source is None:
        return ()

    async def show(request: Request) -> Response:
        Query(request, ())
        return answer(source.memory())

    return (Endpoint("GET", "/admin/memory", show, "devices and who holds their memory", Policy.ADMIN),)
