"""`/admin/ledger`."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.usecases.ledger import LedgerChecked, Rebuilt


def routes(services: Services) -> tuple[Endpoint, ...]:
    ledger = services.ledger
    if ledger is None:
        return ()

    @contract(LedgerChecked)
    async def check(request: Request) -> Response:
        Query(request, ())
        return answer(await ledger.check())

    @contract(Rebuilt, query=(DRY_RUN,))
    async def rebuild(request: Request) -> Response:
        return answer(await ledger.rebuild(Query(request, ("dry_run",)).flag("dry_run")))

    return (
        Endpoint("GET", "/admin/ledger/check", check, "compute the ledger anew and say what is wrong", Policy.ADMIN),
        Endpoint("POST", "/admin/ledger/rebuild", rebuild, "make the sums of the ledger anew", Policy.ADMIN),
    )
