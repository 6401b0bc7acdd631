"""`/admin/keys`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, PAGED, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.usecases.key_changes import KeyChange, Rotation
from glowplug.usecases.key_view import KeyView
from glowplug.usecases.keys import NewKey
from glowplug.usecases.page import MOST, Page


def routes(services: Services) -> tuple[Endpoint, ...]:
    @contract(Page[KeyView], query=PAGED)
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(services.keys.list(query.number("limit", MOST, MOST), query.text("after")))

    @contract(KeyView, body=NewKey, query=(DRY_RUN,), status=201)
    async def create(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, NewKey)
        known = frozenset(services.catalog().names())
        return answer(await services.keys.create(wanted, known, dry_run, actor=actor(request)), 200 if dry_run else 201)

    @contract(KeyView, query=(DRY_RUN,))
    async def revoke(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        return answer(await services.keys.revoke(request.path_params["id"], dry_run, actor=actor(request)))

    @contract(KeyView, body=KeyChange, query=(DRY_RUN,))
    async def update(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, KeyChange)
        known = frozenset(services.catalog().names())
        changed = await services.keys.update(request.path_params["id"], wanted, known, dry_run, actor=actor(request))
        return answer(changed)

    @contract(KeyView, body=Rotation, query=(DRY_RUN,), status=201)
    async def rotate(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, Rotation)
        made = await services.keys.rotate(request.path_params["id"], wanted, dry_run, actor=actor(request))
        return answer(made, 200 if dry_run else 201)

    return (
        Endpoint("GET", "/admin/keys", show, "API keys", Policy.ADMIN),
        Endpoint("POST", "/admin/keys", create, "make an API key", Policy.ADMIN),
        Endpoint("PATCH", "/admin/keys/{id}", update, "change, block or let in an API key", Policy.ADMIN),
        Endpoint("POST", "/admin/keys/{id}/rotate", rotate, "put a new API key in the place of one", Policy.ADMIN),
        Endpoint("POST", "/admin/keys/{id}/revoke", revoke, "stop an API key for good", Policy.ADMIN),
    )
