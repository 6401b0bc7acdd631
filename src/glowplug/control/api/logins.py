"""`/auth`: how people get in with a browser, and out again.

`POST /auth/login` and `/auth/claim` answer with a cookie and the session's CSRF token; a page that was loaded anew asks
`GET /auth/me` for it.
"""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control import cookies
from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import Done, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.caller import Caller
from glowplug.usecases.invitations import Claim
from glowplug.usecases.logins import Login, LoginBook, Me, me
from glowplug.usecases.page import Rows
from glowplug.usecases.sessions import LIFETIME, Opened, SessionView

_MOST = 8192
"""Bytes of a body."""


def routes(services: Services) -> tuple[Endpoint, ...]:
    if services.logins is None:
        return ()
    noun = _Logins(services.logins)
    return (
        Endpoint("POST", "/auth/login", noun.login, "begin a session with a password", Policy.LOGIN),
        Endpoint("POST", "/auth/claim", noun.claim, "use an invitation", Policy.LOGIN),
        Endpoint("POST", "/auth/logout", noun.logout, "end this session", Policy.PERSON),
        Endpoint("GET", "/auth/me", noun.me, "who is logged in", Policy.PERSON),
        Endpoint("GET", "/auth/sessions", noun.sessions, "one's own sessions", Policy.PERSON),
        Endpoint("DELETE", "/auth/sessions/{id}", noun.end, "end one of one's own sessions", Policy.PERSON),
    )


class _Logins:
    def __init__(self, book: LoginBook) -> None:
        self._book = book

    @contract(Me, body=Login)
    async def login(self, request: Request) -> Response:
        Query(request, ())
        cookies.needs_https(request.headers)
        asked = await body(request, Login, _MOST)
        return let_in(request, await self._book.login(asked, address(request), agent(request)))

    @contract(Me, body=Claim)
    async def claim(self, request: Request) -> Response:
        Query(request, ())
        cookies.needs_https(request.headers)
        asked = await body(request, Claim, _MOST)
        return let_in(request, await self._book.invitations.claim(asked, agent(request)))

    @contract(Done)
    async def logout(self, request: Request) -> Response:
        Query(request, ())
        caller: Caller = request.state.caller
        await self._book.sessions.end(caller.session, caller, caller.user)
        response = answer({})
        for cookie in cookies.clear_cookies():
            response.headers.append("set-cookie", cookie)
        return response

    @contract(Me)
    async def me(self, request: Request) -> Response:
        Query(request, ())
        caller: Caller = request.state.caller
        csrf = self._book.sessions.csrf(cookies.token_in(request.headers) or "")
        return answer(await self._book.me(caller.user, caller.session, csrf))

    @contract(Rows[SessionView])
    async def sessions(self, request: Request) -> Response:
        Query(request, ())
        caller: Caller = request.state.caller
        return answer({"data": await self._book.sessions.list(caller.user, caller.session)})

    @contract(Done)
    async def end(self, request: Request) -> Response:
        Query(request, ())
        caller: Caller = request.state.caller
        await self._book.sessions.end(request.path_params["id"], caller, caller.user)
        return answer({})


def let_in(request: Request, opened: Opened) -> Response:
    """The answer to whoever just got in: who they are, and the cookie."""
    response = answer(me(opened))
    response.headers["set-cookie"] = cookies.set_cookie(request.headers, opened.token.reveal(), LIFETIME)
    return response


def address(request: Request) -> str:
    """Where a request comes from, as the worker saw it; it lets nobody else say so."""
    return request.headers.get("x-glowplug-peer", "local")


def agent(request: Request) -> str:
    """What the browser calls itself."""
    return request.headers.get("user-agent", "")
