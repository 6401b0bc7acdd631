"""`/admin/status` and `/health/*` of the control process itself."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.usecases.status import Status


class Alive(msgspec.Struct, frozen=True, kw_only=True):
    """The control process answers."""

    status: str


def routes(services: Services) -> tuple[Endpoint, ...]:
    @contract(Status)
    async def status(request: Request) -> Response:
        Query(request, ())
        return answer(services.status())

    @contract(Alive)
    async def control(_request: Request) -> Response:
        return answer(Alive(status="ok"))

    return (
        Endpoint("GET", "/admin/status", status, "version, uptime, revision, workers", Policy.ADMIN),
        Endpoint("GET", "/health/control", control, "whether the control process answers", Policy.OPEN),
    )
