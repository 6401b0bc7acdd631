"""`/admin/me/teams`: teams that whoever asks manages.  Who does not is refused by the use case."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import BY, DRY_RUN, PAGED, SINCE, UNTIL, USER, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.store.usage_sum import UsageSum
from glowplug.usecases.key_changes import Rotation
from glowplug.usecases.key_view import KeyView
from glowplug.usecases.managing import ManagedTeam, Managing, TeamKey, TeamKeyChange
from glowplug.usecases.page import MOST, Page
from glowplug.usecases.teams import MemberView, NewMember
from glowplug.usecases.usage import groups

_TEAM = "/admin/me/teams/{id}"
_KEYS = f"{_TEAM}/keys"
_KEY = f"{_KEYS}/{{key}}"


def routes(services: Services) -> tuple[Endpoint, ...]:
    if services.teams is None:
        return ()
    book = Managing(services.keys, services.teams, services.budgets, services.usage, services.clock)
    return (*_team(book), *_keys(book))


def _team(book: Managing) -> tuple[Endpoint, ...]:
    @contract(ManagedTeam)
    async def show(request: Request) -> Response:
        Query(request, ())
        return answer(book.show(request.state.caller, request.path_params["id"]))

    @contract(Page[UsageSum], query=(BY, SINCE, UNTIL, *PAGED))
    async def usage(request: Request) -> Response:
        query = Query(request, ("by", "since", "until", "limit", "after"))
        found = await book.usage(
            request.state.caller,
            request.path_params["id"],
            groups(query.text("by", "model,key,day")),
            query.text("since"),
            query.text("until"),
            query.number("limit", MOST, MOST),
            query.text("after"),
        )
        return answer(found)

    @contract(MemberView, body=NewMember, query=(DRY_RUN,))
    async def put(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        team, wanted = _managed(book, request), await body(request, NewMember)
        return answer(await book.put_member(request.state.caller, team, wanted, dry_run, actor=actor(request)))

    @contract(MemberView, query=(USER, DRY_RUN))
    async def remove(request: Request) -> Response:
        query = Query(request, ("user", "dry_run"))
        team, user, dry_run = request.path_params["id"], query.text("user"), query.flag("dry_run")
        return answer(await book.remove_member(request.state.caller, team, user, dry_run, actor=actor(request)))

    return (
        Endpoint("GET", _TEAM, show, "a team that one manages", Policy.MANAGER),
        Endpoint("GET", f"{_TEAM}/usage", usage, "what it used", Policy.MANAGER),
        Endpoint("PUT", f"{_TEAM}/members", put, "put somebody into it", Policy.MANAGER),
        Endpoint("DELETE", f"{_TEAM}/members", remove, "take somebody out of it", Policy.MANAGER),
    )


def _keys(book: Managing) -> tuple[Endpoint, ...]:
    @contract(KeyView, body=TeamKey, query=(DRY_RUN,), status=201)
    async def create(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        team, wanted = _managed(book, request), await body(request, TeamKey)
        made = await book.create(request.state.caller, team, wanted, dry_run, actor=actor(request))
        return answer(made, 200 if dry_run else 201)

    @contract(KeyView, body=TeamKeyChange, query=(DRY_RUN,))
    async def block(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        team, key, wanted = *_place(book, request), await body(request, TeamKeyChange)
        return answer(await book.block(request.state.caller, team, key, wanted, dry_run, actor=actor(request)))

    @contract(KeyView, body=Rotation, query=(DRY_RUN,), status=201)
    async def rotate(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        team, key, wanted = *_place(book, request), await body(request, Rotation)
        made = await book.rotate(request.state.caller, team, key, wanted, dry_run, actor=actor(request))
        return answer(made, 200 if dry_run else 201)

    @contract(KeyView, query=(DRY_RUN,))
    async def revoke(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        team, key = _place(book, request)
        return answer(await book.revoke(request.state.caller, team, key, dry_run, actor=actor(request)))

    return (
        Endpoint("POST", _KEYS, create, "make a key of it", Policy.MANAGER),
        Endpoint("PATCH", _KEY, block, "block or let in a key of it", Policy.MANAGER),
        Endpoint("POST", f"{_KEY}/rotate", rotate, "put a new key in the place of one", Policy.MANAGER),
        Endpoint("POST", f"{_KEY}/revoke", revoke, "stop a key of it for good", Policy.MANAGER),
    )


def _managed(book: Managing, request: Request) -> str:
    """The team, of one who manages it: who does not learns nothing of what a body may have.  Raises Forbidden."""
    team: str = request.path_params["id"]
    book.check(request.state.caller, team)
    return team


def _place(book: Managing, request: Request) -> tuple[str, str]:
    return _managed(book, request), request.path_params["key"]
