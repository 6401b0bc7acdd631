"""Whether a request may be served, and by whom: the look into its body, its route, what its key allows, the limits.

Everything here happens before anything is sent or accounted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from glowplug.errors import GlowplugError, RequestError
from glowplug.gateway import counting, ollama_calls, refusals, wishes
from glowplug.gateway.access import may_use
from glowplug.gateway.kinds import handed_on
from glowplug.gateway.wishes import WISHES
from glowplug.wire import keep_alive, multipart
from glowplug.wire.end_user import end_user
from glowplug.wire.keep_alive import HEADER as KEEP_ALIVE_HEADER
from glowplug.wire.keep_alive import KEY as KEEP_ALIVE
from glowplug.wire.prompt_size import prompt_tokens
from glowplug.wire.wished import take

if TYPE_CHECKING:
    from glowplug.gateway.call import Call
    from glowplug.gateway.kinds import Kind
    from glowplug.gateway.tables import Key, Route, Tables

_IDENTITY: Final = b"identity"
_LONGEST_TRACE: Final = 64
"""Characters of a `traceparent` header that are kept; a valid one has 55."""


def read(call: Call, data: bytes, headers: dict[bytes, bytes]) -> None:
    """Look into a request.  Raises RequestError."""
    kind = call.kind
    if b"traceparent" in headers:
        call.trace = headers[b"traceparent"].decode("latin-1")[:_LONGEST_TRACE]
    if call.key.route.end_users:
        call.end_user = end_user(data, headers)
        call.key = call.plane.tables.end_users.key(call.key, call.end_user)
        if call.end_user and call.key.route.user:
            call.named = (call.end_user,)
    if not kind.plain:
        call.reply.identify()
    if not kind.form:
        try:
            call.body = kind.read(data)
        except RequestError:
            if headers.get(b"content-encoding", _IDENTITY).lower() != _IDENTITY:
                raise refusals.encoded(headers[b"content-encoding"]) from None
            raise
        if kind.plain and not call.body.ours and WISHES.isdisjoint(headers):
            return
    _read(call, data, headers)


def _read(call: Call, data: bytes, headers: dict[bytes, bytes]) -> None:
    """Look into a request that is not the common case."""
    kind = call.kind
    call.reply.identify()
    call.wishes = wishes.parse(headers)
    if kind.form:
        call.body = multipart.peek(data, headers.get(b"content-type", b""))
    elif call.body.ours:
        if KEEP_ALIVE in data:
            data, call.keep_alive = keep_alive.take(data)
        data, wished = take(data, call.body.model)
        call.wishes = wishes.joined(call.wishes, wished)
        call.body = kind.read(data)
    wanted = headers.get(KEEP_ALIVE_HEADER)
    if wanted is not None:
        call.keep_alive = keep_alive.parse_header(wanted)
    call.fields = handed_on(kind, headers)
    if kind.ollama:
        ollama_calls.look(call)


def first_able(tables: Tables, key: Key, kind: Kind) -> Route:
    """Who answers a request that names no model: the first that has the endpoint and that the key may use.  Raises
    RequestError when there is none."""
    for route in tables.routes.values():
        if route.by_kind[kind.index] and may_use(key, route.name):
            return route
    raise refusals.nobody_serves(kind)


def find(call: Call) -> None:
    """Find the route and who of it has the endpoint; counts nothing.  Raises NotFound, Forbidden, RequestError."""
    tables, key, body = call.plane.tables, call.key, call.body
    route = tables.routes.get(body.raw_model)
    if route is None and not body.raw_model:
        route = first_able(tables, key, call.kind)
    if route is None or route.pattern:
        name = body.model
        route = tables.find_route(body.raw_model, name)
        if route is None and call.kind.ollama:
            raise refusals.not_found(name)
        if route is None:
            raise refusals.unknown_model(name, [r.name for r in tables.routes.values()])
    call.asked = route.name
    allowed = key.route.models
    if allowed and route.name not in allowed and not may_use(key, route.name):
        raise refusals.not_allowed(route.name)
    targets = route.by_kind[call.kind.index]
    if not targets and not (call.kind.counts and counting.countable(route)):
        raise refusals.wrong_kind(route, call.kind.name)
    call.route = route
    call.targets = targets
    if call.kind.prompt:
        call.prompt = prompt_tokens(body.data)


def admit(call: Call) -> None:
    """Find the route and ask the limits.  Raises RequestError and its kin."""
    find(call)
    key, route, now = call.key, call.route, call.t0
    guard = key.guard
    if guard is not None and (over := guard.refusal(now)) is not None:
        raise over
    # The route first: a request that its rate turns away is not counted against the key.
    if route.limiter is not None:
        if wait := route.limiter.take(now):
            raise refusals.over_rate(repr(route.name), route.limiter.rpm, wait)
        call.limited = True
    if key.limiter is not None:
        if wait := key.limiter.take(now):
            raise refusals.over_rate("This API key", key.limiter.rpm, wait)
        call.limited = True
    if guard is not None:
        call.held = guard.take(call, now)
        call.limited = True
    call.wait_until = now + route.timeout


def blocked(call: Call, now: float) -> GlowplugError | None:
    """Why `admit` would turn a request away that is `find`-able, or None.  Counts nothing."""
    key, route = call.key, call.route
    if key.guard is not None and (over := key.guard.refusal(now)) is not None:
        return over
    if route.limiter is not None and (wait := route.limiter.wait(now)):
        return refusals.over_rate(repr(route.name), route.limiter.rpm, wait)
    if key.limiter is not None and (wait := key.limiter.wait(now)):
        return refusals.over_rate("This API key", key.limiter.rpm, wait)
    return None
