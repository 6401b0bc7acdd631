"""`/metrics` of the whole endpoint; workers hand it over while the control process is there."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.auth import Policy
from glowplug.control.contracts import TEXT, contract
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.wire.exposition import CONTENT_TYPE


def routes(services: Services) -> tuple[Endpoint, ...]:
    scrape = services.scrape
    if scrape is None:
        return ()

    @contract(media=TEXT)
    async def show(_request: Request) -> Response:
        return Response(await scrape(), headers={"content-type": CONTENT_TYPE.decode()})

    return (Endpoint("GET", "/metrics", show, "figures for Prometheus", Policy.KEY),)
