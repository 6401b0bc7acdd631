"""`/admin/teams` and who is in them."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, PAGED, USER, WITH_KEYS, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.usecases.page import MOST, Page
from glowplug.usecases.teams import MemberView, NewMember, NewTeam, TeamBook, TeamChange, TeamView


def routes(services: Services) -> tuple[Endpoint, ...]:
    teams = services.teams
    if teams is None:
        return ()

    def known() -> frozenset[str]:
        return frozenset(services.catalog().names())

    @contract(Page[TeamView], query=PAGED)
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(teams.list(query.number("limit", MOST, MOST), query.text("after")))

    @contract(TeamView)
    async def one(request: Request) -> Response:
        Query(request, ())
        return answer(teams.view(teams.get(request.path_params["id"])))

    @contract(TeamView, body=NewTeam, query=(DRY_RUN,), status=201)
    async def create(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        made = await teams.create(await body(request, NewTeam), known(), dry_run, actor=actor(request))
        return answer(made, 200 if dry_run else 201)

    @contract(TeamView, body=TeamChange, query=(DRY_RUN,))
    async def update(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, TeamChange)
        return answer(await teams.update(request.path_params["id"], wanted, known(), dry_run, actor=actor(request)))

    @contract(TeamView, query=(WITH_KEYS, DRY_RUN))
    async def delete(request: Request) -> Response:
        query = Query(request, ("with_keys", "dry_run"))
        dry_run, with_keys = query.flag("dry_run"), query.flag("with_keys")
        gone = await teams.delete(request.path_params["id"], dry_run, with_keys=with_keys, actor=actor(request))
        return answer(gone)

    return (
        Endpoint("GET", "/admin/teams", show, "teams", Policy.ADMIN),
        Endpoint("POST", "/admin/teams", create, "make a team", Policy.ADMIN),
        Endpoint("GET", "/admin/teams/{id}", one, "a team", Policy.ADMIN),
        Endpoint("PATCH", "/admin/teams/{id}", update, "change, block or let in a team", Policy.ADMIN),
        Endpoint("DELETE", "/admin/teams/{id}", delete, "forget a team", Policy.ADMIN),
        *_members(teams),
    )


def _members(teams: TeamBook) -> tuple[Endpoint, ...]:
    @contract(Page[MemberView], query=PAGED)
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        limit = query.number("limit", MOST, MOST)
        return answer(teams.members(request.path_params["id"], limit, query.text("after")))

    @contract(MemberView, body=NewMember, query=(DRY_RUN,))
    async def put(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, NewMember)
        return answer(await teams.put_member(request.path_params["id"], wanted, dry_run, actor=actor(request)))

    @contract(MemberView, query=(USER, DRY_RUN))
    async def remove(request: Request) -> Response:
        query = Query(request, ("user", "dry_run"))
        user, dry_run = query.text("user"), query.flag("dry_run")
        return answer(await teams.remove_member(request.path_params["id"], user, dry_run, actor=actor(request)))

    members = "/admin/teams/{id}/members"
    return (
        Endpoint("GET", members, show, "who is in a team", Policy.ADMIN),
        Endpoint("PUT", members, put, "put somebody into a team", Policy.ADMIN),
        Endpoint("DELETE", members, remove, "take somebody out of a team", Policy.ADMIN),
    )
