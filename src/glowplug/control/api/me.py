"""`/admin/me`: whoever asks, and what is theirs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control import cookies
from glowplug.control.answers import answer
from glowplug.control.api.logins import address
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, SINCE, UNTIL, Done, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.usecases.key_view import KeyView
from glowplug.usecases.logins import LoginBook, NewPassword
from glowplug.usecases.me import Me, Mine, MyKey

_MOST = 8192
"""Bytes of a body with passwords."""


def routes(services: Services) -> tuple[Endpoint, ...]:
    users, teams = services.users, services.teams
    if users is None or teams is None:
        return ()
    me = Me(services.keys, users, teams, services.budgets, services.usage, services.clock)

    @contract(Mine, query=(SINCE, UNTIL))
    async def show(request: Request) -> Response:
        query = Query(request, ("since", "until"))
        return answer(await me.show(request.state.caller, query.text("since"), query.text("until")))

    @contract(KeyView, body=MyKey, query=(DRY_RUN,), status=201)
    async def create(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        made = await me.create(request.state.key, await body(request, MyKey), dry_run, actor=actor(request))
        return answer(made, 200 if dry_run else 201)

    @contract(KeyView, query=(DRY_RUN,))
    async def revoke(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        return answer(await me.revoke(request.state.key, request.path_params["id"], dry_run, actor=actor(request)))

    every = (
        Endpoint("GET", "/admin/me", show, "who is asking, and what is theirs", Policy.SELF),
        Endpoint("POST", "/admin/me/keys", create, "make a key like one's own", Policy.OWN),
        Endpoint("POST", "/admin/me/keys/{id}/revoke", revoke, "stop a key of one's own", Policy.OWN),
    )
    return every if services.logins is None else (*every, _password(services.logins))


def _password(book: LoginBook) -> Endpoint:
    @contract(Done, body=NewPassword)
    async def change(request: Request) -> Response:
        Query(request, ())
        cookies.needs_https(request.headers)
        await book.change_password(request.state.caller, await body(request, NewPassword, _MOST), address(request))
        return answer({})

    return Endpoint("POST", "/admin/me/password", change, "another password of one's own", Policy.SELF)
