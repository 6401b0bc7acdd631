"""`/openapi.json`: the admin API in the words of OpenAPI."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import cache
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.auth import Policy
from glowplug.control.contracts import JSON, contract
from glowplug.control.inputs import Query
from glowplug.control.openapi import encoded
from glowplug.control.routes import Endpoint


def route(others: Iterable[Endpoint]) -> Endpoint:
    """The endpoint that describes these and itself: what is there, no more."""

    @contract(dict[str, Any])
    async def show(request: Request) -> Response:
        Query(request, ())
        return Response(await asyncio.to_thread(made), media_type=JSON)

    own = Endpoint("GET", "/openapi.json", show, "this description", Policy.SELF)
    every = (*others, own)

    @cache
    def made() -> bytes:
        return encoded(every)

    return own
