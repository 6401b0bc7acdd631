"""`/admin/backup`: backups on the machine of the server.  None is sent: the keys to the secrets are in it."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, PAGED, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.usecases.backups import BackupView, MadeBackup, NewBackup
from glowplug.usecases.page import MOST, Page


def routes(services: Services) -> tuple[Endpoint, ...]:
    backups = services.backups
    if backups is None:
        return ()

    @contract(Page[BackupView], query=PAGED)
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(await backups.every(query.number("limit", MOST, MOST), query.text("after")))

    @contract(MadeBackup, body=NewBackup, query=(DRY_RUN,))
    async def make(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        return answer(await backups.make(await body(request, NewBackup), dry_run, actor=actor(request)))

    return (
        Endpoint("GET", "/admin/backup", show, "backups on the machine of the server", Policy.ADMIN),
        Endpoint("POST", "/admin/backup", make, "make a backup there, and read it back", Policy.ADMIN),
    )
