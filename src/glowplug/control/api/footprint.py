"""`/admin/footprint`: what the gateway itself takes of the machine, engines not counted."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import contract
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.launchers.procfs import private_bytes, read_stat


class FootprintView(msgspec.Struct, frozen=True, kw_only=True):
    """What the control process and its workers take; the answer of `GET /admin/footprint`."""

    memory: int | None = None
    """Resident bytes that the kernel cannot drop; None when unknown."""
    cpu_seconds: float | None = None
    """Processor time since they were started; None when unknown."""
    processes: int = 0


def routes(services: Services) -> tuple[Endpoint, ...]:
    @contract(FootprintView)
    async def show(request: Request) -> Response:
        Query(request, ())
        now = services.status()
        pids = (now.pid, *(worker.pid for worker in now.workers))
        return answer(await asyncio.to_thread(footprint, pids))

    return (Endpoint("GET", "/admin/footprint", show, "what the gateway itself takes", Policy.ADMIN),)


def footprint(pids: Iterable[int]) -> FootprintView:
    """Of these processes; those that are gone count nothing.  Unknown where there is no /proc."""
    stats = [stat for pid in sorted(set(pids)) if (stat := read_stat(pid)) is not None]
    if not stats:
        return FootprintView()
    return FootprintView(
        memory=private_bytes(stat.pid for stat in stats),
        cpu_seconds=sum(stat.cpu for stat in stats) / os.sysconf("SC_CLK_TCK"),
        processes=len(stats),
    )
