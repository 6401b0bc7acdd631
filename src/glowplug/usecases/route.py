"""Where a request would go, and why, without sending it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import msgspec

from glowplug.config.nearest import did_you_mean
from glowplug.domain.access import ApiKey
from glowplug.domain.route_plan import RoutePlan, RouteQuestion
from glowplug.errors import Conflict, NotFound, RequestError

_TAGS = "x-glowplug-tags"
_SESSION = "x-glowplug-session"


class RouteAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The body of `POST /admin/route`."""

    model: str = ""
    """A model or an alias; it goes in place of the one in `request`."""
    key: str = ""
    """Id or name of the API key that would send it; empty: the caller's."""
    kind: str = "/v1/chat/completions"
    """The path of an endpoint, or its name in records."""
    request: dict[str, Any] | None = None
    """A whole request body."""
    input_tokens: int = 0
    """The length of the prompt, where there is no `request`."""
    tags: tuple[str, ...] = ()
    session: str = ""
    """The name of a conversation."""
    headers: dict[str, str] = {}
    """Header fields by which a request says how it is served."""


class RoutePlans:
    """`usable()` are the keys that may be used now; `ask` has a worker answer (see `control.explaining`)."""

    def __init__(
        self, usable: Callable[[], Sequence[ApiKey]], ask: Callable[[RouteQuestion], Awaitable[RoutePlan]]
    ) -> None:
        self._usable = usable
        self._ask = ask

    async def explain(self, asked: RouteAsked, caller: str) -> RoutePlan:
        """What would happen now.  `caller` is the id of the key that asks.

        Raises NotFound, Conflict and RequestError, and Unavailable when no worker answers.
        """
        key = self._key(asked.key or caller)
        plan = await self._ask(_question(asked, key))
        return msgspec.structs.replace(plan, key_name=key.name)

    def _key(self, wanted: str) -> ApiKey:
        keys = self._usable()
        found = [key for key in keys if key.id == wanted] or [key for key in keys if key.name == wanted]
        if not found:
            hint = did_you_mean(wanted, [key.name for key in keys if key.name], "keys") or "glowplug keys list"
            raise NotFound(f"there is no usable API key {wanted!r}", hint=hint)
        if len(found) > 1:
            ids = ", ".join(key.id for key in found)
            raise Conflict(f"{len(found)} keys are named {wanted!r}", hint=f"name one by its id: {ids}")
        return found[0]


def _question(asked: RouteAsked, key: ApiKey) -> RouteQuestion:
    request = asked.request
    told = request.get("model") if request is not None else None
    model = asked.model or (told if isinstance(told, str) else "")
    if not model:
        raise RequestError("no model is named", hint="give model, or a request that has one")
    if request is not None and asked.input_tokens:
        raise RequestError("input_tokens and request say the same twice", hint="give one of them")
    headers = dict(asked.headers)
    for name, value in ((_TAGS, ",".join(asked.tags)), (_SESSION, asked.session)):
        if value and name in {given.lower() for given in headers}:
            raise RequestError(f"{name} is given twice", hint="leave it out of headers")
        if value:
            headers[name] = value
    return RouteQuestion(
        model=model,
        key=key.id,
        kind=asked.kind,
        body=b"" if request is None else msgspec.json.encode({**request, "model": model}),
        input_tokens=asked.input_tokens,
        headers=headers,
    )
