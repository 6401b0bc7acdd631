"""Kept responses, for the keys that asked for them: as OpenAI has them, and for workers that go on from one.

A response that is kept by the provider that made it is answered with nothing but the name of that target, in the header
`x-glowplug-target`; the worker asks there (`glowplug.gateway.stored`).

Format: https://platform.openai.com/docs/api-reference/responses.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from glowplug.control.answers import answer
from glowplug.control.auth import Policy
from glowplug.control.contracts import FREE, UNPUBLISHED, promised
from glowplug.control.routes import Endpoint
from glowplug.control.services import Services
from glowplug.domain.access import ApiKey
from glowplug.errors import RequestError
from glowplug.translate.responses_count import input_tokens
from glowplug.usecases.responses import ResponseBook
from glowplug.wire.link import KeepResponse

TARGET: Final = "x-glowplug-target"
_JSON: Final = "application/json"
_items = msgspec.json.Decoder(list[dict[str, Any]]).decode


def routes(services: Services) -> tuple[Endpoint, ...]:
    """The routes; none where nothing is kept."""
    if services.responses is None:
        return ()
    noun = _Responses(services.responses, services.keys.identity)
    one, key = "/v1/responses/{id}", Policy.KEY
    return (
        Endpoint("POST", "/v1/responses/input_tokens", noun.count, "about how many tokens a request has", key),
        Endpoint("GET", one, noun.get, "a response again", key),
        Endpoint("DELETE", one, noun.delete, "forget a response", key),
        Endpoint("POST", f"{one}/cancel", noun.cancel, "stop a response that is made in the background", key),
        Endpoint("GET", f"{one}/input_items", noun.input_items, "what a response answers", key),
        Endpoint("GET", "/internal/responses/{id}", noun.whole, "a kept response, for workers", key),
    )


class _Responses:
    def __init__(self, book: ResponseBook, identity: Callable[[str], str]) -> None:
        self._book = book
        self._identity = identity

    @promised(FREE)
    async def get(self, request: Request) -> Response:
        kept = await self._find(request)
        if request.query_params.get("stream") == "true" and not kept.native:
            raise RequestError("a response cannot be streamed again", hint="ask for it without `stream`")
        return _elsewhere(kept) or Response(kept.response, media_type=_JSON)

    @promised(FREE)
    async def delete(self, request: Request) -> Response:
        kept = await self._find(request)
        await self._book.delete(kept.key, kept.id)
        return _elsewhere(kept) or answer({"id": kept.id, "object": "response", "deleted": True})

    @promised(FREE)
    async def cancel(self, request: Request) -> Response:
        kept = await self._find(request)
        if (elsewhere := _elsewhere(kept)) is not None:
            return elsewhere
        raise RequestError("Cannot cancel a synchronous response.", hint="close the connection to stop one")

    @promised(FREE)
    async def input_items(self, request: Request) -> Response:
        kept = await self._find(request)
        return _elsewhere(kept) or answer(_page(kept, request))

    @promised(UNPUBLISHED)
    async def whole(self, request: Request) -> Response:
        kept = await self._find(request)
        return Response(msgspec.msgpack.encode(kept), media_type="application/msgpack")

    @promised(FREE)
    async def count(self, request: Request) -> Response:
        return answer({"object": "response.input_tokens", "input_tokens": input_tokens(await request.body())})

    async def _find(self, request: Request) -> KeepResponse:
        key: ApiKey = request.state.key
        return await self._book.find(self._identity(key.id), request.path_params["id"])


def _elsewhere(kept: KeepResponse) -> Response | None:
    return Response(b"", headers={TARGET: kept.model}) if kept.native else None


def _page(kept: KeepResponse, request: Request) -> dict[str, Any]:
    """One page of the input.  Raises RequestError."""
    query = request.query_params
    said = query.get("limit", "20")
    if not said.isdecimal() or not 1 <= int(said) <= 100:
        raise RequestError(f"limit is {said!r}", hint="give a whole number from 1 to 100")
    numbered = [{"id": f"in_{kept.id}_{n}", "type": "message", **item} for n, item in enumerate(_items(kept.input))]
    if query.get("order", "desc") != "asc":
        numbered.reverse()
    if after := query.get("after"):
        places = [place for place, item in enumerate(numbered) if item["id"] == after]
        if not places:
            raise RequestError(f"there is no item {after!r} in this response")
        numbered = numbered[places[0] + 1 :]
    data = numbered[: int(said)]
    return {
        "object": "list",
        "data": data,
        "first_id": data[0]["id"] if data else None,
        "last_id": data[-1]["id"] if data else None,
        "has_more": len(numbered) > len(data),
    }
