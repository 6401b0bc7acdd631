"""`/admin/discover`: what this machine has and does not serve yet."""

from __future__ import annotations

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.engines.catalogue import Catalogue
from glowplug.usecases.adopt import Discovered, look


def routes(services: Services) -> tuple[Endpoint, ...]:
    book = services.managed
    if book is None:
        return ()

    @contract(Discovered)
    async def discover(request: Request) -> Response:
        Query(request, ())
        return answer(await look(book.loaded(), Catalogue(), str(Path.home())))

    told = "engines, weights and servers of this machine that could be used; nothing is changed"
    return (Endpoint("POST", "/admin/discover", discover, told, Policy.READ),)
