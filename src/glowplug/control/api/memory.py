"""`/admin/memory`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.plan import MemoryView


def routes(services: Services) -> tuple[Endpoint, ...]:
    source = services.memory
    if source is None:
        return ()

    @contract(MemoryView)
    async def show(request: Request) -> Response:
        Query(request, ())
        return answer(source.memory())

    return (Endpoint("GET", "/admin/memory", show, "devices and who holds their memory", Policy.ADMIN),)
