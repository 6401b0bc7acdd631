"""`/admin/invitations`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, Done, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.usecases.invitations import InvitationView, NewInvitation
from glowplug.usecases.page import Rows


def routes(services: Services) -> tuple[Endpoint, ...]:
    if services.logins is None:
        return ()
    invitations = services.logins.invitations

    @contract(Rows[InvitationView])
    async def show(request: Request) -> Response:
        Query(request, ())
        return answer({"data": await invitations.list()})

    @contract(InvitationView, body=NewInvitation, query=(DRY_RUN,), status=201)
    async def create(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, NewInvitation)
        return answer(await invitations.create(wanted, request.state.caller, dry_run), 200 if dry_run else 201)

    @contract(Done, query=(DRY_RUN,))
    async def revoke(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        await invitations.revoke(request.path_params["id"], request.state.caller, dry_run)
        return answer({})

    return (
        Endpoint("GET", "/admin/invitations", show, "invitations", Policy.ADMIN),
        Endpoint("POST", "/admin/invitations", create, "invite somebody, or give a new password", Policy.ADMIN),
        Endpoint("DELETE", "/admin/invitations/{id}", revoke, "take an invitation back", Policy.ADMIN),
    )
