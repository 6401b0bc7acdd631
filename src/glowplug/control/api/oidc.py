"""`/auth/oidc`: a browser goes to the identity provider and comes back."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from glowplug.control import cookies
from glowplug.control.api.logins import agent
from glowplug.control.auth import Policy
from glowplug.control.contracts import Param, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.usecases.oidc import LASTS, OidcLogin
from glowplug.usecases.sessions import LIFETIME

_AFTER = "/ui/#entered"
_SEE_OTHER = 303


def routes(services: Services) -> tuple[Endpoint, ...]:
    if services.oidc is None:
        return ()
    noun = _Oidc(services.oidc)
    return (
        Endpoint("GET", "/auth/oidc/login", noun.login, "log in with the identity provider", Policy.LOGIN),
        Endpoint("GET", "/auth/oidc/tie", noun.tie, "tie one's user to the identity provider", Policy.PERSON),
        Endpoint("GET", "/auth/oidc/callback", noun.callback, "back from the identity provider", Policy.RETURN),
    )


class _Oidc:
    def __init__(self, oidc: OidcLogin) -> None:
        self._oidc = oidc

    @contract(media="", status=303)
    async def login(self, request: Request) -> Response:
        return await self._leave(request, "")

    @contract(media="", status=303)
    async def tie(self, request: Request) -> Response:
        return await self._leave(request, request.state.caller.user)

    @contract(
        media="",
        status=303,
        query=(
            Param("state", "As it was sent there."),
            Param("code", "The provider's."),
            Param("iss", "The provider."),
        ),
    )
    async def callback(self, request: Request) -> Response:
        """Providers add parameters of their own, so unknown ones are let through."""
        cookies.needs_https(request.headers)
        given = request.query_params
        opened = await self._oidc.finish(
            given.get("state", ""), given.get("code", ""), given.get("iss", ""), cookies.waiting_in(request.headers),
            agent(request),
        )  # fmt: skip
        response = RedirectResponse(_AFTER, _SEE_OTHER)
        response.headers["set-cookie"] = cookies.set_cookie(request.headers, opened.token.reveal(), LIFETIME)
        return response

    async def _leave(self, request: Request, user: str) -> Response:
        Query(request, ())
        cookies.needs_https(request.headers)
        begun = await self._oidc.begin(cookies.own_url(request.headers), user)
        response = RedirectResponse(begun.url, _SEE_OTHER)
        response.headers["set-cookie"] = cookies.set_waiting(request.headers, begun.browser, LASTS)
        return response
