"""`/admin/leases`: memory for other programs."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, PAGED, contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.plan import LeaseView, PlanView
from glowplug.errors import RequestTimeout
from glowplug.usecases.leases import MemoryLeases, NewLease
from glowplug.usecases.page import MOST, Page


def routes(services: Services) -> tuple[Endpoint, ...]:
    leases = services.leases
    if leases is None:
        return ()

    @contract(Page[LeaseView], query=PAGED)
    async def show(request: Request) -> Response:
        query = Query(request, ("limit", "after"))
        return answer(leases.list(query.number("limit", MOST, MOST), query.text("after")))

    @contract(LeaseView, body=NewLease, query=(DRY_RUN,), status=201, preview=PlanView)
    async def ask(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        wanted = await body(request, NewLease)
        if dry_run:
            return answer(leases.plan(wanted))
        return answer(await _while_connected(request, leases, wanted), 201)

    @contract(LeaseView, query=(DRY_RUN,))
    async def release(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        return answer(leases.release(request.path_params["id"], dry_run))

    return (
        Endpoint("GET", "/admin/leases", show, "memory lent to other programs", Policy.ADMIN),
        Endpoint("POST", "/admin/leases", ask, "keep memory for another program", Policy.ADMIN),
        Endpoint("POST", "/admin/leases/{id}/release", release, "give a lease back", Policy.ADMIN),
        Endpoint("DELETE", "/admin/leases/{id}", release, "give a lease back", Policy.ADMIN),
    )


async def _while_connected(request: Request, leases: MemoryLeases, wanted: NewLease) -> LeaseView:
    """The lease; withdrawn when whoever asked is gone, so that nobody's memory is not kept for hours."""
    asking = asyncio.ensure_future(leases.ask(wanted))
    leaving = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait({asking, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not leaving.done():
            return asking.result()
        if asking.done():
            leases.release(asking.result().id)
        raise RequestTimeout("whoever asked for the lease is gone", hint="it was withdrawn")
    finally:
        leaving.cancel()
        asking.cancel()


async def _gone(request: Request) -> None:
    """Ends when the client closes its connection.  The body must have been read."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
