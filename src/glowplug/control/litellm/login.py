"""`/v2/login`, which LiteLLM's page and scripts around it use: our own login in LiteLLM's words.

The cookie is that of a session of ours, with its rules: no key of LiteLLM's is in it, and what changes something wants
the token that `GET /auth/me` has.
"""

from __future__ import annotations

from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control import cookies
from glowplug.control.answers import answer
from glowplug.control.api.logins import address, agent
from glowplug.control.auth import Policy
from glowplug.control.litellm.shapes import body, shaped
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.usecases.logins import Login
from glowplug.usecases.sessions import LIFETIME

_MOST: Final = 8192
"""Bytes of a body."""
_AFTER: Final = "/ui/"


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """What is read of a body."""

    username: str = ""
    """E-mail address or id."""
    password: str = ""

    def __repr__(self) -> str:
        return f"Sent({self.username!r}, ***)"


def routes(services: Services) -> tuple[Endpoint, ...]:
    book = services.logins
    if book is None:
        return ()

    async def login(request: Request) -> Response:
        cookies.needs_https(request.headers)
        sent = await body(request, Sent, _MOST)
        asked = Login(user=sent.username, password=sent.password)
        opened = await book.login(asked, address(request), agent(request))
        response = answer({"redirect_url": f"{cookies.own_url(request.headers)}{_AFTER}"})
        response.headers["set-cookie"] = cookies.set_cookie(request.headers, opened.token.reveal(), LIFETIME)
        return response

    return shaped((Endpoint("POST", "/v2/login", login, "LiteLLM: log in", Policy.LOGIN),))
