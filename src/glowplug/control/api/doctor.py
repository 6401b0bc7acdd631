"""`/admin/doctor`."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import contract
from glowplug.control.doctoring import Doctoring
from glowplug.control.inputs import Query, body
from glowplug.control.routes import Endpoint, actor
from glowplug.control.services import Services
from glowplug.doctor.doctor import CheckView, RepairView
from glowplug.doctor.site import Foreign
from glowplug.domain.finding import Examination, Group
from glowplug.errors import RequestError
from glowplug.secret import Secret
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


class Theirs(msgspec.Struct, frozen=True, kw_only=True):
    """A LiteLLM: its database, where it runs, or both; never kept, and in no log."""

    database: str = ""
    keys: tuple[str, ...] = ()
    """What its values may be sealed with: the salt key, the master key, earlier ones."""
    url: str = ""
    url_key: str = ""
    """An admin's key there."""

    def foreign(self) -> Foreign:
        """Raises RequestError where it says nothing that could be examined."""
        if not self.database and not self.url:
            raise RequestError("no LiteLLM was named", hint="give its database, or the url where it runs")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise RequestError("the url of a LiteLLM begins with http:// or https://")
        return Foreign(
            database=Secret(self.database) if self.database else None, keys=tuple(map(Secret, filter(None, self.keys))),
            url=self.url or None, url_key=Secret(self.url_key) if self.url_key else None,
        )  # fmt: skip


class TheirRepair(msgspec.Struct, frozen=True, kw_only=True):
    """The same of a LiteLLM, and of nothing else unless it is named."""

    litellm: Theirs
    checks: tuple[str, ...] = (Group.LITELLM.value,)
    slow: bool = False
    dry_run: bool = True


class TheirUndoing(msgspec.Struct, frozen=True, kw_only=True):
    """Whose database a repair was about."""

    litellm: Theirs


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
        Query(request, ())
        wanted = await body(request, Visit)
        return answer(await doctor.examine(wanted.checks, slow=wanted.slow))

    @contract(Examination, body=Repair)
    async def repair(request: Request) -> Response:
        Query(request, ())
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
        *_of_litellm(doctor),
        Endpoint("GET", "/admin/doctor/checks", checks, "what the doctor looks at", Policy.ADMIN),
        Endpoint("POST", "/admin/doctor/examine", examine, "look, with every remedy previewed", Policy.READ),
        Endpoint("POST", "/admin/doctor/repair", repair, "carry remedies out", Policy.ADMIN),
        Endpoint("GET", "/admin/doctor/repairs", repairs, "what was repaired", Policy.ADMIN),
        Endpoint("POST", "/admin/doctor/repairs/{id}/undo", undo, "put back what a repair changed", Policy.ADMIN),
    )


def _of_litellm(doctor: Doctoring) -> tuple[Endpoint, ...]:
    @contract(Examination, body=TheirRepair)
    async def litellm(request: Request) -> Response:
        Query(request, ())
        wanted = await body(request, TheirRepair)
        foreign = wanted.litellm.foreign()
        if wanted.dry_run:
            return answer(await doctor.examine(wanted.checks, slow=wanted.slow, litellm=foreign))
        found = await doctor.repair(wanted.checks, slow=wanted.slow, actor=actor(request), litellm=foreign)
        return answer(found)

    @contract(Undone, body=TheirUndoing)
    async def undo_litellm(request: Request) -> Response:
        Query(request, ())
        name, wanted = request.path_params["id"], await body(request, TheirUndoing)
        return answer(Undone(id=name, undone=await doctor.undo(name, actor(request), wanted.litellm.foreign())))

    path = "/admin/doctor/litellm"
    return (
        Endpoint("POST", path, litellm, "examine a LiteLLM; with dry_run false repair it", Policy.ADMIN),
        Endpoint("POST", path + "/repairs/{id}/undo", undo_litellm, "put back what was repaired", Policy.ADMIN),
    )
