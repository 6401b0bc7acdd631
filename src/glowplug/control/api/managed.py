"""What is added at run time: `/admin/models`, `/admin/aliases`, `/admin/providers`.

A body has the settings of the entry as the configuration file has them, and `name` when it is new.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import DRY_RUN, contract
from glowplug.control.inputs import MOST_BYTES, Query, body
from glowplug.control.routes import Endpoint, Handler, actor
from glowplug.control.services import Services
from glowplug.errors import BodyTooLarge, RequestError
from glowplug.usecases.managed import NOUNS, EntryView, ManagedBook, ProviderView, Written
from glowplug.usecases.page import Rows
from glowplug.usecases.rename import NewName, Renamed

_OFFERED = ("providers", "models", "aliases")


def routes(services: Services) -> tuple[Endpoint, ...]:
    book = services.managed
    if book is None:
        return ()

    @contract(Rows[ProviderView])
    async def providers(request: Request) -> Response:
        Query(request, ())
        return answer({"data": book.providers()})

    every = [Endpoint("GET", "/admin/providers", providers, "the configured providers", Policy.ADMIN)]
    for section in _OFFERED:
        noun = NOUNS[section]
        show, add, change, remove = _handlers(book, section)
        every += [
            Endpoint("GET", f"/admin/{section}/{{name:path}}", show, f"one with its settings: {noun}", Policy.ADMIN),
            Endpoint("POST", f"/admin/{section}", add, f"add: {noun}", Policy.ADMIN),
            Endpoint(
                "PATCH", f"/admin/{section}/{{name:path}}", change, f"change what was added: {noun}", Policy.ADMIN
            ),
            Endpoint("DELETE", f"/admin/{section}/{{name:path}}", remove, f"take away: {noun}", Policy.ADMIN),
        ]
    return (*tuple(every), *_renaming(services))


def _renaming(services: Services) -> tuple[Endpoint, ...]:
    renaming = services.renaming
    if renaming is None:
        return ()

    @contract(Renamed, body=NewName, query=(DRY_RUN,))
    async def rename(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        return answer(await renaming.rename(await body(request, NewName), dry_run, actor=actor(request)))

    return (Endpoint("POST", "/admin/rename", rename, "call a model or alias something else everywhere", Policy.ADMIN),)


def _handlers(book: ManagedBook, section: str) -> tuple[Handler, Handler, Handler, Handler]:
    @contract(EntryView)
    async def show(request: Request) -> Response:
        Query(request, ())
        return answer(book.entry(section, request.path_params["name"]))

    @contract(Written, body=dict[str, Any], query=(DRY_RUN,), status=201)
    async def add(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        settings = await _members(request)
        name = settings.pop("name", None)
        if not isinstance(name, str) or not name:
            raise RequestError("the name is missing", hint='add "name": "…" beside the settings')
        written = await book.add(section, name, settings, dry_run, actor=actor(request))
        return answer(written, 200 if dry_run else 201)

    @contract(Written, body=dict[str, Any], query=(DRY_RUN,))
    async def change(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        settings = await _members(request)
        return answer(await book.change(section, request.path_params["name"], settings, dry_run, actor=actor(request)))

    @contract(Written, query=(DRY_RUN,))
    async def remove(request: Request) -> Response:
        dry_run = Query(request, ("dry_run",)).flag("dry_run")
        return answer(await book.remove(section, request.path_params["name"], dry_run, actor=actor(request)))

    return show, add, change, remove


async def _members(request: Request) -> dict[str, object]:
    """The JSON object in the body.  Raises RequestError, BodyTooLarge."""
    data = b""
    async for chunk in request.stream():
        data += chunk
        if len(data) > MOST_BYTES:
            raise BodyTooLarge(f"the body is longer than {MOST_BYTES} bytes")
    try:
        sent = msgspec.json.decode(data or b"{}")
    except msgspec.DecodeError as error:
        raise RequestError(f"the body is not JSON: {error}") from None
    if not isinstance(sent, dict):
        raise RequestError("the body is not a JSON object")
    return sent
