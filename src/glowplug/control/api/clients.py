"""`/admin/clients`."""

from __future__ import annotations

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import Param, contract
from glowplug.control.cookies import own_url
from glowplug.control.inputs import Query
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.access import Role
from glowplug.domain.caller import Caller
from glowplug.errors import NotFound
from glowplug.usecases.clients import ClientList, Sighting, listed
from glowplug.usecases.page import Rows

_MODEL = Param("model", "The model that clients are told to ask for; left out: one that there is.")
_URL = Param("url", "Where clients find this server; left out: where this request found it.")
_KEY = Param("key", "Only those with this key: its id.")
_CLIENT = Param("client", "Only this client, by name.")


def routes(services: Services) -> tuple[Endpoint, ...]:
    def sightings() -> tuple[Sighting, ...]:
        return tuple(_dated(services, one) for one in services.sightings())

    @contract(ClientList, query=(_MODEL, _URL))
    async def clients(request: Request) -> Response:
        query = Query(request, ("model", "url"))
        url = query.text("url").rstrip("/").removesuffix("/v1") or own_url(request.headers)
        caller: Caller = request.state.caller
        if caller.role is not Role.USER:
            return answer(listed(services.catalog(), url, query.text("model"), sightings()))
        own = _own(services, caller)
        seen = tuple(one for one in sightings() if one.key in own)
        return answer(listed(services.catalog(), url, "", seen, every=False))

    @contract(Rows[Sighting], query=(_KEY, _CLIENT))
    async def seen(request: Request) -> Response:
        query = Query(request, ("key", "client"))
        key, client = query.text("key"), query.text("client")
        rows = [one for one in sightings() if key in ("", one.key) and client in ("", one.client)]
        return answer({"data": rows})

    told = "programs that are known, what each is told to ask here, and which came"
    return (
        Endpoint("GET", "/admin/clients", clients, told, Policy.SELF),
        Endpoint("GET", "/admin/clients/seen", seen, "programs that came, by key, the newest first", Policy.ADMIN),
    )


def _own(services: Services, caller: Caller) -> set[str]:
    """Ids of keys of whoever asks."""
    own = set() if caller.key is None else {caller.key.id}
    return own | ({key.id for key in services.keys.of(user=caller.user)} if caller.user else set())


def _dated(services: Services, one: Sighting) -> Sighting:
    """With the last use of its key."""
    try:
        used = services.keys.get(one.key).last_used_at
    except NotFound:
        return one
    return msgspec.structs.replace(one, key_used=used)
