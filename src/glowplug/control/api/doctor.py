"""`/admin/doctor`."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import contract
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.doctor.doctor import CheckView, RepairView
from glowplug.domain.finding import Examination
from glowplug.usecases.page import Rows


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """What is looked at; without names everything that does not take long."""

    checks: tuple[str, ...] = ()
    slow: bool = False


class Repair(msgspec.Struct, frozen=True, kw_only=True):
    """Whose remedies are carried out; without names those of everything."""

    checks: tuple[str, ...] = ()
    slow: bool = False
    dry_run: bool = False


class Undone(msgspec.Struct, frozen=True, kw_only=True):
    """What undoing a repair did."""

    id: str
    undone: tuple[str, ...]


def routes(services: Services) -> tuple[Endpoint, ...]:
    doctor = services.doctor
    if doctor is None:
        return ()

    @contract(Rows[CheckView])
    async def checks(request: Request) -> Response:
        Query(request, ())
        return answer({"data": await doctor.checks()})

    @contract(Examination, body=Visit)
    async def examine(request: Request) -> Response:
        wanted = await body(request, Visit)
        return answer(await doctor.examine(wanted.checks, slow=wanted.slow))

    @contract(Examination, body=Repair)
    async def repair(request: Request) -> Response:
        wanted = await body(request, Repair)
        if wanted.dry_run:
            return answer(await doctor.examine(wanted.checks, slow=wanted.slow))
        return answer(await doctor.repair(wanted.checks, slow=wanted.slow, actor=actor(request)))

    @contract(Rows[RepairView])
    async def repairs(request: Request) -> Response:
        Query(request, ())
        return answer({"data": await doctor.repairs()})

    @contract(Undone)
    async def undo(request: Request) -> Response:
        Query(request, ())
        name = request.path_params["id"]
        return answer(Undone(id=name, undone=await doctor.undo(name, actor(request))))

    return (
        Endpoint("GET", "/admin/doctor/checks", checks, "what the doctor looks at", Policy.ADMIN),
        Endpoint("POST", "/admin/doctor/examine", examine, "look, with every remedy previewed", Policy.READ),
        Endpoint("POST", "/admin/doctor/repair", repair, "carry remedies out", Policy.ADMIN),
        Endpoint("GET", "/admin/doctor/repairs", repairs, "what was repaired", Policy.ADMIN),
        Endpoint("POST", "/admin/doctor/repairs/{id}/undo", undo, "put back what a repair changed", Policy.ADMIN),
    )
