"""`/v2/login`, which LiteLLM's page and scripts around it use."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.auth import Policy
from glowplug.control.litellm.shapes import NotHere, shaped
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services


def routes(_services: Services) -> tuple[Endpoint, ...]:
    async def login(_request: Request) -> Response:
        raise NotHere(
            "nobody can log in with a password through this API", hint="send an API key as `Authorization: Bearer KEY`"
        )

    return shaped((Endpoint("POST", "/v2/login", login, "LiteLLM: log in", Policy.KEY),))
