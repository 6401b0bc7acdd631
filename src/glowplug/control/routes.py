"""A route: method, path, what it asks of its caller, what it does.

`mount` is the only way from here to Starlette, and everything it makes is authenticated, has its errors encoded and
carries a request id.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from glowplug.control.answers import error_answer
from glowplug.control.auth import Policy, Resume, authenticate, block_of, check_host, check_origin
from glowplug.control.contracts import Contract, contract_of
from glowplug.domain.access import ApiKey, allows_path
from glowplug.domain.caller import Caller
from glowplug.domain.change import OURSELVES, Actor
from glowplug.errors import Forbidden, GlowplugError, InternalError, RequestError
from glowplug.ids import request_id
from glowplug.usecases.catalog import Catalog

_log = logging.getLogger(__name__)
_ID = re.compile(r"[\x21-\x7e]{1,128}")

_OTHERS = (Policy.OPEN, Policy.KEY, Policy.LOGIN, Policy.RETURN, Policy.PERSON, Policy.PAGE)
"""What no route below `/admin` may ask."""

Handler = Callable[[Request], Awaitable[Response]]


class MethodNotAllowed(RequestError):
    """The path is there, the method is not."""

    status = 405
    default_code = "method_not_allowed"


@dataclass(frozen=True)
class Endpoint:
    """One route of the control process.  `policy` must be given; `build_app` refuses a route without one."""

    method: str
    path: str
    handler: Handler
    summary: str
    policy: Policy | None = None
    errors: Callable[[GlowplugError, str], Response] = error_answer
    """Encodes an error, given the id of the request."""
    lets_in: bool = False
    """It lets people in without a key, though it is not below `/auth/`, where everything may."""
    contract: Contract | None = None
    """What it takes and gives; None: what `glowplug.control.contracts` said of its handler."""

    def promises(self) -> Contract:
        """Raises InternalError where nothing was said."""
        said = self.contract or contract_of(self.handler)
        if said is None:
            raise InternalError(f"{self.method} {self.path} does not say what it answers")
        return said


@dataclass(frozen=True)
class Gate:
    """What authentication needs to know."""

    find: Callable[[str], ApiKey | None]
    now: Callable[[], float]
    catalog: Callable[[], Catalog]
    blocked: Callable[[ApiKey], str] = block_of
    resume: Resume | None = None
    """None where nobody logs in."""

    async def admit(self, policy: Policy, request: Request) -> Caller | None:
        """Raises RequestError, Unauthenticated, Forbidden."""
        catalog = self.catalog()
        check_host(request.headers, catalog.hosts)
        check_origin(request.headers, catalog.hosts, catalog.origins)
        caller = await authenticate(
            policy, request.headers, self.find, self.now(), method=request.method, resume=self.resume,
            blocked=self.blocked,
        )  # fmt: skip
        key = None if caller is None else caller.key
        # As it is: `/v1` is left out of paths of models only, and `/v1/*` must not open `/key/generate`.
        if key is not None and not allows_path(key.routes, request.url.path):
            raise Forbidden(
                f"the API key {key.display} may not use {request.url.path}",
                hint=f"it may use {', '.join(key.routes)}",
                code="route_not_allowed",
            )
        return caller


def mount(endpoints: Iterable[Endpoint], gate: Gate) -> list[BaseRoute]:
    """Starlette routes, one a path.  Raises InternalError for a route without a policy or one that is there twice."""
    paths: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        if endpoint.policy is None:
            raise InternalError(f"{endpoint.method} {endpoint.path} does not say who may call it")
        if endpoint.policy is Policy.OPEN and not endpoint.path.startswith("/health/"):
            raise InternalError(f"{endpoint.method} {endpoint.path} would be open to everybody")
        if endpoint.policy is Policy.PAGE and (endpoint.method != "GET" or not f"{endpoint.path}/".startswith("/ui/")):
            raise InternalError(f"{endpoint.method} {endpoint.path} would be open to everybody")
        if endpoint.policy is Policy.RETURN and endpoint.path != "/auth/oidc/callback":
            raise InternalError(f"{endpoint.method} {endpoint.path} would be open to everybody")
        if endpoint.policy is Policy.LOGIN and not (endpoint.path.startswith("/auth/") or endpoint.lets_in):
            raise InternalError(f"{endpoint.method} {endpoint.path} would let in people without a key")
        if endpoint.path.startswith("/admin") and endpoint.policy in _OTHERS:
            raise InternalError(f"{endpoint.method} {endpoint.path} would be open to keys that are not an admin's")
        methods = paths.setdefault(endpoint.path, {})
        if endpoint.method in methods:
            raise InternalError(f"{endpoint.method} {endpoint.path} is there twice")
        methods[endpoint.method] = endpoint
    return [Route(path, _Guarded(methods, gate)) for path, methods in paths.items()]


class _Guarded:
    """An ASGI application for one path (Starlette passes every method on to a class instance)."""

    def __init__(self, methods: dict[str, Endpoint], gate: Gate) -> None:
        self._methods = methods
        self._gate = gate

    async def __call__(self, scope, receive, send) -> None:  # type: ignore[no-untyped-def]
        request = Request(scope, receive, send)
        given = request.headers.get("x-request-id", "")
        identity = given if _ID.fullmatch(given) else request_id()
        errors = next(iter(self._methods.values())).errors
        try:
            response = await self._answer(request, identity)
        except GlowplugError as error:
            response = errors(error, identity)
        except Exception:  # noqa: BLE001 - whatever our own mistake is, the client gets an error object and an id
            _log.exception("request %s: %s %s failed", identity, request.method, request.url.path)
            broken = InternalError(
                f"something went wrong here; the log has more under {identity}", hint="please report it"
            )
            response = errors(broken, identity)
        response.headers["x-request-id"] = identity
        response.headers.setdefault("cache-control", "no-store")
        await response(scope, receive, send)

    async def _answer(self, request: Request, identity: str) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        endpoint = self._methods.get(method) or self._methods.get("*")
        # Whoever may not call the path is not told which methods it has.
        some = endpoint or next(iter(self._methods.values()))
        assert some.policy is not None
        caller = await self._gate.admit(some.policy, request)
        request.state.caller = caller
        request.state.key = None if caller is None else caller.key
        request.state.actor = actor_of(caller, identity)
        if endpoint is None:
            there = ", ".join(self._methods)
            raise MethodNotAllowed(f"{request.url.path} does not take {request.method}", hint=f"it takes {there}")
        return await endpoint.handler(request)


def actor_of(caller: Caller | None, request: str) -> Actor:
    """On whose behalf somebody asks."""
    if caller is None:
        return OURSELVES
    return Actor(by=caller.by, through=caller.through, request=request)


def actor(request: Request) -> Actor:
    """On whose behalf this request asks."""
    who = request.state.actor
    assert isinstance(who, Actor)
    return who
