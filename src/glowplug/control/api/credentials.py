"""`/admin/credentials`: secrets of providers.  Nothing here answers with a value."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, PAGED, Param, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.usecases.credentials import CredentialView, NewCredential, Rotated
from glowplug.usecases.page import MOST, Page


def routes(services: Services) -> tuple[Endpoint, ...]:
    credentials = services.credentials
    if credentials is None:
        return ()

    @contract(Page[CredentialView], query=PAGED)
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(credentials.list(query.number("limit", MOST, MOST), query.text("after")))

    @contract(CredentialView, body=NewCredential, query=(DRY_RUN,))
    async def put(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        return answer(await credentials.put(await body(request, NewCredential), dry_run, actor=actor(request)))

    @contract(CredentialView, query=(Param("name", "Which one.", required=True), DRY_RUN))
    async def delete(request: Request) -> Response:
        query = Query(request, ("name", "dry_run"))
        return answer(await credentials.delete(query.text("name"), query.flag("dry_run"), actor=actor(request)))

    @contract(Rotated, query=(DRY_RUN,))
    async def rotate(request: Request) -> Response:
        return answer(await credentials.rotate(Query(request, ("dry_run",)).flag("dry_run"), actor=actor(request)))

    return (
        Endpoint("GET", "/admin/credentials", show, "secrets of providers, without their values", Policy.ADMIN),
        Endpoint("PUT", "/admin/credentials", put, "store a secret, sealed", Policy.ADMIN),
        Endpoint("DELETE", "/admin/credentials", delete, "forget a secret", Policy.ADMIN),
        Endpoint("POST", "/admin/credentials/rotate", rotate, "seal all secrets with a new key", Policy.ADMIN),
    )
