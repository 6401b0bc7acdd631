"""`/v2/login`, which LiteLLM's page and scripts around it use: our own login in LiteLLM's words.

The cookie is that of a session of ours, with its rules: no key of LiteLLM's is in it, and what changes something wants
the token that `GET /auth/me` has.

`admin` with the master key as the password is what people know from there.  It lets in the admin whom the key belongs
to; one that belongs to nobody lets nobody in, because a session without a person would be an identity by default.
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
from glowplug.domain.access import ApiKey, Role
from glowplug.usecases.keys import present
from glowplug.usecases.logins import Login
from glowplug.usecases.sessions import LIFETIME

_MOST: Final = 8192
"""Bytes of a body."""
_AFTER: Final = "/ui/#entered"
_ADMIN: Final = "admin"
"""Whom LiteLLM's page calls whoever has the master key."""


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
        key = _master_key(services, sent.password) if sent.username.strip().lower() == _ADMIN else None
        if key is not None:
            opened = await book.login_with_key(key, address(request), agent(request))
        else:
            opened = await book.login(asked, address(request), agent(request))
        response = answer({"redirect_url": f"{cookies.own_url(request.headers)}{_AFTER}"})
        response.headers["set-cookie"] = cookies.set_cookie(request.headers, opened.token.reveal(), LIFETIME)
        return response

    return shaped((Endpoint("POST", "/v2/login", login, "LiteLLM: log in", Policy.LOGIN, lets_in=True),))


def _master_key(services: Services, text: str) -> ApiKey | None:
    """The admin key with this text, where it came from LiteLLM and is good for everything; else None."""
    key = services.keys.find(text)
    if key is None or not key.imported or key.role is not Role.ADMIN or key.routes:
        return None
    return key if present(key, services.clock.unix()) and not services.keys.standing(key).blocked else None
