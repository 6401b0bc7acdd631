"""`/admin/config/file`: the configuration file as text."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.usecases.config_file import MOST_BYTES, ConfigText, Edit, Edited


def routes(services: Services) -> tuple[Endpoint, ...]:
    file = services.config_file
    if file is None:
        return ()

    @contract(ConfigText)
    async def show(request: Request) -> Response:
        Query(request, ())
        return answer(await file.read())

    @contract(Edited, body=Edit, query=(DRY_RUN,))
    async def write(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        return answer(await file.write(await body(request, Edit, MOST_BYTES), dry_run, actor=actor(request)))

    path = "/admin/config/file"
    return (
        Endpoint("GET", path, show, "the configuration file, secrets masked", Policy.ALONE),
        Endpoint("PUT", path, write, "write the configuration file and put it in force", Policy.ADMIN),
    )
