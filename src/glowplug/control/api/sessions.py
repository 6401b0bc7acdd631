"""`/admin/sessions`: who is logged in.  Admins and viewers see everybody's sessions, others their own."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, Param, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.access import Role
from glowplug.domain.caller import Caller
from glowplug.errors import Forbidden, NotFound, RequestError
from glowplug.usecases.page import Rows
from glowplug.usecases.sessions import Ended, Sessions, SessionView

_USER = Param("user", "Whose.")
_MINE = Param("mine", "One's own. 1 or 0.", bool)


def routes(services: Services) -> tuple[Endpoint, ...]:
    if services.logins is None:
        return ()
    noun = _Sessions(services.logins.sessions)
    return (
        Endpoint("GET", "/admin/sessions", noun.show, "who is logged in; of members: their own", Policy.SELF),
        Endpoint("DELETE", "/admin/sessions", noun.end_all, "end a user's sessions but the one that asks", Policy.SELF),
        Endpoint("DELETE", "/admin/sessions/{id}", noun.end, "end a session", Policy.SELF),
    )


class _Sessions:
    def __init__(self, book: Sessions) -> None:
        self._book = book

    @contract(Rows[SessionView], query=(_USER, _MINE))
    async def show(self, request: Request) -> Response:
        caller: Caller = request.state.caller
        query = Query(request, ("user", "mine"))
        user = caller.user if query.flag("mine") or caller.role is Role.USER else query.text("user")
        theirs = query.text("user")
        if theirs and user != theirs:
            raise Forbidden(f"the sessions of {theirs[:100]!r} are an admin's to see", hint="leave the user out")
        nobodys = not user and (caller.role is Role.USER or query.flag("mine"))
        return answer({"data": () if nobodys else await self._book.list(user, caller.session)})

    @contract(SessionView, query=(DRY_RUN,))
    async def end(self, request: Request) -> Response:
        caller = _who_may_end(request)
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        only = "" if caller.role is Role.ADMIN else caller.user
        if caller.role is not Role.ADMIN and not only:
            raise NotFound("there is no such session of yours", hint="this API key belongs to nobody")
        return answer(await self._book.end(request.path_params["id"], caller, only, dry_run))

    @contract(Ended, query=(_USER, _MINE, DRY_RUN))
    async def end_all(self, request: Request) -> Response:
        caller = _who_may_end(request)
        query = Query(request, ("user", "mine", "dry_run"))
        mine, dry_run = query.flag("mine"), query.flag("dry_run")
        user = caller.user if mine or caller.role is not Role.ADMIN else query.text("user")
        if (theirs := query.text("user")) and user != theirs:
            raise Forbidden(f"the sessions of {theirs[:100]!r} are an admin's to end", hint="leave the user out")
        if not user:
            raise RequestError(
                "whose sessions?", hint="give the parameter user, or mine=1 with a key that is somebody's"
            )
        return answer(await self._book.end_all(user, caller, dry_run))


def _who_may_end(request: Request) -> Caller:
    caller: Caller = request.state.caller
    if caller.role is Role.VIEWER:
        raise Forbidden(
            "a viewer may look and change nothing", hint="DELETE /auth/sessions/{id} ends one's own, logged in"
        )
    return caller
