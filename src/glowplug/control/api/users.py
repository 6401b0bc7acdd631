"""`/admin/users`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, PAGED, WITH_KEYS, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.usecases.page import MOST, Page
from glowplug.usecases.users import NewUser, UserChange, UserView


def routes(services: Services) -> tuple[Endpoint, ...]:
    users = services.users
    if users is None:
        return ()

    def known() -> frozenset[str]:
        return frozenset(services.catalog().names())

    @contract(Page[UserView], query=PAGED)
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(users.list(query.number("limit", MOST, MOST), query.text("after")))

    @contract(UserView)
    async def one(request: Request) -> Response:
        Query(request, ())
        return answer(users.view(users.get(request.path_params["id"])))

    @contract(UserView, body=NewUser, query=(DRY_RUN,), status=201)
    async def create(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        made = await users.create(await body(request, NewUser), known(), dry_run, actor=actor(request))
        return answer(made, 200 if dry_run else 201)

    @contract(UserView, body=UserChange, query=(DRY_RUN,))
    async def update(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, UserChange)
        return answer(await users.update(request.path_params["id"], wanted, known(), dry_run, actor=actor(request)))

    @contract(UserView, query=(WITH_KEYS, DRY_RUN))
    async def delete(request: Request) -> Response:
        query = Query(request, ("with_keys", "dry_run"))
        dry_run, with_keys = query.flag("dry_run"), query.flag("with_keys")
        gone = await users.delete(request.path_params["id"], dry_run, with_keys=with_keys, actor=actor(request))
        return answer(gone)

    return (
        Endpoint("GET", "/admin/users", show, "people", Policy.ADMIN),
        Endpoint("POST", "/admin/users", create, "add a person", Policy.ADMIN),
        Endpoint("GET", "/admin/users/{id}", one, "a person", Policy.ADMIN),
        Endpoint("PATCH", "/admin/users/{id}", update, "change, block or let in a person", Policy.ADMIN),
        Endpoint("DELETE", "/admin/users/{id}", delete, "forget a person", Policy.ADMIN),
    )
