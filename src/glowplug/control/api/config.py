"""`/admin/config`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.config.show import Shown
from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.usecases.changes import reloaded
from glowplug.usecases.config import Checked, Reloaded


def routes(services: Services) -> tuple[Endpoint, ...]:
    @contract(Shown)
    async def show(request: Request) -> Response:
        Query(request, ())
        return answer(services.config.shown())

    @contract(Checked)
    async def check(request: Request) -> Response:
        Query(request, ())
        return answer(await services.config.check())

    @contract(Reloaded, query=(DRY_RUN,))
    async def reload(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        found = await services.config.reload(dry_run)
        if services.changes is not None and not dry_run:
            await services.changes.note(reloaded(actor(request), services.clock.unix(), found))
        return answer(found)

    return (
        Endpoint("GET", "/admin/config", show, "the configuration in force, with sources", Policy.ADMIN),
        Endpoint("POST", "/admin/config/check", check, "what is wrong with the file on the disk", Policy.READ),
        Endpoint("POST", "/admin/config/reload", reload, "put the file on the disk in force", Policy.ADMIN),
    )
